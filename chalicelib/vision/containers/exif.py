"""EXIF orientation from the raw block: the one tag of EXIF that matters here (CIPA DC-008, tag
0x0112).

An image library would load every tag, and a block may hold tens of thousands that point anywhere.
"""

from __future__ import annotations

import struct

ORIENTATION = 0x0112
_SHORT = 3


def orientation(block: bytes) -> int:
    """Orientation 1 to 8 in a TIFF-shaped EXIF block, with or without the six bytes `Exif` 0 0
    before it; 1 where it says nothing legal.
    """
    block = block.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return 1
    (start,) = struct.unpack_from(order + "I", block, 4)
    if start + 2 > len(block):
        return 1
    (count,) = struct.unpack_from(order + "H", block, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(block) - 11), 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", block, at)
        if tag == ORIENTATION:
            return value if kind == _SHORT and 1 <= value <= 8 else 1
    return 1
