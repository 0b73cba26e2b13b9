"""The two hops before a `*_advance` call: AuthorizeFileUpload, and the multipart form that carries
the picture (CONTRACT §6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

from chalicelib.errors import AuthFault, Unauthenticated
from chalicelib.gateway.actions.declaration import (
    UPLOADS,
    Action,
    Call,
    Hosts,
    Json,
    Values,
    itself,
)
from chalicelib.gateway.uploads.urls import split_host
from chalicelib.gateway.wire import schema
from chalicelib.gateway.wire.faults import WireFault, fault_of, message_of
from chalicelib.gateway.wire.fields import Fields
from chalicelib.gateway.wire.incoming import Answer, Incoming
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import find_key
from chalicelib.usecases.uploads import Grant, authorize_upload, store_upload

_BOUNDARY: Final = re.compile(
    r'multipart/form-data\s*;.*?\bboundary="?([^";,\s]{1,70})"?', re.IGNORECASE
)
_NAME: Final = re.compile(
    rb'content-disposition:\s*form-data;[^\r\n]*?\bname="([^"\r\n]{1,64})"', re.IGNORECASE
)
_MAX_PARTS: Final = 20
_MAX_HEAD: Final = 4096


def _anything(action: Action, _: Incoming, __: Values, ___: Hosts) -> Fields:
    """The SDKs send Product and RegionId, which say nothing here."""
    return Fields({}, action.parameters, hosts=())


def _granted(_: Fields, call: Call) -> Json:
    """Where and how the SDK may send its picture."""
    grant = authorize_upload(call.key, call.deployment)
    bucket, endpoint = split_host(call.host, secure=call.secure)
    return {
        "AccessKeyId": call.key.key_id,
        "Bucket": bucket,
        "Endpoint": endpoint,
        "ObjectKey": grant.object_key,
        "EncodedPolicy": grant.policy,
        "Signature": grant.signature,
        "UseAccelerate": False,
    }


AUTHORIZE: Final = Action(
    "AuthorizeFileUpload",
    "Allow one picture to be sent ahead of the call that uses it.",
    access="read",
    version=UPLOADS,
    parameters=(),
    fields=_anything,
    read=itself,
    run=_granted,
    answer=itself,
    schema=schema.answer(
        None,
        {
            **dict.fromkeys(
                ("AccessKeyId", "Bucket", "Endpoint", "ObjectKey", "EncodedPolicy", "Signature"),
                schema.TEXT,
            ),
            "UseAccelerate": {"const": False},
        },
    ),
    counted=False,
)

ACTIONS: Final = (AUTHORIZE,)


def receive(incoming: Incoming, deployment: Deployment) -> str:
    """Stores the picture of a multipart form; its object key. Raises Unauthenticated, InvalidField,
    WireFault.
    """
    parts = parse_multipart(incoming)
    for name in ("OSSAccessKeyId", "Signature", "key", "policy", "file"):
        if name not in parts:
            raise WireFault("MissingParameter", f"the upload form has no part {name}")
    fields = {
        name: data.decode("utf-8", "replace") for name, data in parts.items() if name != "file"
    }
    key = find_key(deployment, fields["OSSAccessKeyId"], max_age_s=60.0)
    if key is None:
        raise Unauthenticated(
            AuthFault.UNKNOWN_KEY, f"there is no access key {fields['OSSAccessKeyId'][:40]!r}"
        )
    grant = Grant(object_key=fields["key"], policy=fields["policy"], signature=fields["Signature"])
    store_upload(grant, parts["file"], key=key, deployment=deployment)
    return grant.object_key


def parse_multipart(incoming: Incoming) -> Mapping[str, bytes]:
    """Part name to content. Raises WireFault for what is no multipart form.

    Written here because the standard library's parser reads e-mail: it decodes and copies a binary
    part several times.
    """
    match = _BOUNDARY.match(incoming.header("content-type"))
    if match is None:
        raise WireFault("BadRequest", "the upload's Content-Type names no boundary")
    delimiter = b"\r\n--" + match[1].encode()
    pieces = (b"\r\n" + incoming.body).split(delimiter, _MAX_PARTS + 2)
    if len(pieces) < 3 or len(pieces) > _MAX_PARTS + 2 or not pieces[-1].startswith(b"--"):
        raise WireFault("BadRequest", "the upload is no complete multipart form")
    parts: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        # the head is looked for near the front only: nobody has been authenticated yet, and a
        # search over megabytes would cost
        blank = piece.find(b"\r\n\r\n", 0, _MAX_HEAD)
        name = _NAME.search(piece[: max(blank, 0)])
        if name is None:
            raise WireFault("BadRequest", "a part of the upload has no name")
        text = name[1].decode("utf-8", "replace")
        if text in parts:
            raise WireFault("BadRequest", f"the upload has two parts {text[:40]!r}")
        parts[text] = piece[blank + 4 :]
    return parts


def received(object_key: str, host: str) -> Answer:
    """The XML the SDK waits for."""
    location = escape(f"http://{host}/{object_key}")
    inner = f"<Location>{location}</Location><Key>{escape(object_key)}</Key>"
    return _xml(201, f"<PostResponse>{inner}</PostResponse>")


def refused(error: Exception, *, request_id: str, host: str) -> Answer:
    """An error as the SDK reads it at this hop."""
    fault = fault_of(error)
    message = re.sub(
        "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "?", message_of(error)
    )
    members = {"Code": fault.code, "Message": message, "RequestId": request_id, "HostId": host}
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in members.items())
    return _xml(fault.status, f"<Error>{inner}</Error>")


def _xml(status: int, body: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Answer(status, text.encode("utf-8", "replace"), content_type="application/xml")
