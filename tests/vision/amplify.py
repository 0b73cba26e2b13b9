"""Small files that ask for much: what a container repeats, shares or declares, multiplied at
random, through decode, in a process that test_amplified.py starts and limits.

    python -m tests.vision.amplify SEED COUNT

Prints counts; dies at the first file that takes longer than it may, or that raises anything but
BadPicture.
"""

from __future__ import annotations

import random
import re
import struct
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable

from chalicelib.errors import BadPicture
from chalicelib.service import MAX_PICTURE_BYTES
from chalicelib.vision.decode import WITH_AVIF, Limits, decode
from tests.vision import drawn, limits
from tests.vision.amplify_tiff import tiff
from tests.vision.encodings import encoded
from tests.vision.torture import chunk

SMALL = drawn.shoes().resize((130, 104))
JPEGS = (
    encoded(SMALL, "JPEG", quality=60),
    encoded(SMALL, "JPEG", quality=60, progressive=True),
    encoded(SMALL.convert("CMYK"), "JPEG", quality=40, progressive=True),
    encoded(SMALL.convert("L"), "JPEG", quality=60, restart_marker_blocks=3),
)
PNG = encoded(SMALL, "PNG", compress_level=1)
GIF = encoded(SMALL.quantize(64), "GIF")
BMP = encoded(SMALL.quantize(64), "BMP")
WEBPS = (
    encoded(SMALL, "WEBP", quality=50),
    encoded(SMALL, "WEBP", lossless=True),
    encoded(SMALL, "WEBP", lossless=True, save_all=True, append_images=[SMALL.rotate(90)]),
)
AVIF = encoded(SMALL, "AVIF", quality=40)

_SIDES = (100, 104, 130, 130, 600, 2000, 4000, 4096, 4096, 65_535)


