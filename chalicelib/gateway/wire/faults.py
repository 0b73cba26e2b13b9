"""The one table from what went wrong to the contract's Code and HTTP status (CONTRACT §8,
SIGNATURES §5).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from chalicelib import errors as e
from chalicelib.gateway import log
from chalicelib.gateway.wire.incoming import Answer


class WireFault(e.InvalidRequest):
    """What is wrong with the wire form of a request; only the gateway raises it, so it names its
    code itself.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Fault:
    """How an error is answered."""

    code: str
    status: int


class Codes(NamedTuple):
    """How an action's errors are called."""

    column: Literal[0, 1, 2] = 0
    """Of TABLE: in general; of actions whose codes the original prefixes with `Console.`
    (CONTRACT §8); of CompareSimilarByImage.
    """
    own: Mapping[type[Exception], Fault] = MappingProxyType({})
    """What this action answers otherwise."""


PLAIN: Final = Codes()
CONSOLE: Final = Codes(1)
COMPARE: Final = Codes(2)

INVALID: Final[Mapping[str, str]] = {
    "collection": "InvalidInstanceName",
    "product_id": "InvalidProductId",
    "pic_name": "InvalidPicName",
    "picture": "InvalidPicContent",
    "primary_picture": "InvalidPrimaryPicContent",
    "secondary_picture": "InvalidSecondaryPicContent",
    "picture_url": "InvalidPicUrl",
    "category_id": "InvalidCategory",
    "region": "InvalidRegion",
    "custom_content": "InvalidCustomContent",
    **{f"int_attr{n}": f"InvalidIntAttr{n}" for n in ("", "2", "3", "4")},
    **{f"str_attr{n}": f"InvalidStrAttr{n}" for n in ("", "2", "3", "4")},
    "filter": "InvalidFilterClause",
    "count": "InvalidNumParameter",
    "start": "InvalidStartParameter",
    "text": "InvalidText",
    "search_type": "InvalidType",
}
"""Field to code, for a value that is malformed or out of its limits."""

OVER: Final[Mapping[str, str]] = {
    "count": "OverflowMaxReturnNum",
    "start": "OverflowMaxResultNum",
    "text": "InvalidTextLength",
}
"""Field to code, for a count or length over its limit."""

MISSING: Final[Mapping[str, str]] = {
    "collection": "InvalidInstanceName",
    "product_id": "NoSpecifiedProductId",
    "pic_name": "NoSpecifiedPicName",
    "picture": "NoSpecifiedPicContent",
    "primary_picture": "InvalidPrimaryPicContent",
    "secondary_picture": "InvalidSecondaryPicContent",
    "filter": "InvalidFilterClause",
    "text": "InvalidText",
}
"""Field to code, for a required value that is absent."""

PICTURE: Final[Mapping[e.PictureFault, str]] = {
    e.PictureFault.FORMAT: "UnsupportedPicFormat",
    e.PictureFault.SIDES: "UnsupportedPicPixels",
    e.PictureFault.BYTES: "InvalidPicContent",
    e.PictureFault.ORIENTATION: "IncorrectOrientation",
}

AUTH: Final[Mapping[e.AuthFault, Fault]] = {
    e.AuthFault.UNKNOWN_KEY: Fault("InvalidAccessKeyId.NotFound", 404),
    # 400 needs a `:` in the message (SIGNATURES §5); authenticate.py sees to it
    e.AuthFault.SIGNATURE: Fault("SignatureDoesNotMatch", 400),
    e.AuthFault.INCOMPLETE: Fault("IncompleteSignature", 400),
    e.AuthFault.EXPIRED: Fault("InvalidTimeStamp.Expired", 400),
    e.AuthFault.REPLAYED: Fault("SignatureNonceUsed", 400),
    e.AuthFault.TOKEN: Fault("InvalidSecurityToken", 400),
}


def _plain(
    code: str, status: int, console: str = "", compare: str = ""
) -> tuple[Fault, Fault, Fault]:
    return Fault(code, status), Fault(console or code, status), Fault(compare or code, status)


TABLE: Final[Mapping[type[Exception], tuple[Fault, Fault, Fault]]] = {
    e.Forbidden: _plain("NoPermission", 403, "Console.NoPermission", "Console.NoPermissionError"),
    e.Throttled: _plain("DeniedRequest", 403),
    e.CollectionNotFound: _plain(
        "InvalidInstance", 400, "Console.InstanceNotFound", "Console.InstanceNotFound"
    ),
    e.RecordNotFound: _plain("PicNotExist", 400),
    e.NotFound: (Fault("NotFound", 404), Fault("Console.BadRequest", 400), Fault("NotFound", 404)),
    e.JobRunning: _plain("Console.IncrementStatusError", 409),
    e.OverCapacity: _plain("InstanceOverQuota", 400),
    e.FingerprintMismatch: _plain("InstanceStatusError", 409, "Console.InstanceStatusError"),
    e.AlreadyExists: _plain("AlreadyExists", 409),
    e.Conflict: _plain("Conflict", 409),
    e.Unsupported: (
        Fault("UnsupportedInstanceType", 500),
        Fault("Console.BadRequest", 400),
        Fault("UnsupportedInstanceType", 500),
    ),
    e.StoreUnavailable: _plain(
        "InternalOssError", 500, "Console.CallServiceError", "Console.CallServiceError"
    ),
    e.OutcomeUnknown: _plain(
        "RequestTimeout", 500, "Console.CallServiceError", "Console.CallServiceError"
    ),
    e.CorruptObject: _plain(
        "AccessEngineFailed", 500, "Console.InternalError", "ServerInternalError"
    ),
    e.StorageError: _plain("InternalError", 500, "Console.InternalError", "ServerInternalError"),
    e.InvalidRequest: _plain("BadRequest", 400, "Console.BadRequest"),
    Exception: _plain("UnknownException", 500, "Console.InternalError", "ServerInternalError"),
}
"""Class to the answer by Codes.column. The nearest class in an error's ancestry counts."""

