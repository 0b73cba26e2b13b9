"""multipart/form-data: what the SDK's upload helper, `curl -F` and a browser's FormData send.

Written here because the standard library's parser reads e-mail: it decodes and copies a binary part
several times. Anybody can send one, so every search is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from chalicelib.gateway.wire.faults import WireFault
from chalicelib.gateway.wire.incoming import Incoming

_MAX_PARTS: Final = 40
_MAX_HEAD: Final = 4096
"""Bytes in front of a part's content; the head is looked for there only."""
_BOUNDARY: Final = re.compile(
    r'multipart/form-data\s*;.*?\bboundary="?([^";,\s]{1,70})"?', re.IGNORECASE
)
_NAME: Final = re.compile(
    rb'^content-disposition:[ \t]*form-data;[^\r\n]*?\bname="([^"\r\n]{1,64})"[^\r\n]*',
    re.IGNORECASE | re.MULTILINE,
)
_FILE: Final = re.compile(rb"\bfilename\*?=", re.IGNORECASE)


class FormPart(NamedTuple):
    """One part of a form."""

    content: bytes
    is_file: bool
    """Whether it came with a file's name: bytes rather than text."""


def parse_multipart(incoming: Incoming) -> Mapping[str, FormPart]:
    """Parts by name. Raises WireFault for what is no multipart form."""
    match = _BOUNDARY.match(incoming.header("content-type"))
    if match is None:
        raise WireFault("BadRequest", "the multipart body's Content-Type names no boundary")
    parts: dict[str, FormPart] = {}
    for start, end in _spans(incoming.body, b"--" + match[1].encode("latin-1", "replace")):
        name, part = _part(incoming.body, start, end)
        if name in parts:
            raise WireFault("BadRequest", f"the form has two parts {name[:40]!r}")
        parts[name] = part
    return parts


def _spans(body: bytes, delimiter: bytes) -> list[tuple[int, int]]:
    """Where each part begins and ends, its head included. Raises WireFault for an incomplete
    form.
    """
    whole = b"\r\n" + delimiter
    at = 0 if body.startswith(delimiter) else body.find(whole) + 2
    if at == 1:
        raise WireFault("BadRequest", "the body is no complete multipart form")
    spans: list[tuple[int, int]] = []
    for _ in range(_MAX_PARTS + 1):
        start = at + len(delimiter)
        if spans and body.startswith(b"--", start):
            return spans
        end = body.find(whole, start)
        if end < 0:
            break
        spans.append((start, end))
        at = end + 2
    raise WireFault("BadRequest", "the body is no complete multipart form")


def _part(body: bytes, start: int, end: int) -> tuple[str, FormPart]:
    """(name, part) of the one between `start` and `end`. Raises WireFault."""
    blank = body.find(b"\r\n\r\n", start, min(end, start + _MAX_HEAD))
    head = _NAME.search(body[start : max(blank, start)])
    if head is None:
        raise WireFault("BadRequest", "a part of the form has no name")
    content = body[blank + 4 : end]
    return head[1].decode("utf-8", "replace"), FormPart(content, bool(_FILE.search(head[0])))
