"""GIF (87a and 89a): the screen, its palette, the first frame."""

from __future__ import annotations

import struct

from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = (b"GIF87a", b"GIF89a")

_CUT = "this GIF is cut off; send the complete file"
_EXTENSION, _FRAME, _CONTROL = 0x21, 0x2C, 0xF9


def contents(data: bytes) -> Contents:
    """The first frame with the transparency that belongs to it; no comments, no further frames.

    Raises:
        BadPicture: cut off, or no frame in it.
    """
    if len(data) < 13:
        raise damaged(_CUT)
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    start = at = 13 + _palette(flags)
    control = b""
    while at < len(data) and data[at] == _EXTENSION:
        end = _blocks_end(data, at + 2)
        if data[at + 1 : at + 2] == bytes([_CONTROL]):
            control = data[at:end]
        at = end
    if at + 10 > len(data) or data[at] != _FRAME:
        raise damaged(
            _CUT
            if at + 10 > len(data)
            else "this GIF holds no frame where one should be; save it again with an image editor"
        )
    left, top, frame_width, frame_height, flags = struct.unpack_from("<HHHHB", data, at + 1)
    end = _blocks_end(data, at + 10 + _palette(flags) + 1)
    kept = data[:start] + control + data[at:end] + b";"
    # A frame may be larger than its screen; the library then enlarges the screen.
    return Contents("GIF", kept, max(width, left + frame_width), max(height, top + frame_height))


def _palette(flags: int) -> int:
    """Bytes of the palette that `flags` announces."""
    return 3 << ((flags & 7) + 1) if flags & 128 else 0


def _blocks_end(data: bytes, at: int) -> int:
    """The place behind the chain of length-prefixed blocks that begins at `at`."""
    while at < len(data):
        size = data[at]
        at += 1 + size
        if size == 0:
            return at
    raise damaged(_CUT)
