"""Members that the answers of several actions share (CONTRACT §1.2, §3, §7)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from chalicelib.contract.categories import categories_of

if TYPE_CHECKING:
    from chalicelib.attributes import Attributes
    from chalicelib.index.read.query import Row
    from chalicelib.usecases.add import Added
    from chalicelib.usecases.search import SearchResults

Json = dict[str, object]
T = TypeVar("T")

ROOM: Final = 1_500_000
"""Bytes of a list in an answer: Lambda takes 6,291,556, where a character may be written as four
times its bytes.
"""

_MEMBERS: Final = {
    "custom_content": "CustomContent",
    **{f"int_attr{n}": f"IntAttr{n}" for n in ("", "2", "3", "4")},
    **{f"str_attr{n}": f"StrAttr{n}" for n in ("", "2", "3", "4")},
}


class AnyJob(Protocol):
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


def done(message: str) -> Json:
    """Success, with the member that the action calls `message`."""
    return {"Code": 0, message: "success", "Success": True}


def nothing(_: object) -> Json:
    """An answer that says only that it was done."""
    return done("Message")


def fitting(items: Iterable[T]) -> list[T]:
    """As many of `items`, from the first, as fit into an answer."""
    kept: list[T] = []
    room = ROOM
    for item in items:
        room -= len(json.dumps(item, ensure_ascii=False).encode()) + 2
        if room < 0:
            break
        kept.append(item)
    return kept


def row(found: Row) -> Json:
    """A record as answers list it."""
    return {
        "ProductId": found.key.product_id,
        "PicName": found.key.pic_name,
        "CategoryId": found.category_id,
        **_attributes(found.attributes),
    }


def _attributes(attributes: Attributes) -> Json:
    """Attributes that were never set are left out."""
    named = {_MEMBERS[each.name]: getattr(attributes, each.name) for each in fields(attributes)}
    return {name: value for name, value in named.items() if value is not None}


def pic_info(seen: Added | SearchResults) -> Json:
    """What was seen in a picture."""
    return {
        "CategoryId": seen.category_id,
        "Region": seen.region.text(),
        "MultiRegion": [{"Region": region.text()} for region in seen.regions],
        "AllCategories": [
            {"Id": number, "Name": name} for number, name in categories_of(seen.service).items()
        ],
    }


def task(job: AnyJob) -> Json:
    """A job as the lists of imports and exports begin it."""
    # one time as text, one as a number: CONTRACT §7
    return {
        "Id": job.id,
        "Status": job.status,
        "Code": job.code,
        "Msg": job.message,
        "UtcCreate": ms_text(job.created),
        "UtcModified": round(job.modified * 1000),
    }


def ms_text(seconds: float) -> str:
    """Seconds since the epoch as text, milliseconds."""
    return str(round(seconds * 1000))


def link(url: str | None, base: str) -> str | None:
    """A link of our own is a path; `base` is scheme://host."""
    return base + url if url is not None and url.startswith("/") else url


def present(members: Json) -> Json:
    """Those that are neither absent nor empty."""
    return {name: value for name, value in members.items() if value not in {None, ""}}
