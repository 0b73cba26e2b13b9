"""JPEG (ISO 10918-1, annex B): a walk along the markers."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from chalicelib.vision.containers import exif
from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = b"\xff\xd8"

_MAX_SEGMENTS = 20_000

_NONE, _START, _END, _START_OF_SCAN, _APP1, _APP2, _LOSSLESS = (
    -1,
    0xD8,
    0xD9,
    0xDA,
    0xE1,
    0xE2,
    0xC3,
)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_KEPT = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDD, _START_OF_SCAN, 0xE0, 0xEE}
"""Frames, tables, restart intervals, scans, JFIF (APP0) and Adobe's colour transform (APP14)."""
_BETWEEN_SCANS = frozenset((0xC4, 0xCC, 0xDB, 0xDD, 0xFE)) | frozenset(range(0xE0, 0xF0))
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""Begins with one fixed byte, which makes the search eight times as fast as `\\xff+` would; a fill
byte before a marker may stay.
"""
_PROFILE = b"ICC_PROFILE\0"
_MORE = bytes(range(1, 255)) * 8
"""Picture data that no picture needs (no marker in it): see Contents.witness."""
_UNUSUAL = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "is hierarchical"),
    0xCB: "is lossless with arithmetic coding",
    0xF7: "is JPEG-LS",
}
"""Kinds of frames that the image library does not decode."""


@dataclass(slots=True)
class _Walk:
    """What the markers said so far."""

    kept: list[bytes] = field(default_factory=lambda: [MAGIC])
    sides: tuple[int, int] | None = None
    frame: int = 0
    orientation: int | None = None
    scans: int = 0
    profile: dict[int, bytes] = field(default_factory=dict)


def contents(data: bytes) -> Contents:
    """The picture without comments, previews and whatever follows its end, which need not be
    marked: cameras and transfers lose the end marker, phones write behind it.

    Raises:
        BadPicture: no picture in it, cut off in its header, or of a kind that is not decoded.
    """
    walk = _Walk()
    ends_here = _walked(data, walk)
    width, height = walk.sides or (0, 0)
    if walk.scans == 0 or 0 in (width, height):
        raise damaged("this JPEG holds no picture data; it may be cut off: send the complete file")
    picture = b"".join(walk.kept)
    return Contents(
        "JPEG",
        picture + b"\xff\xd9",
        width,
        height,
        walk.orientation or 1,
        walk.scans,
        scalable=walk.frame != _LOSSLESS,
        witness=b"" if ends_here else picture + _MORE + b"\xff\xd9",
        profile=b"".join(part for _, part in sorted(walk.profile.items())),
    )


def _walked(data: bytes, walk: _Walk) -> bool:
    """Takes in all segments of the picture; whether the file ends with its end marker."""
    at = 2
    for _ in range(_MAX_SEGMENTS):
        marker, at = _marker(data, at)
        if marker in (_NONE, _START, _END) or (walk.scans and not _follows(data, at, marker)):
            return marker == _END and at == len(data)
        if marker not in _ALONE:
            at = _segment(data, at, marker, walk)
    raise damaged(
        f"this JPEG has more than {_MAX_SEGMENTS} segments; save it again with an image editor"
    )


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at or after `at` and the place behind it; _NONE at the end of the file."""
    found = _NEXT_MARKER.search(data, at)
    if found is None:
        return _NONE, len(data)
    return data[found.end() - 1], found.end()


def _follows(data: bytes, at: int, marker: int) -> bool:
    """Whether what begins with `marker`, its length field at `at`, can follow a scan. A stray
    marker cannot: behind its length there is no other marker.
    """
    length = int.from_bytes(data[at : at + 2])
    end = at + length
    if marker == _START_OF_SCAN:
        return at + 3 <= len(data) and 1 <= data[at + 2] <= 4 and length == 6 + 2 * data[at + 2]
    if marker in _FRAMES:
        return length == 8 + 3 * (data + b"\0" * 8)[at + 7]
    usual = marker in _BETWEEN_SCANS and length >= 2
    return usual and data[end : end + 1] == b"\xff" and data[end + 1 : end + 2] > b"\0"


def _segment(data: bytes, at: int, marker: int, walk: _Walk) -> int:
    """Takes in the segment whose length field is at `at`; returns the place behind it and behind
    its entropy-coded data.
    """
    if at + 2 > len(data):
        return len(data)
    length = int.from_bytes(data[at : at + 2])
    end = at + length
    if length < 2 or end > len(data):
        raise damaged("this JPEG is cut off or damaged in its header; send the complete file")
    body = data[at + 2 : end]
    if marker in _FRAMES | _UNUSUAL.keys():
        _frame(body, marker, walk)
    elif marker in (_APP1, _APP2):
        _note(body, walk)
    elif marker == _START_OF_SCAN:
        walk.scans += 1
        # entropy-coded data has no length: it goes on to the next marker
        found = _NEXT_MARKER.search(data, end)
        end = found.start() if found else len(data)
    if marker in _KEPT:
        walk.kept.append(b"\xff%c" % marker + data[at:end])
    return end


def _note(body: bytes, walk: _Walk) -> None:
    """Takes in EXIF's orientation (the first), or a part of the ICC profile."""
    if body.startswith(b"Exif\0\0") and walk.orientation is None:
        walk.orientation = exif.orientation(body)
    elif body.startswith(_PROFILE) and len(body) > len(_PROFILE):
        walk.profile.setdefault(body[len(_PROFILE)], body[len(_PROFILE) + 2 :])


def _frame(body: bytes, marker: int, walk: _Walk) -> None:
    """Takes in the frame header: precision, height, width, components.

    Raises:
        BadPicture: a second one, or a kind that is not decoded.
    """
    if walk.sides is not None or len(body) < 6:
        raise damaged(
            "this JPEG declares its sides twice or not at all; save it again with an image editor"
        )
    precision, height, width, components = struct.unpack_from(">BHHB", body)
    fault = _UNUSUAL.get(marker, "")
    if precision != 8:
        fault = f"has {precision} bits per sample"
    elif components not in (1, 3, 4):
        fault = f"has {components} colour components"
    if fault:
        kind = ", lossless" if marker == _LOSSLESS else ""
        raise damaged(f"this JPEG {fault}{kind}; save it as a usual JPEG of 8 bits, or as PNG")
    walk.sides, walk.frame = (width, height), marker
