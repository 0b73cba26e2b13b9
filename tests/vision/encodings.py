"""One picture in every format and flavour that decode promises to read."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """`image` as a file of Pillow's format `kind`."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def turned(image: Image.Image, orientation: int, kind: str = "JPEG") -> bytes:
    """A file that asks for `orientation` and holds `image` as stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif)


def samples(image: Image.Image) -> dict[str, bytes]:
    """The RGB picture `image` by flavour; each shows the same thing, some in grey."""
    other = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    grey = image.convert("L")
    alpha = image.convert("RGBA")
    values = np.asarray(grey).astype(np.uint16) * 257
    paletted = image.quantize(64)
    return {
        "jpeg baseline": encoded(image, "JPEG", quality=90),
        "jpeg progressive": encoded(image, "JPEG", quality=90, progressive=True),
        "jpeg 4:4:4 optimised": encoded(image, "JPEG", quality=90, subsampling=0, optimize=True),
        "jpeg grey": encoded(grey, "JPEG", quality=90),
        "jpeg cmyk": encoded(image.convert("CMYK"), "JPEG", quality=95),
        "jpeg restarts": encoded(image, "JPEG", quality=90, restart_marker_blocks=4),
        "png": encoded(image, "PNG"),
        "png palette": encoded(paletted, "PNG"),
        "png palette 4 bits": encoded(image.quantize(16), "PNG", bits=4),
        "png grey": encoded(grey, "PNG"),
        "png grey 16 bits": encoded(Image.fromarray(values), "PNG"),
        "png opaque alpha": encoded(alpha, "PNG"),
        "png grey and alpha": encoded(grey.convert("LA"), "PNG"),
        "png animated": encoded(image, "PNG", save_all=True, append_images=[other]),
        "gif": encoded(paletted, "GIF"),
        "gif animated": encoded(
            paletted, "GIF", save_all=True, append_images=[other.quantize(64)], duration=40
        ),
        "bmp": encoded(image, "BMP"),
        "bmp palette": encoded(paletted, "BMP"),
        "webp": encoded(image, "WEBP", quality=90),
        "webp lossless": encoded(image, "WEBP", lossless=True),
        "webp alpha": encoded(alpha, "WEBP", lossless=True),
        "webp animated": encoded(
            image, "WEBP", lossless=True, save_all=True, append_images=[other]
        ),
        "tiff": encoded(image, "TIFF"),
        "tiff lzw": encoded(image, "TIFF", compression="tiff_lzw"),
        "tiff deflate": encoded(image, "TIFF", compression="tiff_adobe_deflate"),
        "tiff packbits": encoded(image, "TIFF", compression="packbits"),
        "tiff jpeg": encoded(image, "TIFF", compression="jpeg", quality=95),
        "tiff cmyk": encoded(image.convert("CMYK"), "TIFF"),
        "tiff grey 16 bits": encoded(Image.fromarray(values), "TIFF"),
        "tiff grey float": encoded(Image.fromarray((values / 65535).astype(np.float32)), "TIFF"),
        "tiff palette": encoded(paletted, "TIFF"),
        "tiff big": encoded(image, "TIFF", big_tiff=True),
        "tiff pages": encoded(image, "TIFF", save_all=True, append_images=[other]),
        "ppm": encoded(image, "PPM"),
        "pgm": encoded(grey, "PPM"),
        "ppm 16 bits": _ppm(np.asarray(image).astype(np.uint16) * 257, 65535),
        "ppm odd maximum": _ppm((np.asarray(image).astype(np.uint16) * 200 + 127) // 255, 200),
        "ppm text": _text_ppm(image),
    }


def bitmaps(image: Image.Image) -> dict[str, bytes]:
    """The picture in black and white, by flavour."""
    one = image.convert("1", dither=Image.Dither.NONE)
    rows = np.asarray(one)
    text = "\n".join("".join("0" if white else "1" for white in row) for row in rows)
    return {
        "png 1 bit": encoded(one, "PNG"),
        "tiff group 4": encoded(one, "TIFF", compression="group4"),
        "bmp 1 bit": encoded(one, "BMP"),
        "pbm": encoded(one, "PPM"),
        "pbm text": f"P1\n# a comment\n{one.width} {one.height}\n{text}\n".encode(),
    }


def _ppm(values: np.ndarray[Any, np.dtype[np.uint16]], maximum: int) -> bytes:
    body = values.astype(">u2" if maximum > 255 else "u1").tobytes()
    return b"P6\n# made by a test\n%d %d\n%d\n" % (values.shape[1], values.shape[0], maximum) + body


def _text_ppm(image: Image.Image) -> bytes:
    rows = np.asarray(image).reshape(image.height, -1)
    return f"P3 {image.width} {image.height} # maximum:\n255\n".encode() + b"\n".join(
        b" ".join(b"%d" % v for v in row) for row in rows
    )
