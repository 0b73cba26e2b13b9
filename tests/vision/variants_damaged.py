"""Damage that browsers shrug off, and damage and variants that nothing shows rightly."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from PIL import Image

from tests.vision.amplify_tiff import directory
from tests.vision.encodings import encoded
from tests.vision.torture import chunk
from tests.vision.variants import (
    Variant,
    before_scan,
    bmp_fields,
    fewer_bits,
    gif_parts,
    grey,
    hidden_end,
    jpeg,
    linear,
    paletted,
    within_scan,
)

_TRAILER = b"\0\0\x01\x0a" + bytes(range(256)) * 40 + b"SEFT\xff\xe1\0\x10junk\xff\xc0\xff\xda"
"""As phones write behind a picture: lengths, data, and bytes that look like markers."""


def _gif(image: Image.Image, before: bytes = b"", between: bytes = b"") -> bytes:
    screen, frame = gif_parts(image)
    return screen + before + between + frame + b";"


def _tiny_frame(left: int, top: int) -> bytes:
    """A frame of one pixel."""
    return struct.pack("<BHHHHB", 0x2C, left, top, 1, 1, 0) + b"\x02\x02\x44\x01\0"


def _empty_frame(image: Image.Image) -> bytes:
    """A frame of the whole screen that is transparent everywhere."""
    blank = encoded(Image.new("P", image.size, 0), "GIF", transparency=0)
    start = 13 + (3 << ((blank[10] & 7) + 1) if blank[10] & 128 else 0)
    return blank[start:-1]


def _framed(image: Image.Image) -> bytes:
    """A GIF whose frame is smaller than its screen."""
    screen, frame = gif_parts(image)
    wide = screen[:6] + struct.pack("<HH", image.width + 60, image.height + 40) + screen[10:]
    return wide + frame[:1] + struct.pack("<HH", 20, 30) + frame[5:] + b";"


def _on_white(image: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (image.width + 60, image.height + 40), "white")
    canvas.paste(paletted(image), (20, 30))
    return canvas


def _tiff(image: Image.Image, **changes: tuple[int, list[int]]) -> bytes:
    """An uncompressed little-endian RGB TIFF with other tags (t262=…)."""
    body = image.tobytes()
    tags: dict[int, tuple[int, list[int]]] = {
        256: (4, [image.width]), 257: (4, [image.height]), 258: (3, [8, 8, 8]), 259: (3, [1]),
        262: (3, [2]), 273: (4, [8]), 277: (3, [3]), 278: (4, [image.height]),
        279: (4, [len(body)]),
    }  # fmt: skip
    return directory(tags | {int(name[1:]): value for name, value in changes.items()}, body)


def _tiff_palette(image: Image.Image, factor: int) -> bytes:
    """A TIFF with a palette whose 16-bit entries are multiples of `factor`."""
    small = image.quantize(64, dither=Image.Dither.NONE)
    colours = np.zeros((256, 3), np.int64)
    listed = np.array(small.getpalette(), np.int64).reshape(-1, 3)
    colours[: len(listed)] = listed
    entries = (colours.T * factor).ravel().tolist()
    return _tiff(small, t258=(3, [8]), t262=(3, [3]), t277=(3, [1]), t320=(3, entries))


def _associated(image: Image.Image) -> bytes:
    """Grey and an alpha that the grey was multiplied with."""
    values = np.asarray(image.convert("L")).astype(np.uint16)
    alpha = np.full(values.shape, 128, np.uint16)
    alpha[:, : image.width // 2] = 255
    pair = np.stack([values * alpha // 255, alpha], axis=2).astype(np.uint8)
    body = Image.fromarray(pair, "LA")
    return _tiff(body, t258=(3, [8, 8]), t262=(3, [1]), t277=(3, [2]), t338=(3, [1]))


def _half_pale(image: Image.Image) -> Image.Image:
    values = np.asarray(image.convert("L")).astype(np.float64)
    values[:, image.width // 2 :] = values[:, image.width // 2 :] * 128 / 255 + 127
    return Image.fromarray(values.astype(np.uint8)).convert("RGB")


def _png(
    image: Image.Image,
    depth: int,
    colour: int,
    rows: np.ndarray[tuple[int, int], np.dtype[np.uint8]],
    *more: bytes,
) -> bytes:
    """A PNG of rows of bytes."""
    header = struct.pack(">IIBBBBB", image.width, image.height, depth, colour, 0, 0, 0)
    body = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
    chunks = (chunk(b"IHDR", header), *more, chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _wide(
    image: Image.Image, bits: int, form: str = ">u2"
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Samples of `bits` bits in words of 16, [height, bytes of a row]."""
    values = np.asarray(image).astype(np.uint32) * ((1 << bits) - 1) // 255
    return values.astype(form).reshape(image.height, -1).view(np.uint8)


