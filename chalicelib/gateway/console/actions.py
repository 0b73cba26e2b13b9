"""What the console does beyond the contract: a few actions of version `console`, signed and
answered like every other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from chalicelib.contract.messages import CreateCollection
from chalicelib.contract.values import check_collection
from chalicelib.errors import InvalidField, MissingField
from chalicelib.gateway.actions.declaration import CONSOLE, Action, Call, Json, itself
from chalicelib.gateway.actions.parameters import INSTANCE, JOB
from chalicelib.gateway.wire.fields import Fields, Parameter
from chalicelib.gateway.wire.members import fitting
from chalicelib.service import Service

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.index.collection import Collection
    from chalicelib.usecases.keys import AccessKey

MAX_OPENED: Final = 100
"""Collections opened for one list."""
MAX_ERRORS: Final = 1000
"""Lines of an import's errors that are shown; the file has them all."""


def _list_collections(fields: Fields, call: Call) -> Json:
    """Every name that the key may see; of the first ones, or of the one that is asked for, also the
    kind.

    What a collection is takes opening it, so a list of thousands does not open them all; how much
    each holds is never told here.
    """
    from chalicelib.usecases.picture_urls import picture_urls

    urls = picture_urls(call.deployment)
    wanted = fields.collection
    names = [
        name
        for name in call.deployment.catalog.names()
        if call.key.may("read", name) and wanted in ("", name)
    ]
    opened = [
        _collection(call.deployment.catalog.open(name), urls.get(name))
        for name in names[:MAX_OPENED]
    ]
    others = [{"Name": name, "PictureUrl": urls.get(name)} for name in names[MAX_OPENED:]]
    listed = fitting([*opened, *others])
    return {"Collections": listed, "NamesLeftOut": len(names) - len(listed)}


def _collection(collection: Collection, picture_url: str | None) -> Json:
    info = collection.info
    return {
        "Name": info.name,
        "Type": info.service.name.lower(),
        "Created": round(info.created * 1000),
        "Fingerprint": info.fingerprint,
        "PictureUrl": picture_url,
    }


def _describe_collection(fields: Fields, call: Call) -> Json:
    from chalicelib.usecases.picture_urls import picture_urls
    from chalicelib.usecases.storage_statistics import storage_statistics

    name = _name(fields)
    collection = call.deployment.catalog.open(name)
    found, info = storage_statistics(name, call.deployment), collection.info
    return {
        **_collection(collection, picture_urls(call.deployment).get(name)),
        "Dimension": info.dimension,
        "Bits": info.bits,
        "Current": info.fingerprint == call.deployment.analyzer().fingerprint,
        "LogObjects": found.log_objects,
        "Bytes": sum(segment.bytes for segment in found.segments),
        "Segments": [{"Rows": segment.rows, "Bytes": segment.bytes} for segment in found.segments],
        "Growth": [{"Time": round(time * 1000), "Rows": rows} for time, rows in found.growth],
    }


def _create_collection(fields: Fields, call: Call) -> Json:
    from chalicelib.usecases.manage import create_collection

    text = _given(fields, "Type")
    try:
        service = Service.named(text)
    except KeyError:
        raise InvalidField(
            "service",
            f"{text[:40]!r} is no kind of collection; choose product, generic, fabric or trademark",
        ) from None
    made = create_collection(CreateCollection(_name(fields), service), call.deployment)
    return {"Name": made.name, "Type": made.service.name.lower()}


def _drop_collection(fields: Fields, call: Call) -> Json:
    from chalicelib.usecases.picture_urls import set_picture_url

    name = _name(fields)
    call.deployment.catalog.open(name)
    call.deployment.catalog.drop(name)
    set_picture_url(name, None, call.deployment)
    return {"Name": name}


def _set_picture_url(fields: Fields, call: Call) -> Json:
    from chalicelib.usecases.picture_urls import set_picture_url

    name, text = _name(fields), _given(fields, "PictureUrl")
    set_picture_url(name, None if text == "none" else text, call.deployment)
    return {"Name": name}


def _list_keys(_: Fields, call: Call) -> Json:
    from chalicelib.usecases.keys import list_keys

    return {"Keys": [_key(key) for key in list_keys(call.deployment)]}


def _key(key: AccessKey) -> Json:
    return {
        "AccessKeyId": key.key_id,
        "Name": key.name,
        "Access": key.access,
        "Collections": sorted(key.collections),
        "Created": round(key.created * 1000),
        "Rotating": key.rotating,
        "Bearer": key.bearer,
    }


