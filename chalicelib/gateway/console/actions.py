"""What the console does beyond the contract: a few actions of version `console`, signed and
answered like every other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from chalicelib.contract.messages import CreateCollection
from chalicelib.contract.values import check_collection
from chalicelib.errors import InvalidField, MissingField
from chalicelib.gateway.wire.render import Json
from chalicelib.service import Service

if TYPE_CHECKING:
    from chalicelib.index.collection import Collection
    from chalicelib.usecases.deployment import Deployment
    from chalicelib.usecases.keys import Key

Fields = Mapping[str, str]

MAX_OPENED: Final = 100
"""Collections opened for one list."""
MAX_ERRORS: Final = 1000
"""Lines of an import's errors that are shown; the file has them all."""


@dataclass(frozen=True, slots=True)
class ConsoleAction:
    """One action of the console."""

    access: Literal["read", "write", "owner"]
    """What the key must allow; owner: write, in every collection."""
    run: Callable[[Fields, Deployment, Key], Json]


def _list_collections(fields: Fields, deployment: Deployment, key: Key) -> Json:
    """Every name that the key may see; of the first ones, or of the one that is asked for, also the
    kind.

    What a collection is takes opening it, so a list of thousands does not open them all; how much
    each holds is never told here.
    """
    from chalicelib.usecases.picture_urls import picture_urls

    urls = picture_urls(deployment)
    wanted = fields.get("InstanceName")
    names = [
        name
        for name in deployment.catalog.names()
        if key.may("read", name) and wanted in (None, "", name)
    ]
    opened = [
        _collection(deployment.catalog.open(name), urls.get(name)) for name in names[:MAX_OPENED]
    ]
    return {
        "Collections": [
            *opened,
            *({"Name": name, "PictureUrl": urls.get(name)} for name in names[MAX_OPENED:]),
        ]
    }


def _collection(collection: Collection, picture_url: str | None) -> Json:
    info = collection.info
    return {
        "Name": info.name,
        "Type": info.service.name.lower(),
        "Created": round(info.created * 1000),
        "Fingerprint": info.fingerprint,
        "PictureUrl": picture_url,
    }


def _describe_collection(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.usecases.picture_urls import picture_urls
    from chalicelib.usecases.storage_statistics import storage_statistics

    name = _name(fields)
    collection = deployment.catalog.open(name)
    found, info = storage_statistics(name, deployment), collection.info
    return {
        **_collection(collection, picture_urls(deployment).get(name)),
        "Dimension": info.dimension,
        "Bits": info.bits,
        "Current": info.fingerprint == deployment.analyzer().fingerprint,
        "LogObjects": found.log_objects,
        "Bytes": sum(segment.bytes for segment in found.segments),
        "Segments": [{"Rows": segment.rows, "Bytes": segment.bytes} for segment in found.segments],
        "Growth": [{"Time": round(time * 1000), "Rows": rows} for time, rows in found.growth],
    }


def _create_collection(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.usecases.manage import create_collection

    text = _given(fields, "Type")
    try:
        service = Service.named(text)
    except KeyError:
        raise InvalidField(
            "service",
            f"{text[:40]!r} is no kind of collection; choose product, generic, fabric or trademark",
        ) from None
    made = create_collection(CreateCollection(_name(fields), service), deployment)
    return {"Name": made.name, "Type": made.service.name.lower()}


def _drop_collection(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.usecases.picture_urls import set_picture_url

    name = _name(fields)
    deployment.catalog.open(name)
    deployment.catalog.drop(name)
    set_picture_url(name, None, deployment)
    return {"Name": name}


def _set_picture_url(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.usecases.picture_urls import set_picture_url

    name, text = _name(fields), _given(fields, "PictureUrl")
    set_picture_url(name, None if text == "none" else text, deployment)
    return {"Name": name}


def _list_keys(_: Fields, deployment: Deployment, __: Key) -> Json:
    from chalicelib.usecases.keys import list_keys

    return {"Keys": [_key(key) for key in list_keys(deployment)]}


def _key(key: Key) -> Json:
    return {
        "AccessKeyId": key.key_id,
        "Name": key.name,
        "Access": key.access,
        "Collections": sorted(key.collections),
        "Created": round(key.created * 1000),
        "Rotating": key.rotating,
        "Bearer": key.bearer,
    }


def _create_key(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.usecases.keys import create_key

    access = fields.get("Access", "write")
    if access not in ("read", "write"):
        raise InvalidField("access", f"access is {access[:40]!r}; it must be read or write")
    collections = frozenset(
        name.strip() for name in fields.get("Collections", "").split(",") if name.strip()
    )
    made = create_key(
        deployment,
        name=fields.get("Name", ""),
        access="read" if access == "read" else "write",
        collections=collections,
    )
    return {"AccessKeyId": made.key_id, "AccessKeySecret": made.secret}


def _revoke_key(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.usecases.keys import revoke_key

    key_id = _given(fields, "AccessKeyId")
    revoke_key(deployment, key_id)
    return {"AccessKeyId": key_id}


def _import_progress(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.jobs.progress import Watch

    seen = Watch(_name(fields), "imports", _job_id(fields)).look(deployment)
    per_second = (seen.done + seen.failed) / max(seen.elapsed_s, 0.001)
    left = seen.total - seen.done
    return {
        "Status": seen.job.status,
        "Total": seen.total,
        "Done": seen.done,
        "Failed": seen.failed,
        "PerSecond": round(per_second, 2),
        "EtaSeconds": round(left / per_second, 1) if seen.total and per_second else None,
    }


def _import_errors(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.jobs.progress import Watch

    errors = Watch(_name(fields), "imports", _job_id(fields)).look(deployment).errors
    rows = [
        {"Line": error.line, "Code": error.code, "Message": error.message, "Input": error.input}
        for error in errors[:MAX_ERRORS]
    ]
    return {"Errors": rows, "Total": len(errors)}


def _check_health(fields: Fields, deployment: Deployment, _: Key) -> Json:
    from chalicelib.usecases.doctor import checks

    return {
        "Checks": [
            {"Name": check.name, "State": check.state, "Message": check.message}
            for check in checks(deployment, _name(fields))
        ]
    }


def _given(fields: Fields, name: str) -> str:
    value = fields.get(name, "").strip()
    if not value:
        raise MissingField(name, f"{name} is missing")
    return value


def _name(fields: Fields) -> str:
    name = fields.get("InstanceName", "")
    check_collection(name)
    return name


def _job_id(fields: Fields) -> int:
    text = _given(fields, "Id")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidField("job_id", f"Id is {text[:20]!r}; it must be a job's number")
    return int(text)


ACTIONS: Final[Mapping[str, ConsoleAction]] = {
    "ListCollections": ConsoleAction("read", _list_collections),
    "DescribeCollection": ConsoleAction("read", _describe_collection),
    "CreateCollection": ConsoleAction("owner", _create_collection),
    "DropCollection": ConsoleAction("owner", _drop_collection),
    "SetPictureUrl": ConsoleAction("write", _set_picture_url),
    "ListKeys": ConsoleAction("owner", _list_keys),
    "CreateKey": ConsoleAction("owner", _create_key),
    "RevokeKey": ConsoleAction("owner", _revoke_key),
    "ImportProgress": ConsoleAction("read", _import_progress),
    "ImportErrors": ConsoleAction("read", _import_errors),
    "CheckHealth": ConsoleAction("write", _check_health),
}
"""By name."""
