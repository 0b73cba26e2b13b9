"""The two hops before a `*_advance` call: AuthorizeFileUpload, and the multipart form that carries
the picture (CONTRACT §6).
"""

from __future__ import annotations

import re
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
from chalicelib.gateway.wire import schema
from chalicelib.gateway.wire.faults import WireFault, fault_of, message_of
from chalicelib.gateway.wire.fields import Fields
from chalicelib.gateway.wire.incoming import Answer, Incoming
from chalicelib.gateway.wire.multipart import parse_multipart
from chalicelib.gateway.wire.upload_urls import split_host
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import find_key
from chalicelib.usecases.uploads import Grant, authorize_upload, store_upload

_FIELDS: Final = ("OSSAccessKeyId", "Signature", "key", "policy")
_MAX_FIELD: Final = 4096
"""Bytes of one of them."""


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
    for name in (*_FIELDS, "file"):
        if name not in parts:
            raise WireFault("MissingParameter", f"the upload form has no part {name}")
    if any(len(parts[name].content) > _MAX_FIELD for name in _FIELDS):
        raise WireFault("BadRequest", f"a field of the upload has more than {_MAX_FIELD} bytes")
    key_id, signature, object_key, policy = (
        parts[name].content.decode("utf-8", "replace") for name in _FIELDS
    )
    key = find_key(deployment, key_id, max_age_s=60.0)
    if key is None:
        raise Unauthenticated(AuthFault.UNKNOWN_KEY, f"there is no access key {key_id[:40]!r}")
    grant = Grant(object_key=object_key, policy=policy, signature=signature)
    store_upload(grant, parts["file"].content, key=key, deployment=deployment)
    return grant.object_key


def is_upload(incoming: Incoming) -> bool:
    """Whether this multipart form is the helper's rather than an action sent as one: nobody signs
    it, and it begins with the grant, not with an action or a collection.
    """
    head = incoming.body[:_MAX_FIELD]
    return (
        (incoming.method, incoming.path) == ("POST", "/")
        and not incoming.header("authorization")
        and b'name="Action"' not in head
        and b'name="InstanceName"' not in head
    )


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
