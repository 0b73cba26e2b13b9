"""Legal and nearly legal files that cost a decoder as much as a 4 MiB file can."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from tests.vision.encodings import encoded

_SIDE = 4096


def files() -> dict[str, Callable[[], bytes]]:
    """Builders by name; each makes a file of at most 4 MiB."""
    return {
        "jpeg 4096² progressive 4:4:4": lambda: encoded(
            _smooth("RGB"), "JPEG", quality=60, progressive=True, subsampling=0
        ),
        "jpeg 4096² progressive cmyk": lambda: encoded(
            _smooth("CMYK"), "JPEG", quality=60, progressive=True
        ),
        "jpeg 4096² of 41 scans": lambda: scans(_SIDE, 41),
        "jpeg 60 scans of a middling picture": lambda: scans(2200, 60),
        "jpeg ten thousand scans": lambda: scans(1024, 10_000),
        "jpeg a million segments": lambda: b"\xff\xd8" + b"\xff\xfe\x00\x02" * 1_000_000,
        "png 4096² rgba 16 bits": lambda: _png16(interlaced=False),
        "png 4096² rgba 16 bits interlaced": lambda: _png16(interlaced=True),
        "png 300,000 chunks": _chunks,
        "png text bomb": _text_bomb,
        "gif 4096²": lambda: encoded(_smooth("L"), "GIF"),
        "gif comment of 4 MB": _gif_comment,
        "gif of a thousand frames": _gif_frames,
        "webp 4096² lossless alpha": lambda: encoded(
            _smooth("RGBA"), "WEBP", lossless=True, method=0
        ),
        "webp 4096² animated": _webp_frames,
        "bmp run lengths": lambda: _bmp(8, 1, b"\x01\x05" * 2_000_000),
        "bmp run lengths of 4 bits": lambda: _bmp(4, 2, b"\xff\x05" * 2_000_000),
        "bmp ends of lines": lambda: _bmp(8, 1, b"\x01\x05\x00\x00" * 1_000_000),
        "bmp jumps": lambda: _bmp(8, 1, b"\x00\x02\xff\x01" * 1_000_000),
        "ppm of comments": lambda: b"P3\n1000 1000\n255\n" + b"#\n" * 2_000_000,
        "ppm comment in the header": lambda: b"P6\n" + b"#\n" * 2_000_000,
        "ppm text": lambda: b"P3 830 830 9 " + b"7 " * (830 * 830 * 3),
        "ppm odd maximum": lambda: b"P6 1180 1180 254 " + b"\x10" * (1180 * 1180 * 3),
        "pbm 4096² text": lambda: b"P1 2040 2040 " + b"10" * (2040 * 1020),
        "tiff 4096² rgba 16 bits": lambda: _tiff(zip16=True),
        "tiff tags": _tiff_tags,
        "tiff one tile beyond reason": _tiff_tile,
        "tiff 4096² jpeg": lambda: encoded(_smooth("RGB"), "TIFF", compression="jpeg", quality=50),
        "tiff strips of one row": lambda: encoded(
            _smooth("L"), "TIFF", compression="packbits", tiffinfo={278: 1}
        ),
    }


def _smooth(mode: str) -> Image.Image:
    """A 4096² picture that every format stores in under 4 MiB, with something in every block."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    tile = ((x // 64 * 37 + y // 64 * 91) % 256).astype(np.uint8)
    return Image.fromarray(tile).convert("RGB" if mode == "CMYK" else mode).convert(mode)


def scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated until there are `count`."""
    y, x = np.mgrid[0:side, 0:side]
    data = encoded(
        Image.fromarray((((x // 256) + (y // 256)) % 2 * 90 + 80).astype(np.uint8)),
        "JPEG",
        progressive=True,
        quality=30,
    )
    starts = [at for at in range(len(data) - 1) if data[at : at + 2] == b"\xff\xda"]
    last = data[starts[-1] : -2]
    copies = min(count - len(starts), (4_000_000 - len(data)) // len(last))
    return data[:-2] + last * copies + data[-2:]


def _png(
    width: int,
    height: int,
    depth: int,
    colour: int,
    rows: Iterator[bytes],
    *,
    interlaced: bool = False,
    before: bytes = b"",
) -> bytes:
    packer = zlib.compressobj(1)
    body = b"".join(packer.compress(row) for row in rows) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", body)
        + chunk(b"IEND", b"")
    )


def chunk(kind: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png16(*, interlaced: bool) -> bytes:
    if not interlaced:
        return _png(
            _SIDE, _SIDE, 16, 6, (b"\0" + bytes((y % 256, 7)) * 4 * _SIDE for y in range(_SIDE))
        )
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    rows = (
        b"\0" + bytes((y % 256, 7)) * 4 * (_SIDE // dx)
        for _, y0, dx, dy in passes
        for y in range(y0, _SIDE, dy)
    )
    return _png(_SIDE, _SIDE, 16, 6, rows, interlaced=True)


def _chunks() -> bytes:
    return _png(
        200,
        200,
        8,
        0,
        (b"\0" + b"\x50" * 200 for _ in range(200)),
        before=chunk(b"IDAT", b"") * 300_000,
    )


def _text_bomb() -> bytes:
    text = b"note\0\0" + zlib.compress(b"a" * 200_000_000, 9)
    return _png(
        200,
        200,
        8,
        0,
        (b"\0" + b"\x50" * 200 for _ in range(200)),
        before=chunk(b"zTXt", text) + chunk(b"iCCP", text),
    )


def _gif_comment() -> bytes:
    screen = struct.pack("<HHBBB", 200, 200, 0x80, 0, 0) + b"\0" * 6
    picture = encoded(Image.new("L", (200, 200), 90), "GIF")
    frame = picture[picture.index(b"\x2c") :]
    return b"GIF89a" + screen + b"\x21\xfe" + (b"\xff" + b"a" * 255) * 16_000 + b"\0" + frame


def _gif_frames() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("L", (600, 600), number % 256) for number in range(300)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def _webp_frames() -> bytes:
    first = _smooth("RGB")
    return encoded(
        first,
        "WEBP",
        save_all=True,
        append_images=[first.transpose(Image.Transpose.ROTATE_90)] * 2,
        lossless=True,
        method=0,
    )


def _bmp(bits: int, compression: int, body: bytes) -> bytes:
    palette = b"\0" * (4 << bits)
    header = struct.pack("<IiiHHIIiiII", 40, 4000, 4000, 1, bits, compression, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + 40 + len(palette)) + header + palette + body


def _tiff(*, zip16: bool) -> bytes:
    """A little-endian TIFF of one deflated strip: 4096 × 4096 × RGBA of 16 bits."""
    packer = zlib.compressobj(1)
    row = bytes((9, 120)) * 4 * _SIDE
    strip = b"".join(packer.compress(row) for _ in range(_SIDE)) + packer.flush()
    bits_at = 8 + len(strip)
    tags = [
        (256, 3, 1, _SIDE),
        (257, 3, 1, _SIDE),
        (258, 3, 4, bits_at),
        (259, 3, 1, 8 if zip16 else 1),
        (262, 3, 1, 2),
        (273, 4, 1, 8),
    ]
    tags += [
        (277, 3, 1, 4),
        (278, 3, 1, _SIDE),
        (279, 4, 1, len(strip)),
        (284, 3, 1, 1),
        (338, 3, 1, 2),
    ]
    return (
        b"II*\0"
        + struct.pack("<I", bits_at + 8)
        + strip
        + struct.pack("<4H", 16, 16, 16, 16)
        + _directory(tags)
    )


def _directory(tags: list[tuple[int, int, int, int]]) -> bytes:
    return (
        struct.pack("<H", len(tags))
        + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        + struct.pack("<I", 0)
    )


def _tiff_tags() -> bytes:
    """65,000 tags, each of which points at the same 3 MB."""
    return (
        b"II*\0"
        + struct.pack("<I", 8)
        + _directory([(tag, 1, 3_000_000, 800_000) for tag in range(65_000)])
        + b"\0" * 3_200_000
    )


def _tiff_tile() -> bytes:
    """A picture of 200 × 200 in one tile of 60,000 × 60,000."""
    tags = [
        (256, 3, 1, 200),
        (257, 3, 1, 200),
        (258, 3, 1, 8),
        (259, 3, 1, 8),
        (262, 3, 1, 1),
        (277, 3, 1, 1),
    ]
    tags += [(322, 4, 1, 60_000), (323, 4, 1, 60_000), (324, 4, 1, 8), (325, 4, 1, 100)]
    return (
        b"II*\0"
        + struct.pack("<I", 108)
        + zlib.compress(b"\0" * 50_000)[:100].ljust(100, b"\0")
        + _directory(tags)
    )
