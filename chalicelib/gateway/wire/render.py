"""From results to the members of an answer, per version (CONTRACT §3, §4, §5, §7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Final, Protocol

from chalicelib.contract.categories import categories_of
from chalicelib.region import Region
from chalicelib.service import Service

if TYPE_CHECKING:
    from chalicelib.attributes import Attributes
    from chalicelib.index.format.records import Key
    from chalicelib.index.read.query import Row
    from chalicelib.usecases.add import Added
    from chalicelib.usecases.manage import Described
    from chalicelib.usecases.search import Match, SearchResults

Json = dict[str, object]

NEVER_MS: Final = "253402300799000"
"""End of the year 9999: a collection does not expire."""
CAPACITY_UNIT: Final = 10_000

_MEMBERS: Final = {
    "custom_content": "CustomContent",
    **{f"int_attr{n}": f"IntAttr{n}" for n in ("", "2", "3", "4")},
    **{f"str_attr{n}": f"StrAttr{n}" for n in ("", "2", "3", "4")},
}
_MEMBERS_2019: Final = {
    "custom_content": "CustomContent",
    "int_attr": "IntAttr",
    "str_attr": "StrAttr",
}


class Job(Protocol):
    """What imports and exports tell of a job."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102
    @property
    def created(self) -> float: ...  # noqa: D102
    @property
    def modified(self) -> float: ...  # noqa: D102


def _done(message_member: str) -> Json:
    return {"Code": 0, message_member: "success", "Success": True}


def _attributes(attributes: Attributes, members: dict[str, str]) -> Json:
    """Attributes that were never set are left out."""
    named = {
        members[field.name]: getattr(attributes, field.name)
        for field in fields(attributes)
        if field.name in members
    }
    return {name: value for name, value in named.items() if value is not None}


def row(found: Row, members: dict[str, str] = _MEMBERS) -> Json:
    """A record as answers list it."""
    return {
        "ProductId": found.key.product_id,
        "PicName": found.key.pic_name,
        "CategoryId": found.category_id,
        **_attributes(found.attributes, members),
    }


def _match(match: Match, members: dict[str, str]) -> Json:
    return {
        **row(match.row, members),
        "Score": round(match.score, 6),
        "SortExprValues": match.sort_values,
    }


def _categories(service: Service) -> list[Json]:
    return [{"Id": number, "Name": name} for number, name in categories_of(service).items()]


def _pic_info(seen: Added | SearchResults) -> Json:
    return {
        "CategoryId": seen.category_id,
        "Region": seen.region.text(),
        "MultiRegion": _regions(seen.regions),
        "AllCategories": _categories(seen.service),
    }


def _regions(regions: Sequence[Region]) -> list[Json]:
    return [{"Region": region.text()} for region in regions]


def added(seen: Added) -> Json:
    """AddImage, 2020-12-14."""
    return {**_done("Message"), "PicInfo": _pic_info(seen)}


def added_2019(seen: Added) -> Json:
    """AddImage, 2019-03-25."""
    return {
        **_done("Message"),
        "PicInfo": {"CategoryId": seen.category_id, "Region": seen.region.text()},
    }


def deleted(keys: Iterable[Key]) -> Json:
    """DeleteImage, 2020-12-14."""
    return {**_done("Message"), "Data": {"PicNames": [key.pic_name for key in keys]}}


def done() -> Json:
    """UpdateImage; DeleteImage of 2019-03-25; AddItem and DeleteItem."""
    return _done("Message")


def found(answer: SearchResults) -> Json:
    """SearchImageByPic and SearchImageByName, 2020-12-14."""
    return _found(answer, _MEMBERS)


def found_2019(answer: SearchResults) -> Json:
    """SearchImage, 2019-03-25."""
    return _found(answer, _MEMBERS_2019)


def _found(answer: SearchResults, members: dict[str, str]) -> Json:
    return {
        **_done("Msg"),
        "Head": _head(answer),
        "PicInfo": _pic_info(answer),
        "Auctions": [_match(match, members) for match in answer.matches],
    }


def _head(answer: SearchResults) -> Json:
    # CONTRACT §2.7: DocsReturn is what this answer holds; the current reference has the two the
    # wrong way round
    return {
        "DocsFound": answer.found,
        "DocsReturn": len(answer.matches),
        "SearchTime": answer.milliseconds,
    }