def _times(dice: random.Random, size: int) -> int:
    """How often a piece of `size` bytes may be repeated: anything up to what a file may have."""
    most = max(1, MAX_PICTURE_BYTES * 9 // 10 // max(1, size))
    return min(most, int(2 ** dice.uniform(0, 20)))


def jpeg(dice: random.Random) -> bytes:
    """Scans, tables or any other segment again and again; larger sides; another process."""
    data = bytearray(dice.choice(JPEGS))
    at = re.search(rb"\xff[\xc0\xc2]", data).start()  # type: ignore[union-attr]
    if dice.random() < 0.7:
        data[at + 5 : at + 9] = struct.pack(">HH", dice.choice(_SIDES), dice.choice(_SIDES))
    if dice.random() < 0.2:
        data[at + 1] = dice.choice((0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA))
    if dice.random() < 0.2:
        data[at + 11] = dice.choice((0x11, 0x21, 0x22, 0x41, 0x44))
    starts = [found.start() for found in re.finditer(rb"\xff[\xc0-\xcf\xd8-\xfe]", data)]
    first = dice.randrange(len(starts) - 1)
    piece = bytes(data[starts[first] : starts[first + 1]])
    more = piece * _times(dice, len(piece))
    return bytes(data[: starts[first]]) + more + bytes(data[starts[first] :])


def png(dice: random.Random) -> bytes:
    """Larger sides, other depths, interlacing, chunks repeated, streams that unpack to a lot."""
    header = struct.pack(
        ">IIBBBBB",
        dice.choice(_SIDES),
        dice.choice(_SIDES),
        dice.choice((1, 2, 4, 8, 16)),
        dice.choice((0, 2, 3, 4, 6)),
        0,
        0,
        dice.randrange(2),
    )
    body = zlib.compress(bytes((dice.randrange(5),)) * int(2 ** dice.uniform(4, 26)), 1)
    names = (b"IDAT", b"tEXt", b"zTXt", b"iCCP", b"PLTE", b"acTL", b"fdAT", b"eXIf", b"gAMA")
    piece = chunk(dice.choice(names), dice.choice((b"", b"a\0\0" + body[:5000], b"\0\0\xb1\x8f")))
    parts = [chunk(b"IHDR", header), chunk(b"PLTE", b"\1\2\3" * 256)]
    parts += [piece * _times(dice, len(piece)), chunk(b"IDAT", body), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif(dice: random.Random) -> bytes:
    """Larger screens and frames, frames and extensions repeated, blocks of one byte, stray ones."""
    start = 13 + 3 * (2 << (GIF[10] & 7))
    screen = bytearray(GIF[:start])
    screen[6:10] = struct.pack("<HH", dice.choice(_SIDES), dice.choice(_SIDES))
    frame = bytearray(GIF[GIF.index(b"\x2c", start) : -1])
    frame[5:9] = struct.pack("<HH", dice.choice(_SIDES), dice.choice(_SIDES))
    clear = dice.choice((b"", b"\x21\xf9\x04\x01\0\0\0\0", b"\x21\xfe" + b"\1a" * 50 + b"\0"))
    if dice.random() < 0.3:
        frame[10 + (3 << ((frame[9] & 7) + 1) if frame[9] & 128 else 10) :] = (
            b"\x08" + b"\x01\0" * 0 + (b"\xfe" + dice.randbytes(254)) * _times(dice, 4000) + b"\0"
        )
    piece = dice.choice((clear + bytes(frame), clear or b"\0", b"\0" * 10, bytes(frame)))
    return bytes(screen) + piece * _times(dice, len(piece)) + clear + bytes(frame) + b";"


def bmp(dice: random.Random) -> bytes:
    """Larger sides, run lengths that cover much, masks and depths of every kind."""
    bits = dice.choice((1, 2, 4, 8, 16, 24, 32))
    compression = dice.choice((0, 0, 1, 2, 3, 3, 6))
    width, height = dice.choice(_SIDES), dice.choice(_SIDES) * dice.choice((1, -1))
    masks = [dice.choice((0, 1, 0xF00, 0xFF, 0xFF00, 0xFFFFFFFF, 0x80000000)) for _ in range(4)]
    header = struct.pack(
        "<IiiHHIIiiII4I",
        dice.choice((40, 56, 108)), width, height, 1, bits, compression, 0, 0, 0,
        dice.choice((0, 2, 256, 70_000)), 0, *masks,
    )  # fmt: skip
    piece = dice.choice((b"\xff\x05", b"\0\x02\xff\xff", b"\x01\x05\0\0", b"\0\xff" + b"a" * 255))
    body = piece * _times(dice, len(piece))
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(header)) + header + body


def pnm(dice: random.Random) -> bytes:
    """Larger sides, many digits, comments and white space."""
    kind = dice.randrange(1, 7)
    gap = dice.choice((b" ", b"#\n", b"\n#" + b"x" * 50 + b"\n", b" \t"))
    gaps = gap * _times(dice, len(gap) * 8)
    most = b"" if kind in (1, 4) else b"%d " % dice.choice((1, 254, 255, 256, 65_535))
    sides = b"%d %d " % (dice.choice(_SIDES), dice.choice(_SIDES))
    piece = dice.choice((b"1 ", b"0", b"255 ", b"999999999999 ", b"1 # c\n", b"\0\1", b"9" * 4000))
    return b"P%d " % kind + gaps + sides + most + piece * _times(dice, len(piece))


def webp(dice: random.Random) -> bytes:
    """Larger canvases and frames, chunks repeated."""
    data = bytearray(dice.choice(WEBPS))
    if data[12:16] == b"VP8X":
        data[24:27] = (dice.choice(_SIDES) - 1).to_bytes(3, "little")
        data[27:30] = (dice.choice(_SIDES) - 1).to_bytes(3, "little")
    elif data[12:16] == b"VP8L":
        value = dice.choice(_SIDES) - 1 & 0x3FFF | (dice.choice(_SIDES) - 1 & 0x3FFF) << 14
        data[21:25] = value.to_bytes(4, "little")
    else:
        data[26:30] = struct.pack("<HH", dice.choice(_SIDES) & 0x3FFF, dice.choice(_SIDES) & 0x3FFF)
    spots, at = [], 12
    while at + 8 <= len(data):
        size = 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        spots.append((at, at + size + (size & 1)))
        at = spots[-1][1]
    at, end = dice.choice(spots)
    body = bytes(data[:at]) + bytes(data[at:end]) * _times(dice, end - at) + bytes(data[at:])
    return body[:4] + struct.pack("<I", len(body) - 8) + body[8:]


def avif(dice: random.Random) -> bytes:
    """Larger sides, fields of the boxes set to what is large, boxes repeated."""
    data = bytearray(AVIF)
    if dice.random() < 0.6:
        at = data.index(b"ispe") + 8
        data[at : at + 8] = struct.pack(">II", dice.choice(_SIDES), dice.choice(_SIDES))
    for _ in range(dice.randrange(3)):
        at = dice.randrange(len(data) - 4)
        data[at : at + 4] = dice.choice(
            (b"\xff" * 4, b"\0\0\xff\xff", b"\0\0\0\0", b"\x7f\xff\0\0")
        )
    name = dice.choice((b"ispe", b"ipma", b"infe", b"iloc", b"colr", b"pixi", b"av1C", b"mdat"))
    at = data.find(name) - 4
    if at >= 0:
        size = min(int.from_bytes(data[at : at + 4]) or 8, 10_000)
        piece = bytes(data[at : at + size])
        data[at:at] = piece * min(_times(dice, size), 50_000)
    return bytes(data)


MAKERS: dict[str, Callable[[random.Random], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "gif": gif,
    "bmp": bmp,
    "pnm": pnm,
    "webp": webp,
    "avif": avif,
    "tiff": tiff,
}


def main() -> None:
    """See the module."""
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    outcomes: Counter[str] = Counter()
    dearest = 0.0
    accepted = Limits(min_side=1, formats=WITH_AVIF)
    for number in range(count):
        name = tuple(MAKERS)[number % len(MAKERS)]
        data = MAKERS[name](random.Random(f"{seed} {number}"))[:MAX_PICTURE_BYTES]
        limits.allow()
        started = time.process_time()
        try:
            decode(data, limits=accepted).letterbox(side=64)
            outcomes[f"{name}_read"] += 1
        except BadPicture as error:
            outcomes[f"{name}_refused" if "0x" not in str(error) else "address"] += 1
        except BaseException:
            print(f"seed {seed}, file {number}, {name}", flush=True)
            raise
        spent = time.process_time() - started
        if spent > dearest:
            dearest = spent
            print(f"{number}: {name} {spent:.1f} s of CPU", file=sys.stderr, flush=True)
    print(" ".join(f"{name}={number}" for name, number in sorted(outcomes.items())))
    print(f"peak={limits.peak_mb()}")


if __name__ == "__main__":
    main()
