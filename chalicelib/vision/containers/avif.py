"""AVIF (AV1 Image File Format 1.1 on ISO/IEC 23008-12): sides and turn from the item properties."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from chalicelib.vision.containers.contents import Contents, damaged

BRANDS = frozenset((b"avif", b"avis"))

_PATH = {b"meta": 4, b"iprp": 0, b"ipco": 0}
"""Boxes to enter, and how many bytes come before their children."""
_ORIENTATIONS = {
    (turn, mirror): orientation
    for mirror, row in ((-1, (1, 8, 3, 6)), (0, (4, 5, 2, 7)), (1, (2, 7, 4, 5)))
    for turn, orientation in enumerate(row)
}
"""(quarter turns anticlockwise, mirror axis or -1) → EXIF orientation."""
_MAX_BOXES = 2_000


def contents(data: bytes) -> Contents:
    """The file with its EXIF item renamed, so that the library does not load it.

    The sides are the largest declared (tiles and alpha planes declare theirs too). Orientation
    comes from the properties irot and imir; EXIF orientation does not count in AVIF.

    Raises:
        BadPicture: no picture in it.
    """
    sides = []
    turn, mirror = 0, -1
    for kind, at, end in _boxes(data, 0, len(data)):
        if kind == b"ispe" and at + 12 <= end:
            sides.append(struct.unpack_from(">II", data, at + 4))
        elif kind == b"irot" and at < end:
            turn = data[at] & 3
        elif kind == b"imir" and at < end:
            mirror = data[at] & 1
    if not sides or any(0 in pair for pair in sides):
        raise damaged(
            "this AVIF does not say how large its picture is; save it again with an image editor"
        )
    width, height = max(sides, key=lambda pair: pair[0] * pair[1])
    cleaned = bytearray(data)
    for kind, at, end in _boxes(data, 0, len(data)):
        if kind == b"meta":
            cleaned[at:end] = data[at:end].replace(b"Exif", b"skip")
    return Contents("AVIF", bytes(cleaned), width, height, _ORIENTATIONS[turn, mirror])


def _boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the body, end) of the boxes between two places, and of those inside the boxes
    on the way to the properties.
    """
    at = start
    for _ in range(_MAX_BOXES):
        if at + 8 > stop:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        end = stop if size == 0 else at + size
        if end < at + 8 or end > stop:
            return
        yield kind, at + 8, end
        if kind in _PATH:
            yield from _boxes(data, at + 8 + _PATH[kind], end)
        at = end