def found_2018(answer: SearchResults) -> Json:
    """SearchItem, 2018-01-20: numbers as text, lists wrapped."""
    auctions = [
        {
            "ItemId": match.row.key.product_id,
            "ProductId": match.row.key.product_id,
            "PicName": match.row.key.pic_name,
            "CatId": str(match.row.category_id),
            "CustContent": match.row.attributes.custom_content or "",
            "SortExprValues": match.sort_values,
        }
        for match in answer.matches
    ]
    categories = [
        {"Name": name, "Id": str(number)} for number, name in categories_of(answer.service).items()
    ]
    return {
        **_done("Message"),
        "Head": _head(answer),
        "PicInfo": {
            "Category": str(answer.category_id),
            "Region": answer.region.text(),
            "AllCategory": {"Category": categories},
        },
        "Auctions": {"Auction": auctions},
    }


def rows(answer: Iterable[Row]) -> Json:
    """SearchImageByFilter."""
    return {**_done("Msg"), "Auctions": [row(found) for found in answer]}


def looked_up(answer: Row | None) -> Json:
    """CheckImageExists: Auctions is one object, absent when there is no such picture."""
    return {
        **_done("Msg"),
        "Exists": answer is not None,
        **({} if answer is None else {"Auctions": row(answer)}),
    }


def compared(score: float) -> Json:
    """CompareSimilarByImage."""
    return {**_done("Msg"), "Score": round(score, 6)}


def described(answer: Described, region: str) -> Json:
    """Detail. Capacity is in units of 10,000 pictures, rounded up."""
    return {
        "Success": True,
        "Instance": {
            "Name": answer.name,
            "Region": region,
            "ServiceType": int(answer.service),
            "Capacity": -(-answer.capacity // CAPACITY_UNIT),
            "Qps": answer.requests_per_second,
            "TotalCount": answer.count,
            "UtcCreate": _ms_text(answer.created),
            "UtcExpireTime": NEVER_MS,
        },
    }


def _ms_text(seconds: float) -> str:
    return str(round(seconds * 1000))


def import_started(job: Job) -> Json:
    """IncreaseInstance."""
    return {"Success": True, "Data": {"Id": str(job.id), "IncrementStatus": job.status}}


def export_started(job: Job) -> Json:
    """DumpMeta."""
    return {"Success": True, "Data": {"Id": str(job.id), "DumpMetaStatus": job.status}}


def _task(job: Job) -> Json:
    # one time as text, one as a number: CONTRACT §7
    return {
        "Id": job.id,
        "Status": job.status,
        "Code": job.code,
        "Msg": job.message,
        "UtcCreate": _ms_text(job.created),
        "UtcModified": round(job.modified * 1000),
    }


def _link(url: str | None, base: str) -> str | None:
    """A link of our own is a path; `base` is scheme://host."""
    return base + url if url is not None and url.startswith("/") else url


def _present(members: Json) -> Json:
    return {name: value for name, value in members.items() if value not in {None, ""}}


def import_row(job: ImportJob, *, base: str = "") -> Json:
    """One job of IncreaseList, and what a callback is sent."""
    extra = {"CallbackAddress": job.callback, "ErrorUrl": _link(job.error_url, base)}
    return {**_task(job), "BucketName": job.bucket, "Path": job.path, **_present(dict(extra))}


def export_row(job: ExportJob, *, base: str = "") -> Json:
    """One job of DumpMetaList."""
    return {**_task(job), **_present({"MetaUrl": _link(job.meta_url, base)})}


class ImportJob(Job, Protocol):
    """An import job."""

    @property
    def bucket(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def callback(self) -> str | None: ...  # noqa: D102
    @property
    def error_url(self) -> str | None: ...  # noqa: D102


class ExportJob(Job, Protocol):
    """An export job."""

    @property
    def meta_url(self) -> str | None: ...  # noqa: D102


def imports(jobs: Sequence[ImportJob], *, number: int, size: int, total: int, base: str) -> Json:
    """IncreaseList."""
    rows_ = [import_row(job, base=base) for job in jobs]
    return {
        "Data": {
            "PageNumber": number,
            "PageSize": size,
            "TotalCount": total,
            "Increments": {"Instance": rows_},
        }
    }


def exports(jobs: Sequence[ExportJob], *, number: int, size: int, total: int, base: str) -> Json:
    """DumpMetaList."""
    rows_ = [export_row(job, base=base) for job in jobs]
    return {
        "Data": {"PageNumber": number, "PageSize": size, "TotalCount": total, "DumpMetaList": rows_}
    }
