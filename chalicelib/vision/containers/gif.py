"""GIF (87a and 89a): the screen, its palette, the first frame."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import replace

from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = (b"GIF87a", b"GIF89a")

_CUT = "this GIF is cut off; send the complete file"
_EXTENSION, _FRAME, _CONTROL, _END = 0x21, 0x2C, 0xF9, 0x3B
_MAX_BLOCKS = 10_000
_MAX_FRAMES = 8
"""Looked at for one that shows something."""
_LEAST_SHARE = 1 / 1000
"""Of the screen: a smaller frame before others is a beginning and no picture."""
_MAX_PIXELS = 40_000_000
"""Of all frames that may be decoded: two of the largest."""


def contents(data: bytes) -> Contents:
    """The first frame with the transparency that belongs to it; no comments. Where it is empty,
    what decode finds to show nothing, the next ones come along.

    Raises:
        BadPicture: cut off, or no frame in it.
    """
    if len(data) < 13:
        raise damaged(_CUT)
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    start = 13 + _palette(flags)
    frames = list(itertools.islice(_frames(data, start, (width, height)), _MAX_FRAMES))
    if not frames:
        raise damaged("this GIF holds no frame; it may be cut off: send the complete file")
    least = _LEAST_SHARE * width * height
    return _tried([frame for frame in frames if _area(frame) >= least] or frames[:1])


def _tried(frames: list[Contents]) -> Contents:
    """The first frame, with those behind it that are affordable and of the same sides."""
    first = frames[0]
    spent = itertools.accumulate(map(_area, frames))
    affordable = [
        frame for frame, pixels in zip(frames, spent, strict=True) if pixels <= _MAX_PIXELS
    ]
    return replace(
        first, others=tuple(each for each in affordable[1:] if _canvas(each) == _canvas(first))
    )


def _area(frame: Contents) -> int:
    """Pixels of a frame by itself."""
    across, down = struct.unpack_from("<HH", frame.data, 6)
    return int(across * down)


def _canvas(frame: Contents) -> tuple[int, int]:
    return frame.width, frame.height


def _frames(data: bytes, start: int, screen: tuple[int, int]) -> Iterator[Contents]:
    """Each frame as a file whose screen is as large as the frame.

    Raises:
        BadPicture: cut off within the first.
    """
    at, control, count = start, b"", 0
    for _ in range(_MAX_BLOCKS):
        # Bytes between blocks that begin none are passed over, as browsers do.
        while at < len(data) and data[at] not in (_EXTENSION, _FRAME, _END):
            at += 1
        if at + 10 > len(data) or data[at] == _END:
            return
        if data[at] == _EXTENSION:
            end = _blocks_end(data, at + 2)
            if data[at + 1] == _CONTROL:
                control = data[at:end]
        else:
            end = _blocks_end(data, at + 11 + _palette(data[at + 9]), lenient=count > 0)
            yield from _alone(data[:start], control, data[at:end], screen)
            control, count = b"", count + 1
        at = end


def _alone(
    head: bytes, control: bytes, frame: bytes, screen: tuple[int, int]
) -> Iterator[Contents]:
    """A frame as a file whose screen is as large as the frame; nothing for an empty one.

    A frame may be larger than its screen; a library then enlarges the screen.
    """
    left, top, width, height = struct.unpack_from("<4H", frame, 1)
    if width and height:
        across, down = max(screen[0], left + width), max(screen[1], top + height)
        place = None if (across, down) == (width, height) else (left, top)
        kept = head[:6] + struct.pack("<HH", width, height) + head[10:] + control
        kept += frame[:1] + b"\0\0\0\0" + frame[5:] + b"\0;"
        yield Contents("GIF", kept, across, down, place=place)


def _palette(flags: int) -> int:
    """Bytes of the palette that `flags` announces."""
    return 3 << ((flags & 7) + 1) if flags & 128 else 0


def _blocks_end(data: bytes, at: int, *, lenient: bool = False) -> int:
    """The place behind the chain of length-prefixed blocks that begins at `at`."""
    while at < len(data):
        size = data[at]
        at += 1 + size
        if size == 0:
            return at
    if lenient:
        return len(data)
    raise damaged(_CUT)
