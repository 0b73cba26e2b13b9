"""Samples of more than 8 bits to 8: by the range that a file's values seem to use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

_WHITES = (255.0, 1023.0, 4095.0, 65535.0)
"""Of 8, 10, 12 and 16 bits: cameras, scanners and microscopes write few bits into wide samples, and
whoever decodes 16 bits by their high byte sees black.
"""
_SWAPPED = {"16B": "16L", "16L": "16B", "16N": "16B"}
"""Raw modes that take the other byte of each sample: native order (N) is little-endian on every
processor that this runs on.
"""
_DARK = 16
"""A picture whose high bytes are all below is black, or has 12 bits."""


def white(low: float, high: float) -> tuple[float, float]:
    """Black and white of a picture whose values lie between `low` and `high`: the smallest usual
    range around them, or themselves.
    """
    if low >= 0:
        for most in (1.0, *_WHITES):
            if high <= most:
                return 0.0, most
    return low, max(high, low + 1e-9)


def grey(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits, or of fractions, as L."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray(eight_bits(values))
    values = np.nan_to_num(values, nan=0, posinf=0, neginf=0).astype(np.float64)
    low, high = white(float(values.min()), float(values.max()))
    return Image.fromarray(((values - low) * (255.0 / (high - low))).astype(np.uint8))


def eight_bits(values: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
    """uint16 samples to uint8 by the smallest usual range around them: high bits are kept."""
    most = next(each for each in _WHITES if values.max(initial=0) <= each)
    shift = int(most).bit_length() - 8
    return (values >> shift).astype(np.uint8)


def is_dark(image: Image.Image) -> bool:
    """Whether the colours of a picture, decoded by the high bytes of its samples, are nearly 0."""
    return int(np.asarray(image)[:, :, :3].max()) < _DARK


def take_low_bytes(image: ImageFile.ImageFile) -> bool:
    """Makes a picture, opened and not loaded, decode to the low bytes of its 16-bit samples; False
    where it has none.
    """
    tiles = []
    for tile in image.tile:
        arguments = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        name, _, form = str(arguments[0]).partition(";")
        if name not in ("RGB", "RGBA", "RGBX") or form not in _SWAPPED:
            return False
        tiles.append(tile._replace(args=(f"{name};{_SWAPPED[form]}", *arguments[1:])))
    image.tile = tiles
    return bool(tiles)


def joined(high: Image.Image, low: Image.Image) -> Image.Image:
    """A picture from both bytes of its colours; transparency from the high ones."""
    upper, lower = np.array(high), np.asarray(low)
    values = upper[:, :, :3].astype(np.uint16) << 8 | lower[:, :, :3]
    upper[:, :, :3] = eight_bits(values)
    return Image.fromarray(upper)
