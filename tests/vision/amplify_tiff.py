"""TIFFs whose strips and tiles share bytes, unpack to more than they are, or are many."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Mapping, Sequence

from tests.vision import drawn
from tests.vision.encodings import encoded

_SIDES = (64, 64, 130, 130, 600, 2000, 4096, 4096, 65_535)
_JPEG = encoded(drawn.shoes().resize((64, 64)), "JPEG", quality=50, progressive=True)
_SCAN = _JPEG[_JPEG.rindex(b"\xff\xda") : -2]


def directory(tags: Mapping[int, tuple[int, Sequence[int]]], body: bytes) -> bytes:
    """A little-endian TIFF: `body` from byte 8, then tag → (type, values)."""
    start = 8 + len(body)
    behind = start + 2 + 12 * len(tags) + 4
    table, more = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}{'BHI'[(1, 3, 4).index(kind)]}", *values)
        if len(packed) > 4:
            place = struct.pack("<I", behind + len(more))
            more += packed
        else:
            place = packed.ljust(4, b"\0")
        table += struct.pack("<HHI", tag, kind, len(values)) + place
    count = struct.pack("<H", len(tags))
    return b"II*\0" + struct.pack("<I", start) + body + count + table + b"\0\0\0\0" + more


def _stream(dice: random.Random, compression: int) -> bytes:
    """Bytes of one piece."""
    if compression in (8, 32946):
        return zlib.compress(b"\x07" * int(2 ** dice.uniform(8, 27)), 9)
    if compression == 7:
        scans = _SCAN * dice.choice((1, 20, 100, 3000))
        return _JPEG[:-2] + scans + b"\xff\xd9"
    if compression == 5:
        return b"\x80\x00" * int(2 ** dice.uniform(4, 19))
    return dice.choice((b"\x81\x07", b"\0\x01", b"\xff\xff", b"\0\0")) * int(
        2 ** dice.uniform(4, 20)
    )


def tiff(dice: random.Random) -> bytes:
    """Pieces that share one stream, wholly or in part, or all of the file; larger tiles; many."""
    compression = dice.choice((1, 2, 3, 4, 5, 7, 8, 8, 32773, 32946))
    body = _stream(dice, compression)[:3_000_000]
    samples = dice.choice((1, 3, 4))
    depth = dice.choice((1, 8, 16)) if samples == 1 else dice.choice((8, 16))
    width, height = dice.choice(_SIDES), dice.choice(_SIDES)
    count = min(int(2 ** dice.uniform(0, 17)), 100_000)
    offsets = [8 + dice.choice((0, 0, dice.randrange(len(body)))) for _ in range(min(count, 50))]
    offsets = (offsets * count)[:count]
    size = dice.choice((1, len(body), len(body) * 4, 4_000_000, 2**31))
    tags: dict[int, tuple[int, Sequence[int]]] = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, [depth] * samples),
        259: (3, [compression]),
        262: (3, [{1: 1, 3: dice.choice((2, 6)), 4: 5}[samples]]),
        277: (3, [samples]),
        284: (3, [dice.choice((1, 1, 1, 2))]),
    }
    if dice.random() < 0.5:
        tags |= {322: (4, [dice.choice(_SIDES)]), 323: (4, [dice.choice(_SIDES)])}
        tags |= {324: (4, offsets)}
        lengths = 325
    else:
        tags |= {273: (4, offsets), 278: (4, [dice.choice((1, 2, 16, height, 2**32 - 1))])}
        lengths = 279
    if dice.random() < 0.9:
        tags[lengths] = (4, dice.choice(([size] * count, [0] * count, [size])))
    if dice.random() < 0.2:
        tags |= dict.fromkeys(range(40_000, 40_000 + dice.choice((10, 5_000))), (4, [1]))
    return directory(tags, body)
