"""BMP and DIB headers of Windows and OS/2; pixels of unusual depths, rewritten as usual ones."""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = b"BM"

_OLD_HEADER = 12
_PLAIN, _RLE8, _RLE4, _FIELDS, _FIELDS_WITH_ALPHA = 0, 1, 2, 3, 6
_OTHERS = {4: "a JPEG inside a BMP", 5: "a PNG inside a BMP"}
_DEPTHS = (1, 2, 4, 8, 16, 24, 32)
_MAX_PIXELS = 4096 * 4096
"""Unpacked here: the most that any service accepts."""
_USUAL = frozenset(
    (
        (16, (0xF800, 0x7E0, 0x1F, 0)),
        (16, (0x7C00, 0x3E0, 0x1F, 0)),
        (32, (0xFF0000, 0xFF00, 0xFF, 0)),
        (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    )
)
"""Depth and masks of red, green, blue and alpha that the library reads."""


def contents(data: bytes) -> Contents:
    """The file as it is, or, with bit fields or a depth that the library does not read, the same
    pixels as a usual one.

    Raises:
        BadPicture: no complete header, or a variant that is not read.
    """
    if len(data) < 30:
        raise damaged("this BMP is cut off; send the complete file")
    (header,) = struct.unpack_from("<I", data, 14)
    width, height, bits, compression = _head(data, old=header == _OLD_HEADER)
    if width <= 0 or height == 0:
        raise damaged(
            f"this BMP claims to be {width} by {height} pixels; save it again with an image editor"
        )
    _check_variant(header, bits, compression)
    # A negative height means rows from top to bottom.
    found = Contents("BMP", data, width, abs(height))
    if width * abs(height) > _MAX_PIXELS:
        return found
    if bits == 2:
        return _replaced(found, _indexed(data, width, height), height, 24)
    if compression in (_FIELDS, _FIELDS_WITH_ALPHA):
        masks = _masks(data, header, compression)
        if (bits, masks) not in _USUAL:
            return _replaced(found, _fields(data, width, height, bits, masks), height, 32)
    return found


def _head(data: bytes, *, old: bool) -> tuple[int, int, int, int]:
    """Width, height, bits of a pixel and compression."""
    if old:
        width, height, _, bits = struct.unpack_from("<4H", data, 18)
        return width, height, bits, _PLAIN
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data.ljust(34, b"\0"), 18)
    return width, height, bits, compression


def _check_variant(header: int, bits: int, compression: int) -> None:
    """Raises BadPicture for what neither the library nor this file reads."""
    name = ""
    if header in (16, 64) and compression in (_FIELDS, 4):
        name = "compressed as OS/2 does (RLE24 or Huffman)"
    elif compression in _OTHERS:
        name = _OTHERS[compression]
    elif bits not in _DEPTHS:
        name = f"of {bits} bits per pixel"
    elif compression > _FIELDS and compression != _FIELDS_WITH_ALPHA:
        name = f"of compression {compression}"
    elif compression in (_FIELDS, _FIELDS_WITH_ALPHA) and bits not in (16, 32):
        name = f"of bit fields in {bits} bits"
    if name:
        raise damaged(f"this BMP is {name}, which is not read here; save it as PNG")


def _masks(data: bytes, header: int, compression: int) -> tuple[int, int, int, int]:
    """Which bits are red, green, blue and alpha: behind a header of 40 bytes, or within a longer
    one, at the same place.
    """
    with_alpha = header >= 56 or compression == _FIELDS_WITH_ALPHA
    if len(data) < 70:
        raise damaged("this BMP is cut off; send the complete file")
    red, green, blue, alpha = struct.unpack_from("<4I", data, 54)
    return red, green, blue, alpha if with_alpha else 0


def _rows(data: bytes, width: int, height: int, bits: int) -> npt.NDArray[np.uint8]:
    """The stored rows, uint8 [height, bytes of a row], padded to whole words.

    Raises:
        BadPicture: fewer than there should be.
    """
    (start,) = struct.unpack_from("<I", data, 10)
    stride = (width * bits + 31) // 32 * 4
    size = stride * abs(height)
    if start + size > len(data):
        raise damaged("this BMP has less picture data than its sides ask for; send all of it")
    return np.frombuffer(data, np.uint8, count=size, offset=start).reshape(abs(height), stride)


def _indexed(data: bytes, width: int, height: int) -> npt.NDArray[np.uint8]:
    """Blue, green, red [height, width, 3] of 2 bits a pixel."""
    (header,) = struct.unpack_from("<I", data, 14)
    entry = 3 if header == _OLD_HEADER else 4
    start = 14 + header
    palette = np.zeros((4, 3), np.uint8)
    for place in range(4):
        colour = data[start + place * entry : start + place * entry + 3]
        palette[place, : len(colour)] = np.frombuffer(colour, np.uint8)
    rows = _rows(data, width, height, 2)
    values = (rows[:, :, None] >> np.array([6, 4, 2, 0], np.uint8)) & 3
    colours: npt.NDArray[np.uint8] = palette[values.reshape(len(rows), -1)[:, :width]]
    return colours


def _fields(
    data: bytes, width: int, height: int, bits: int, masks: tuple[int, int, int, int]
) -> npt.NDArray[np.uint8]:
    """Blue, green, red, alpha [height, width, 4] of pixels whose samples lie under masks."""
    words = _rows(data, width, height, bits).view("<u2" if bits == 16 else "<u4")[:, :width]
    out = np.full((abs(height), width, 4), 255, np.uint8)
    for place, mask in zip((2, 1, 0, 3), masks, strict=True):
        used = mask & ((1 << bits) - 1)
        if used:
            out[:, :, place] = _samples(words, used)
        elif place != 3:
            out[:, :, place] = 0
    return out


def _samples(words: npt.NDArray[np.integer], mask: int) -> npt.NDArray[np.uint8]:
    """What lies under `mask`, 0 to 255."""
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    spare = max(0, most.bit_length() - 8)
    form = words.dtype
    samples = (words & np.array(mask, form)) >> np.array(shift + spare, form)
    most >>= spare
    table = ((np.arange(most + 1) * 255 + most // 2) // most).astype(np.uint8)
    found: npt.NDArray[np.uint8] = table[samples]
    return found


def _replaced(found: Contents, pixels: npt.NDArray[np.uint8], height: int, bits: int) -> Contents:
    """The file with `pixels`, in the order in which they were stored, as 24 or 32 bits."""
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000) if bits == 32 else (0, 0, 0, 0)
    header = struct.pack("<IiiHHIIiiII4I", 56, found.width, height, 1, bits,
                         _FIELDS if bits == 32 else _PLAIN, 0, 0, 0, 0, 0, *masks)  # fmt: skip
    rows = pixels.reshape(len(pixels), -1)
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    head = b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(header)) + header
    return Contents("BMP", head + padded.tobytes(), found.width, found.height)
