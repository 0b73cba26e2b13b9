"""WEBP (RFC 9649): the RIFF chunks."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from chalicelib.vision.containers import exif
from chalicelib.vision.containers.contents import Contents, damaged

_MAX_CHUNKS = 10_000
_LEAST = {b"VP8X": 10, b"VP8L": 5, b"VP8 ": 10}
"""Bytes of the header of each chunk that has the sides."""


def contents(data: bytes) -> Contents:
    """The file as it is, with its sides, orientation and profile: the library stops after the first
    frame by itself.

    Raises:
        BadPicture: cut off, or no picture in it.
    """
    if len(data) < 12 or struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise damaged("this WEBP is cut off; send the complete file")
    sides = None
    turned = 1
    profile = b""
    for kind, at, size in _chunks(data):
        if kind == b"EXIF":
            turned = exif.orientation(data[at : at + size])
        elif kind == b"ICCP":
            profile = profile or data[at : at + size]
        elif sides is None:
            sides = _sides(kind, data[at : at + min(size, 10)])
    if sides is None:
        raise damaged("this WEBP holds no picture; save it again with an image editor")
    return Contents("WEBP", data, *sides, turned, profile=profile)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start of the body, size) of the top-level chunks."""
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        kind, size = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8, size
        at += 8 + size + (size & 1)


def _sides(kind: bytes, body: bytes) -> tuple[int, int] | None:
    """Width and height from a chunk that has them."""
    if kind not in _LEAST or len(body) < _LEAST[kind]:
        return None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return width & 0x3FFF, height & 0x3FFF