def _create_key(fields: Fields, call: Call) -> Json:
    from chalicelib.usecases.keys import create_key

    access = fields.text("Access") or "write"
    if access not in ("read", "write"):
        raise InvalidField("access", f"access is {access[:40]!r}; it must be read or write")
    collections = frozenset(
        name.strip() for name in fields.text("Collections").split(",") if name.strip()
    )
    made = create_key(
        call.deployment,
        name=fields.text("Name"),
        access="read" if access == "read" else "write",
        collections=collections,
    )
    return {"AccessKeyId": made.key_id, "AccessKeySecret": made.secret}


def _revoke_key(fields: Fields, call: Call) -> Json:
    from chalicelib.usecases.keys import revoke_key

    key_id = _given(fields, "AccessKeyId")
    revoke_key(call.deployment, key_id)
    return {"AccessKeyId": key_id}


def _import_progress(fields: Fields, call: Call) -> Json:
    from chalicelib.jobs.progress import Watch

    seen = Watch(_name(fields), "imports", _job_id(fields)).look(call.deployment)
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


def _import_errors(fields: Fields, call: Call) -> Json:
    from chalicelib.jobs.progress import Watch

    errors = Watch(_name(fields), "imports", _job_id(fields)).look(call.deployment).errors
    rows = [
        {"Line": error.line, "Code": error.code, "Message": error.message, "Input": error.input}
        for error in errors[:MAX_ERRORS]
    ]
    return {"Errors": fitting(rows), "Total": len(errors)}


def _cancel_import(fields: Fields, call: Call) -> Json:
    from chalicelib.gateway.import_events import wording
    from chalicelib.jobs.cancel import cancel_import

    return {"Id": cancel_import(_name(fields), call.deployment, wording(call.deployment)).id}


def _check_health(fields: Fields, call: Call) -> Json:
    """What `lookalike doctor` says of the collection."""
    from chalicelib.usecases.doctor import checks

    return {
        "Checks": [
            {"Name": check.name, "State": check.state, "Message": check.message}
            for check in checks(call.deployment, _name(fields))
            if call.key.owner or check.name.startswith("collection ")  # the rest is the owner's
        ]
    }


def _given(fields: Fields, name: str) -> str:
    value = fields.text(name).strip()
    if not value:
        raise MissingField(name, f"{name} is missing")
    return value


def _name(fields: Fields) -> str:
    name = fields.collection
    check_collection(name)
    return name


def _job_id(fields: Fields) -> int:
    text = _given(fields, "Id")
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidField("job_id", f"Id is {text[:20]!r}; it must be a job's number")
    return int(text)


def _action(
    name: str,
    summary: str,
    access: Literal["read", "write", "owner"],
    run: Callable[[Fields, Call], Json],
    *parameters: Parameter,
) -> Action:
    """One of the console's; its fields are its message, and `run` says what is answered."""
    return Action(
        name,
        summary,
        access=access,
        version=CONSOLE,
        parameters=parameters,
        read=itself,
        run=run,
        answer=itself,
        schema={"type": "object"},
        counted=False,
    )


_JOB: Final = JOB.but(required=True)

ACTIONS: Final = (
    _action(
        "ListCollections",
        "Collections that the key may see.",
        "read",
        _list_collections,
        INSTANCE.but(note="only this one"),
    ),
    _action(
        "DescribeCollection",
        "What a collection lies on.",
        "read",
        _describe_collection,
        INSTANCE,
    ),
    _action(
        "CreateCollection",
        "Make an empty collection.",
        "owner",
        _create_collection,
        INSTANCE,
        Parameter("Type", "service", required=True),
    ),
    _action(
        "DropCollection",
        "Forget a collection and all it holds.",
        "owner",
        _drop_collection,
        INSTANCE,
    ),
    _action(
        "SetPictureUrl",
        "Where the console finds a collection's pictures.",
        "write",
        _set_picture_url,
        INSTANCE,
        Parameter("PictureUrl", "picture_url_template", required=True),
    ),
    _action("ListKeys", "Access keys, without secrets.", "owner", _list_keys),
    _action(
        "CreateKey",
        "Make an access key.",
        "owner",
        _create_key,
        Parameter("Name", "name"),
        Parameter("Access", "access"),
        Parameter("Collections", "collections"),
    ),
    _action(
        "RevokeKey",
        "Forget an access key.",
        "owner",
        _revoke_key,
        Parameter("AccessKeyId", "key_id", required=True),
    ),
    _action("ImportProgress", "How far an import is.", "read", _import_progress, INSTANCE, _JOB),
    _action(
        "ImportErrors",
        "Lines of an import that were not carried out.",
        "read",
        _import_errors,
        INSTANCE,
        _JOB,
    ),
    _action(
        "CancelImport",
        "End the unfinished import where it is; what it has done stays.",
        "write",
        _cancel_import,
        INSTANCE,
    ),
    _action("CheckHealth", "What `lookalike doctor` says.", "write", _check_health, INSTANCE),
)