SOURCE: Final[Mapping[e.SourceFault, Fault]] = {
    fault: Fault("Console.NoPermission", 403)
    if fault.name in {"NO_PERMISSION", "NO_ROLE"}
    else Fault("Console.BadRequest", 400)
    for fault in e.SourceFault
}


def fault_of(error: Exception, codes: Codes = PLAIN) -> Fault:
    """Code and status by which an action with these `codes` answers `error`."""
    if isinstance(error, WireFault):
        return Fault(error.code, error.status)
    if isinstance(error, e.Unauthenticated):
        return AUTH[error.fault]
    if isinstance(error, e.BadPicture):
        return Fault(PICTURE[error.fault], 400)
    if isinstance(error, e.SourceError):
        return SOURCE[error.fault]
    if type(error) in codes.own:
        return codes.own[type(error)]
    named = _named(error)
    if named is not None:
        return Fault(named, 400)
    return next(TABLE[kind][codes.column] for kind in type(error).__mro__ if kind in TABLE)


def _named(error: Exception) -> str | None:
    """The code of a field that is missing, over its limit or malformed; None where it has none."""
    if isinstance(error, e.MissingField):
        return MISSING.get(error.field)
    if isinstance(error, e.OverLimit):
        return OVER.get(error.field)
    if isinstance(error, e.InvalidField):
        return INVALID.get(error.field)
    return None


def code(error: Exception) -> str:
    """The contract's code for `error` where no action is in play: import files and callbacks."""
    return fault_of(error).code


def message_of(error: Exception, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a caller may read. An error we did not raise on purpose may quote anything, so its text
    is not shown.

    `names`: field to what the caller calls it. A message about a field begins with the field.
    """
    if not isinstance(error, e.LookalikeError):
        return "the service failed; the log has the details under this request id"
    text, field = str(error), getattr(error, "field", "")
    if field in names and re.match(r"[ :]", text.removeprefix(field)):
        return names[field] + text.removeprefix(field)
    return text


def answer_fault(
    error: Exception,
    *,
    request_id: str,
    host: str,
    codes: Codes = PLAIN,
    names: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """The contract's error answer. `names`: as in message_of."""
    fault = fault_of(error, codes)
    headers = (
        {"x-acs-retry-after": str(max(1, error.retry_after_ms))}
        if isinstance(error, e.Throttled)
        else {}
    )
    text = message_of(error, names)
    body = error_body(fault.code, text, request_id=request_id, host=host)
    return Answer(fault.status, body, headers=headers)


def error_body(code: str, message: str, *, request_id: str, host: str) -> bytes:
    """`{"RequestId","HostId","Code","Message"}` as UTF-8 JSON."""
    members = {"RequestId": request_id, "HostId": host, "Code": code, "Message": message}
    # half of a surrogate pair, which no text has, may stand in what a caller sent
    return json.dumps(members, ensure_ascii=False).encode("utf-8", "replace")


def reshape(status: int, body: bytes, *, host: str) -> bytes:
    """An error body of Chalice or its local server in the contract's shape; one that has it already
    is left as it is.

    The gateway has not seen such a request, so its log line is written here.
    """
    try:
        document = json.loads(body)
    except ValueError:
        document = {}
    if isinstance(document, dict) and {"RequestId", "Code", "Message"} <= set(document):
        return body
    known = {
        403: "InvalidAction.NotFound",
        404: "InvalidAction.NotFound",
        405: "UnsupportedHTTPMethod",
        413: "RequestBodyTooLarge",
        415: "UnsupportedMediaType",
    }
    text = (
        document.get("Message") or document.get("message") if isinstance(document, dict) else None
    )
    code = known.get(status, "BadRequest" if status < 500 else "UnknownException")
    # Chalice's server, as API Gateway, misses an authentication token where there is no route
    if status == 403:
        text = "there is nothing at this path"
    request_id = str(uuid.uuid4()).upper()
    with log.line(request_id) as entry:
        entry.outcome(status, code)
    return error_body(code, str(text or "the request failed"), request_id=request_id, host=host)
