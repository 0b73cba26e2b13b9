"""The parameters in a body, whatever its form. Read after the caller is known."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from chalicelib.errors import InvalidRequest
from chalicelib.gateway.wire.forms import (
    FORM,
    MAX_FIELDS,
    MULTIPART,
    check_unique,
    parse_form,
)
from chalicelib.gateway.wire.incoming import Incoming, Pairs

JSON: Final = "application/json"
KINDS: Final = frozenset({FORM, JSON, MULTIPART})
MAX_COMMAS: Final = 20_000
"""In a JSON body; the texts of a request together have fewer characters."""


def body_pairs(incoming: Incoming) -> Pairs:
    """The parameters in a form or JSON body; none for other bodies. Raises InvalidRequest."""
    if not incoming.body:
        return ()
    if incoming.content_type == FORM:
        return parse_form(incoming.body)
    if incoming.content_type == JSON:
        return parse_json(incoming.body)
    if incoming.content_type == MULTIPART:
        return _multipart(incoming)
    return ()


def parse_json(body: bytes) -> Pairs:
    """The members of a JSON object of plain values, as a form would spell them. Raises
    InvalidRequest.
    """
    # counted first: parsing millions of members costs before anything can be refused
    if body.count(b",") > MAX_COMMAS:
        raise InvalidRequest(f"the JSON body has more than {MAX_FIELDS} members")
    try:
        document = json.loads(body, object_pairs_hook=_members)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("the body is not JSON") from error
    if not isinstance(document, dict):
        raise InvalidRequest("the JSON body must be one object with the parameters as its members")
    pairs = []
    for name, value in document.items():
        if value is None:
            continue
        # asked before numbers: a bool is an int
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str | int | float):
            pairs.append((name, _text(name, str(value))))
        else:
            raise InvalidRequest(
                f"member {name[:40]!r} of the JSON body must be text, a number or true or false"
            )
    return tuple(pairs)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_FIELDS:
        raise InvalidRequest(f"the JSON body has more than {MAX_FIELDS} members")
    check_unique(name for name, _ in pairs)
    return dict(pairs)


def _text(name: str, value: str) -> str:
    """`value`, if it can be written down: JSON can spell half of a surrogate pair, which is no
    text.
    """
    try:
        value.encode()
        name.encode()
    except UnicodeEncodeError:
        raise InvalidRequest(
            "the JSON body contains half of a surrogate pair, which is no text"
        ) from None
    return value


def _multipart(incoming: Incoming) -> Pairs:
    """As `curl -F` and a browser's FormData send them: a file's bytes are put into base64, as a
    form would hold them.
    """
    from chalicelib.gateway.wire.multipart import parse_multipart

    pairs = []
    for name, part in parse_multipart(incoming).items():
        if part.is_file:
            pairs.append((name, base64.b64encode(part.content).decode("ascii")))
            continue
        try:
            pairs.append((name, part.content.decode()))
        except UnicodeDecodeError:
            raise InvalidRequest(
                f"part {name!r} is not UTF-8 text; send a picture as a file: {name}=@picture.jpg"
            ) from None
    return tuple(pairs)
