"""TIFF 6.0 and BigTIFF: the first directory, rewritten with the tags that draw the picture."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from chalicelib.vision.containers.contents import Contents, damaged
from chalicelib.vision.containers.exif import ORIENTATION

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_WIDTH, _HEIGHT, _BITS, _COMPRESSION = 256, 257, 258, 259
_STRIP_OFFSETS, _SAMPLES, _STRIP_BYTES, _TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = (
    273,
    277,
    279,
    322,
    323,
    324,
    325,
)
_DRAWING = frozenset(
    (
        _WIDTH,
        _HEIGHT,
        _BITS,
        _COMPRESSION,
        _STRIP_OFFSETS,
        _SAMPLES,
        _STRIP_BYTES,
        _TILE_WIDTH,
        _TILE_HEIGHT,
        _TILE_OFFSETS,
        _TILE_BYTES,
    )
).union((262, 266, 278, 284, 292, 293, 317, 320, 332, 338, 339, 347, 529, 530, 531, 532))
_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_WHOLE = {1: "B", 3: "H", 4: "I", 16: "Q"}
_COMPRESSIONS = frozenset((1, 2, 3, 4, 5, 7, 8, 32773, 32946))
"""None, CCITT, LZW, JPEG, deflate, PackBits. LZMA, Zstandard and the rest are rare and their
decoders take what memory a file asks for.
"""
_JPEG = 7
_MAX_TILE_BYTES = 160 * 1024 * 1024
"""A tile or strip is decoded whole: room for a 4096 × 4096 one of four 16-bit samples."""
_MAX_PIECES = 70_000

_SINGLE = _DRAWING - {
    _BITS,
    _STRIP_OFFSETS,
    _STRIP_BYTES,
    _TILE_OFFSETS,
    _TILE_BYTES,
    320,
    338,
    339,
    347,
    529,
    530,
    532,
}
"""Tags of one value; one that has more is left out."""
_MAX_SAMPLES = 6


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one of the four dialects writes numbers."""

    order: str
    count: str
    entry: str
    offset: str


