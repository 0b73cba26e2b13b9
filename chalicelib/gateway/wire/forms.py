"""A form's parameters. What it may cost is bounded before it is decoded: anybody can send one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chalicelib.errors import InvalidRequest
from chalicelib.gateway.wire.codec import decode, decode_base64
from chalicelib.gateway.wire.incoming import Incoming, Pairs

FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
MAX_FIELDS: Final = 200
MAX_NAME: Final = 256
"""Bytes of a parameter's name, as it was sent."""
LARGE: Final = 65_536
"""Bytes of a value, as it was sent, above which it can only be a picture in base64: 4096 characters
outside of ASCII take 49,152.
"""
MAX_SMALL: Final = 2 * LARGE
"""Bytes of all others together; the longest request there is takes 70,000."""


def split_form(body: bytes) -> list[tuple[str, bytes]]:
    """Names with values as they were sent. Raises InvalidRequest for too many, too much, and names
    that are no text or given twice.
    """
    found: list[tuple[str, bytes]] = []
    small = 0
    for start, end in _parts(body):
        at = body.find(b"=", start, end)
        at = end if at < 0 else at
        if at - start > MAX_NAME:
            raise InvalidRequest(f"a parameter's name has more than {MAX_NAME} bytes")
        value = body[at + 1 : end]
        small += len(value) if len(value) <= LARGE else 0
        if small > MAX_SMALL:
            raise InvalidRequest(
                f"the form's parameters have more than {MAX_SMALL} bytes, pictures not counted"
            )
        found.append((_text(decode(body[start:at])), value))
    check_unique(name for name, _ in found)
    return found


def _parts(body: bytes) -> Iterator[tuple[int, int]]:
    """Where each parameter begins and ends; empty ones left out."""
    start = 0
    for _ in range(MAX_FIELDS):
        end = body.find(b"&", start)
        end = len(body) if end < 0 else end
        if end > start:
            yield start, end
        if end == len(body):
            return
        start = end + 1
    raise InvalidRequest(f"the form has more than {MAX_FIELDS} parameters")


def parse_form(body: bytes) -> Pairs:
    """The pairs of a form. Raises InvalidRequest for too many, for names given twice and for what
    is not UTF-8.
    """
    return tuple(
        (name, _text(decode_base64(raw) if len(raw) > LARGE else decode(raw)))
        for name, raw in split_form(body)
    )


def small_form(incoming: Incoming) -> Pairs:
    """The parameters of a form that say who sends it and what for: pictures are left as they are.
    Raises InvalidRequest.
    """
    if incoming.content_type != FORM:
        return ()
    return tuple(
        (name, _text(decode(raw))) for name, raw in split_form(incoming.body) if len(raw) <= LARGE
    )


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("the form is not UTF-8 text") from error


def check_unique(names: Iterator[str]) -> None:
    """Raises InvalidRequest where a name occurs twice: which of them is read would be chance."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidRequest(f"parameter {name[:40]!r} is given twice")
        seen.add(name)
