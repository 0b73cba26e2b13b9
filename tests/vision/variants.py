"""Pictures as people have them: encoders, variants and kinds of damage, each with what it shows.

Variants that need a program are left out where it is not installed: `available()` says which.
"""

from __future__ import annotations

import functools
import io
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tests.vision.encodings import encoded

Maker = Callable[[Image.Image], bytes]
Change = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to write a picture down."""

    name: str
    make: Maker
    encoder: str = "Pillow"
    like: Change = lambda image: image
    """What the file shows of the picture given to `make`."""
    least: float = 0.99
    """Cosine to the plain picture; lower where 8 bits of another encoding lose shades."""
    refused: str = ""
    """What the refusal says (a pattern); empty for what is read."""


def grey(image: Image.Image) -> Image.Image:
    """As grey formats show it."""
    return image.convert("L").convert("RGB")


def bilevel(image: Image.Image) -> Image.Image:
    """In black and white, without dithering."""
    return image.convert("1", dither=Image.Dither.NONE).convert("RGB")


def paletted(image: Image.Image, colours: int = 64) -> Image.Image:
    """With a palette, as RGB."""
    return image.quantize(colours, dither=Image.Dither.NONE).convert("RGB")


def as_gif(image: Image.Image) -> Image.Image:
    """As Pillow's GIF shows it, with up to 256 colours."""
    with Image.open(io.BytesIO(encoded(image, "GIF"))) as shown:
        return shown.convert("RGB")


def linear(image: Image.Image) -> Image.Image:
    """As 8 bits of light show it: dark shades fall together."""
    light = np.round(255 * (np.asarray(image) / 255) ** 2.2) / 255
    return Image.fromarray(np.round(255 * light ** (1 / 2.2)).astype(np.uint8))


def fewer_bits(image: Image.Image, *bits: int) -> Image.Image:
    """With so many bits of red, green and blue."""
    levels = np.array([(1 << each) - 1 for each in bits])
    values = (np.asarray(image) * levels + 127) // 255
    return Image.fromarray(((values * 255 + levels // 2) // levels).astype(np.uint8))


def program(*command: str, source: str = "in.png", target: str = "out.bin") -> Maker:
    """Runs `command` on the picture; IN and OUT stand for the files, whose endings tell their
    formats.
    """

    def make(image: Image.Image) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder, source), Path(folder, target)
            image.save(given)
            words = [str(given) if word == "IN" else word for word in command]
            words = [word.removesuffix("OUT") + str(made) if word.endswith("OUT") else word
                     for word in words]  # fmt: skip
            done = subprocess.run(words, capture_output=True, check=True, timeout=60)
            return made.read_bytes() if made.exists() else done.stdout

    return make


@functools.cache
def available(encoder: str) -> bool:
    """Whether an encoder is installed."""
    if encoder == "tifffile":
        return tifffile() is not None
    return encoder in ("Pillow", "by hand") or shutil.which(encoder) is not None


@functools.cache
def tifffile() -> object:
    """The module of that name, or None."""
    try:
        import tifffile as found
    except ImportError:
        return None
    return found


def hidden_end(data: bytes, more: bytes = b"") -> bytes:
    """A JPEG without its end marker, and `more` in its place."""
    assert data.endswith(b"\xff\xd9")
    return data[:-2] + more


def before_scan(data: bytes, more: bytes) -> bytes:
    """A JPEG with `more` before its first scan's marker."""
    at = data.index(b"\xff\xda")
    return data[:at] + more + data[at:]


def within_scan(data: bytes, more: bytes) -> bytes:
    """A JPEG with two bytes in the middle of its first scan overwritten by `more`."""
    start = data.index(b"\xff\xda")
    at = (start + len(data)) // 2
    return data[:at] + more + data[at + len(more) :]


def jpeg(image: Image.Image, **options: object) -> bytes:
    """A JPEG that loses nearly nothing, so that what differs is how it is read."""
    return encoded(image, "JPEG", **{"quality": 98, "subsampling": 0, **options})


def lossless_jpeg(image: Image.Image) -> bytes:
    """A lossless JPEG (process 14, predictor 1) of 8-bit grey; nine codes of four bits say how long
    a difference is.
    """
    values = np.asarray(image).astype(np.int64)
    before = np.empty_like(values)
    before[:, 1:] = values[:, :-1]
    before[1:, 0], before[0, 0] = values[:-1, 0], 128
    bits = []
    for apart in (values - before).ravel().tolist():
        size = abs(apart).bit_length()
        bits.append(
            f"{size:04b}"
            + (f"{apart if apart > 0 else apart + (1 << size) - 1:0{size}b}" if size else "")
        )
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    body = int(text, 2).to_bytes(len(text) // 8).replace(b"\xff", b"\xff\0")
    table = b"\0" + bytes((0, 0, 0, 9)) + b"\0" * 12 + bytes(range(9))
    frame = struct.pack(">BHHB3B", 8, image.height, image.width, 1, 1, 0x11, 0)
    scan = bytes((1, 1, 0, 1, 0, 0))
    segments = ((0xC4, table), (0xC3, frame), (0xDA, scan))
    head = b"".join(b"\xff%c" % m + struct.pack(">H", 2 + len(s)) + s for m, s in segments)
    return b"\xff\xd8" + head + body + b"\xff\xd9"


def bmp_fields(image: Image.Image, masks: tuple[int, int, int, int], bits: int) -> bytes:
    """A BMP of version 3 (56 bytes) whose samples lie under masks."""
    pixels = np.asarray(image.convert("RGBA"))[::-1].astype(np.uint64)
    words = np.zeros(pixels.shape[:2], np.uint64)
    for place, mask in enumerate(masks):
        if mask:
            shift = (mask & -mask).bit_length() - 1
            words |= ((pixels[:, :, place] * (mask >> shift) + 127) // 255) << np.uint64(shift)
    rows = np.frombuffer(words.astype("<u2" if bits == 16 else "<u4").tobytes(), np.uint8)
    rows = rows.reshape(image.height, -1)
    body = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()
    size = (image.width, image.height)
    header = struct.pack("<IiiHHIIiiII4I", 56, *size, 1, bits, 3, 0, 0, 0, 0, 0, *masks)
    return b"BM" + struct.pack("<IHHI", 70 + len(body), 0, 0, 70) + header + body


def bmp_2_bits(image: Image.Image) -> bytes:
    """A BMP of four colours."""
    small = image.quantize(4, dither=Image.Dither.NONE)
    values = np.asarray(small)[::-1]
    values = np.pad(values, ((0, 0), (0, -image.width % 16)))
    packed = values.reshape(len(values), -1, 4) << np.array([6, 4, 2, 0], np.uint8)
    body = bytes(np.bitwise_or.reduce(packed, axis=2).astype(np.uint8))
    colours = np.array(small.getpalette(), np.uint8)[:12].reshape(4, 3)[:, ::-1]
    palette = b"".join(colour.tobytes() + b"\0" for colour in colours)
    header = struct.pack("<IiiHHIIiiII", 40, image.width, image.height, 1, 2, 0, 0, 0, 0, 4, 0)
    start = 14 + 40 + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + palette + body


def gif_parts(image: Image.Image) -> tuple[bytes, bytes]:
    """(screen with palette, frame) of a GIF of 64 colours."""
    data = encoded(image.quantize(64, dither=Image.Dither.NONE), "GIF")
    start = 13 + (3 << ((data[10] & 7) + 1))
    return data[:start], data[data.index(b"\x2c", start) : -1]