def _gamma(image: Image.Image, gamma: float) -> bytes:
    """A PNG whose samples are light to the power of `gamma`, and says so."""
    light = (np.asarray(image) / 255) ** 2.2
    rows = np.round(255 * light**gamma).astype(np.uint8).reshape(image.height, -1)
    return _png(image, 8, 2, rows, chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000))))


VARIANTS = (
    Variant("jpeg without end marker", lambda i: hidden_end(jpeg(i))),
    Variant("jpeg without its last byte", lambda i: jpeg(i)[:-1]),
    Variant("jpeg progressive without end marker", lambda i: hidden_end(jpeg(i, progressive=True))),
    Variant("jpeg without end marker, zeros behind", lambda i: hidden_end(jpeg(i), b"\0" * 3000)),
    Variant("jpeg without end marker, trailer", lambda i: hidden_end(jpeg(i), _TRAILER)),
    Variant("jpeg without end marker, next jpeg",
            lambda i: hidden_end(jpeg(i), jpeg(i.rotate(90)))),
    Variant("jpeg with trailer", lambda i: jpeg(i) + _TRAILER),
    Variant("jpeg with a zip behind", lambda i: jpeg(i) + b"PK\x03\x04" + b"\x01" * 500),
    Variant("jpeg with another behind", lambda i: jpeg(i) + jpeg(i.rotate(90))),
    Variant("jpeg with zeros behind", lambda i: jpeg(i) + b"\0" * 700),
    Variant("jpeg, line end behind", lambda i: jpeg(i) + b"\r\n"),
    Variant("jpeg with fill bytes", lambda i: before_scan(jpeg(i), b"\xff" * 9)),
    Variant("jpeg, junk after its start", lambda i: jpeg(i)[:2] + b"\0\x07junk" + jpeg(i)[2:]),
    Variant("jpeg, zero after its start", lambda i: b"\xff\xd8\xff\0" + jpeg(i)[2:]),
    Variant("jpeg, junk between segments", lambda i: before_scan(jpeg(i), b"\x11\x22 junk \0")),
    Variant("jpeg, stray marker at its end", lambda i: hidden_end(jpeg(i), b"\xff\xe7\xff\xd9")),
    Variant("jpeg, stray table at its end",
            lambda i: hidden_end(jpeg(i), b"\xff\xdb\0\x01\xff\xd9")),
    Variant("jpeg, broken exif", lambda i: jpeg(i, exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")),
    Variant("jpeg, comment of 60 KB", lambda i: jpeg(i, comment=b"c" * 60_000)),
    Variant("jpeg, broken profile", lambda i: jpeg(i, icc_profile=b"\xff" * 9000)),
    Variant("jpeg cut in half", lambda i: jpeg(i)[: len(jpeg(i)) // 2], refused="complete file"),
    Variant("jpeg cut, zeros behind", lambda i: jpeg(i)[: len(jpeg(i)) // 2] + b"\0" * 9000,
            refused="complete file"),
    Variant("jpeg, stray marker in its scan", lambda i: within_scan(jpeg(i), b"\xff\xe3"),
            refused="before its picture does"),
    Variant("jpeg, stray end in its scan", lambda i: within_scan(jpeg(i), b"\xff\xd9"),
            refused="before its picture does"),
    Variant("jpeg, stray start in its scan", lambda i: within_scan(jpeg(i), b"\xff\xd8"),
            refused="before its picture does"),
    Variant("jpeg of 12 bits",
            lambda i: jpeg(i).replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
            refused="12 bits per sample"),
    Variant("jpeg hierarchical", lambda i: jpeg(i).replace(b"\xff\xc0\0\x11", b"\xff\xc5\0\x11"),
            refused="hierarchical"),
    Variant("gif, zeros between blocks", lambda i: _gif(i, between=b"\0\0\0"), like=paletted),
    Variant("gif, stray bytes between blocks", lambda i: _gif(i, between=b"\x07abc"),
            like=paletted),
    Variant("gif, comment first", lambda i: _gif(i, b"\x21\xfe\x03abc\0"), like=paletted),
    Variant("gif, first frame of one pixel", lambda i: _gif(i, _tiny_frame(0, 0)), like=paletted),
    Variant("gif, first frame empty", lambda i: _gif(i, _empty_frame(i)), like=paletted),
    Variant("gif, without its end", lambda i: _gif(i)[:-1], like=paletted),
    Variant("gif, trailing bytes", lambda i: _gif(i) + b"\0" * 99, like=paletted),
    Variant("gif, frame smaller than its screen", _framed, like=_on_white),
    Variant("png without its end", lambda i: encoded(i, "PNG")[:-12]),
    Variant("png, trailing bytes", lambda i: encoded(i, "PNG") + b"junk" * 99),
    Variant("png linear", lambda i: _gamma(i, 1.0), like=linear),
    Variant("png of a Macintosh", lambda i: _gamma(i, 1 / 1.8)),
    Variant("png of 16 bits", lambda i: _png(i, 16, 2, _wide(i, 16))),
    Variant("png of 16 bits that hold 12", lambda i: _png(i, 16, 2, _wide(i, 12))),
    Variant("png of 16 bits that hold 8", lambda i: _png(i, 16, 2, _wide(i, 8))),
    Variant("png grey of 16 bits that hold 12", lambda i: _png(i, 16, 0, _wide(i.convert("L"), 12)),
            like=grey),
    Variant("png grey of 16 bits that hold 8", lambda i: _png(i, 16, 0, _wide(i.convert("L"), 8)),
            like=grey),
    Variant("ppm of 16 bits that hold 8", lambda i: b"P6 %d %d 65535\n" % i.size
            + _wide(i, 8).tobytes()),
    Variant("tiff, palette of 16-bit values", lambda i: _tiff_palette(i, 257), like=paletted),
    Variant("tiff, palette of 8-bit values", lambda i: _tiff_palette(i, 1), like=paletted),
    Variant("tiff grey, alpha multiplied in", _associated, like=_half_pale),
    Variant("tiff old-style jpeg", lambda i: _tiff(i, t259=(3, [6])), refused="old-style JPEG"),
    Variant("tiff of a camera", lambda i: _tiff(i, t262=(3, [32803])), refused="raw camera"),
    Variant("tiff LogLuv", lambda i: _tiff(i, t259=(3, [34676])), refused="LogLuv"),
    Variant("tiff of 10 bits", lambda i: _tiff(i, t258=(3, [10] * 3)), refused="3 × 10 bits"),
    Variant("tiff of floats", lambda i: _tiff(i, t258=(3, [32] * 3), t339=(3, [3] * 3)),
            refused="32 floating-point bits"),
    Variant("tiff YCbCr, subsampled", lambda i: _tiff(i, t262=(3, [6])), refused="YCbCr"),
    Variant("tiff YCbCr", lambda i: _tiff(i.convert("YCbCr"), t262=(3, [6]), t530=(3, [1, 1]))),
    Variant("bmp of 4-4-4", lambda i: bmp_fields(i, (0xF00, 0xF0, 0xF, 0), 16),
            like=lambda i: fewer_bits(i, 4, 4, 4)),
    Variant("bmp of 4-4-4-4", lambda i: bmp_fields(i, (0xF00, 0xF0, 0xF, 0xF000), 16),
            like=lambda i: fewer_bits(i, 4, 4, 4)),
    Variant("bmp of 10-10-10", lambda i: bmp_fields(i, (1023 << 20, 1023 << 10, 1023, 0), 32)),
    Variant("bmp of 5-6-5", lambda i: bmp_fields(i, (0xF800, 0x7E0, 0x1F, 0), 16),
            like=lambda i: fewer_bits(i, 5, 6, 5)),
    Variant("bmp with alpha", lambda i: bmp_fields(i, (0xFF0000, 0xFF00, 0xFF, 0xFF << 24), 32)),
    Variant("bmp run lengths of OS/2", lambda i: b"BM" + struct.pack("<IHHI", 0, 0, 0, 78)
            + struct.pack("<IiiHHI", 64, *i.size, 1, 24, 4) + b"\0" * 44 + i.tobytes(),
            refused="OS/2"),
    Variant("webp, trailing bytes", lambda i: encoded(i, "WEBP", quality=98) + b"trailing"),
)  # fmt: skip