_LAYOUTS = {
    b"II*\0": _Layout("<", "H", "HHI4s", "I"),
    b"MM\0*": _Layout(">", "H", "HHI4s", "I"),
    b"II+\0": _Layout("<", "Q", "HHQ8s", "Q"),
    b"MM\0+": _Layout(">", "Q", "HHQ8s", "Q"),
}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tag: its type, how many values, and the value field as stored."""

    kind: int
    count: int
    value: bytes


def contents(data: bytes) -> Contents:
    """The first picture: a copy of the file whose only directory has the drawing tags alone, and no
    orientation.

    Raises:
        BadPicture: no readable directory, a compression that is not offered, or pieces too large to
        decode.
    """
    layout = _LAYOUTS[data[:4]]
    entries = _directory(data, layout)
    width, height = (
        _number(data, layout, entries, _WIDTH, 0),
        _number(data, layout, entries, _HEIGHT, 0),
    )
    if not (width and height):
        raise damaged(
            "this TIFF does not say how large its picture is; save it again with an image editor"
        )
    compression = _number(data, layout, entries, _COMPRESSION, 1)
    if compression not in _COMPRESSIONS:
        raise damaged(
            f"this TIFF uses compression {compression}; save it with LZW, deflate, JPEG or no "
            "compression"
        )
    if _number(data, layout, entries, _SAMPLES, 1) > _MAX_SAMPLES:
        raise damaged(
            "this TIFF has more samples per pixel than colour and transparency need; save it as RGB"
        )
    passes = _passes(data, layout, entries)
    turned = _number(data, layout, entries, ORIENTATION, 1)
    kept = {tag: entry for tag, entry in entries.items() if tag in _DRAWING}
    return Contents(
        "TIFF",
        _rewritten(data, layout, kept),
        width,
        height,
        turned if 1 <= turned <= 8 else 1,
        passes,
    )


def _directory(data: bytes, layout: _Layout) -> dict[int, _Entry]:
    """The entries of the first directory whose values lie inside the file; of one tag the first
    counts.
    """
    big = layout.offset == "Q"
    at = 8 if big else 4
    try:
        (start,) = struct.unpack_from(layout.order + layout.offset, data, at)
        start = min(start, len(data))
        (count,) = struct.unpack_from(layout.order + layout.count, data, start)
    except struct.error:
        raise damaged(
            "this TIFF is cut off or points outside itself; send the complete file"
        ) from None
    form = struct.Struct(layout.order + layout.entry)
    first = start + struct.calcsize(layout.order + layout.count)
    entries: dict[int, _Entry] = {}
    for number in range(min(count, 65_535)):
        if first + (number + 1) * form.size > len(data):
            raise damaged("this TIFF is cut off or points outside itself; send the complete file")
        tag, kind, values, value = form.unpack_from(data, first + number * form.size)
        entry = _Entry(kind, values, value)
        if tag in _SINGLE and values != 1:
            continue
        if tag not in entries and _place(data, layout, entry) is not None:
            entries[tag] = entry
    return entries


def _place(data: bytes, layout: _Layout, entry: _Entry) -> tuple[int, int] | None:
    """Where an entry's values lie outside the directory: start and size; start -1 where they are in
    the entry itself.

    None for an entry of unknown type, without values, or that points outside the file.
    """
    size = _SIZES.get(entry.kind, 0) * entry.count
    if size <= len(entry.value):
        return (-1, size) if size > 0 else None
    (start,) = struct.unpack(layout.order + layout.offset, entry.value)
    return (start, size) if start + size <= len(data) else None


def _numbers(data: bytes, layout: _Layout, entries: dict[int, _Entry], tag: int) -> tuple[int, ...]:
    """The whole numbers of `tag`; empty where it is absent or of another type."""
    entry = entries.get(tag)
    if entry is None or entry.kind not in _WHOLE:
        return ()
    start, size = _place(data, layout, entry) or (-1, 0)
    raw = entry.value[:size] if start < 0 else data[start : start + size]
    return struct.unpack(f"{layout.order}{entry.count}{_WHOLE[entry.kind]}", raw)


def _number(
    data: bytes, layout: _Layout, entries: dict[int, _Entry], tag: int, default: int
) -> int:
    return next(iter(_numbers(data, layout, entries, tag)), default)


def _passes(data: bytes, layout: _Layout, entries: dict[int, _Entry]) -> int:
    """Scans of the busiest JPEG piece; 1 for other compressions.

    Raises:
        BadPicture: tiles too large to decode, or too many pieces.
    """
    bits = max(_numbers(data, layout, entries, _BITS), default=1) * _number(
        data, layout, entries, _SAMPLES, 1
    )
    tile = max(1, _number(data, layout, entries, _TILE_WIDTH, 1)) * max(
        1, _number(data, layout, entries, _TILE_HEIGHT, 1)
    )
    if tile * bits > 8 * _MAX_TILE_BYTES:
        raise damaged(
            "the tiles of this TIFF are larger than any picture accepted here; save it without "
            "tiles"
        )
    offsets, lengths = (
        (_TILE_OFFSETS, _TILE_BYTES) if _TILE_OFFSETS in entries else (_STRIP_OFFSETS, _STRIP_BYTES)
    )
    starts = _numbers(data, layout, entries, offsets)
    if len(starts) > _MAX_PIECES:
        raise damaged(
            f"this TIFF is cut into {len(starts)} pieces; save it again with an image editor"
        )
    if _number(data, layout, entries, _COMPRESSION, 1) != _JPEG:
        return 1
    sizes = _numbers(data, layout, entries, lengths)
    return max(
        (
            data.count(b"\xff\xda", start, start + size)
            for start, size in zip(starts, sizes, strict=False)
        ),
        default=1,
    )


def _rewritten(data: bytes, layout: _Layout, entries: dict[int, _Entry]) -> bytes:
    """The file with a new directory of `entries` at its end, and no other."""
    start = len(data) + (len(data) & 1)
    at = 8 if layout.offset == "Q" else 4
    head = data[:at] + struct.pack(layout.order + layout.offset, start)
    form = struct.Struct(layout.order + layout.entry)
    table = b"".join(
        form.pack(tag, entry.kind, entry.count, entry.value)
        for tag, entry in sorted(entries.items())
    )
    directory = (
        struct.pack(layout.order + layout.count, len(entries))
        + table
        + struct.pack(layout.order + layout.offset, 0)
    )
    return head + data[len(head) :] + b"\0" * (start - len(data)) + directory
