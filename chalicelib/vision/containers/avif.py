"""AVIF (AV1 Image File Format 1.1 on ISO/IEC 23008-12): sides and turn of the primary item."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.vision.containers import avif_items
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
_READ = frozenset((b"pitm", b"ipma", b"ispe", b"irot", b"imir", b"colr"))
_MAX_PIXELS = 4 * 4096 * 4096
"""Of all pictures inside: the largest accepted, its transparency, and as much again."""
_NO_SIDES = "this AVIF does not say how large its picture is; save it again with an image editor"


@dataclass(slots=True)
class _Items:
    """What the boxes of `meta` say."""

    meta: tuple[int, int] = (0, 0)
    """Where its body begins and ends."""
    primary: int = -1
    """The item that is shown; -1 where none is named."""
    properties: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(type, body), in the order in which items refer to them."""
    of_primary: list[int] = field(default_factory=list)
    """Numbers of the primary item's properties, from 1."""


def contents(data: bytes) -> Contents:
    """The file with its EXIF item renamed, so that the library does not load it.

    The sides and the turn are those of the primary item; tiles, alpha planes and gain maps declare
    theirs too. Orientation comes from the properties irot and imir; EXIF orientation does not count
    in AVIF.

    Raises:
        BadPicture: no picture in it, or larger ones than it says.
    """
    items = _items(data)
    known = dict(enumerate(items.properties, 1))
    chosen = [known[number] for number in items.of_primary if number in known]
    if b"ispe" not in dict(chosen):
        chosen = items.properties
    width, height = _sides(chosen)
    if avif_items.pixels(data, *_places(data)) > _MAX_PIXELS:
        raise damaged(
            "the pictures inside this AVIF are far larger than it says; save it again with an image"
            " editor"
        )
    start, end = items.meta
    cleaned = data[:start] + data[start:end].replace(b"Exif", b"skip") + data[end:]
    # Else the library would decode the track of a sequence, whose sides were not looked at.
    cleaned = cleaned[:8] + b"avif" + cleaned[12:]
    return Contents("AVIF", cleaned, width, height, _orientation(chosen), profile=_profile(chosen))


def _sides(properties: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """The largest width and height of ispe. Raises BadPicture where there are none."""
    bodies = [body for kind, body in properties if kind == b"ispe" and len(body) >= 12]
    sides = [struct.unpack_from(">II", body, 4) for body in bodies]
    if not sides or any(0 in pair for pair in sides):
        raise damaged(_NO_SIDES)
    width, height = max(sides, key=lambda pair: pair[0] * pair[1])
    return width, height


def _orientation(properties: list[tuple[bytes, bytes]]) -> int:
    """EXIF orientation, 1 to 8, of irot and imir."""
    turn, mirror = 0, -1
    for kind, body in properties:
        if kind == b"irot" and body:
            turn = body[0] & 3
        elif kind == b"imir" and body:
            mirror = body[0] & 1
    return _ORIENTATIONS[turn, mirror]


def _profile(properties: list[tuple[bytes, bytes]]) -> bytes:
    """The ICC profile; empty where colours are told by numbers alone."""
    profiles = (body[4:] for kind, body in properties if body[:4] in (b"prof", b"rICC"))
    return next(profiles, b"")


def _places(data: bytes) -> tuple[bytes, int]:
    """The body of the box that says where items lie, and where that of small items begins."""
    boxes = {kind: (at, end) for kind, at, end, _ in _boxes(data, 0, len(data), b"")}
    start, end = boxes.get(b"iloc", (0, 0))
    return data[start:end], boxes.get(b"idat", (0, 0))[0]


def _items(data: bytes) -> _Items:
    """Walks the boxes down to the properties."""
    found = _Items()
    for kind, at, end, inside in _boxes(data, 0, len(data), b""):
        body = data[at:end] if kind in _READ else b""
        if kind == b"meta":
            found.meta = (at, end)
        elif kind == b"pitm" and len(body) >= 6:
            found.primary = int.from_bytes(body[4 : 8 if body[0] else 6])
        elif kind == b"ipma" and not found.of_primary:
            found.of_primary = list(_associated(body, found.primary))
        elif inside == b"ipco":
            found.properties.append((kind, body))
    return found


def _associated(body: bytes, item: int) -> Iterator[int]:
    """Numbers of the properties that an `ipma` box gives to an item (ISO/IEC 23008-12, 9.3.1)."""
    if len(body) < 8:
        return
    wide_id, wide_number = body[0] > 0, body[3] & 1
    (entries,) = struct.unpack_from(">I", body, 4)
    at = 8
    for _ in range(min(entries, _MAX_BOXES)):
        size = 4 if wide_id else 2
        number, count = int.from_bytes(body[at : at + size]), body[at + size : at + size + 1]
        at += size + 1
        for _ in range(count[0] if count else 0):
            if wide_number:
                found = int.from_bytes(body[at : at + 2]) & 0x7FFF
            else:
                found = int.from_bytes(body[at : at + 1]) & 0x7F
            at += 2 if wide_number else 1
            if number == item:
                yield found


def _boxes(
    data: bytes, start: int, stop: int, inside: bytes
) -> Iterator[tuple[bytes, int, int, bytes]]:
    """(type, start of the body, end, type of the parent) of the boxes between two places, and of
    those inside the boxes on the way to the properties.
    """
    at = start
    for _ in range(_MAX_BOXES):
        if at + 8 > stop:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        end = stop if size == 0 else at + size
        if end < at + 8 or end > stop:
            return
        yield kind, at + 8, end, inside
        if kind in _PATH:
            yield from _boxes(data, at + 8 + _PATH[kind], end, kind)
        at = end
