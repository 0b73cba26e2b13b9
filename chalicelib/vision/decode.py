"""From untrusted bytes to an upright RGB picture. The only file that lets an image library open
them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from PIL import Image

from chalicelib.errors import BadPicture, PictureFault
from chalicelib.region import Region
from chalicelib.service import MAX_PICTURE_BYTES, Service
from chalicelib.vision.containers import Contents, examine
from chalicelib.vision.containers.contents import damaged
from chalicelib.vision.picture import Picture

FORMATS = frozenset(("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM"))
"""The contract's list (CONTRACT §2.2)."""
WITH_AVIF = FORMATS | {"AVIF"}
"""Beyond the contract; a deployment may choose it."""

DETAIL = 640
"""Pixels of the longer side that a smaller rendering must keep: a subject of a third of the picture
still fills the network's input.
"""
WHOLE_DETAIL = 256
"""The same where nothing is cut out and texture is not all there is: a little more than the
network's input.
"""

_FOCUS_DETAIL = 448
"""The same for a part that the caller points at: twice the network's input, as for a whole
picture's resizing.
"""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → what turns the stored picture upright (CIPA DC-008, 4.6.5)."""
_SWAPS_SIDES = frozenset((5, 6, 7, 8))
_OPAQUE = 255
_NEARLY_WHITE = 240

MAX_SCANS = 64
"""Encoders use 1 to 12 scans; a progressive file may repeat them by the thousand, each costing a
pass over the picture.
"""
MAX_SCANNED_PIXELS = 700_000_000
"""Scans × pixels: 41 scans of the largest picture; a progressive CMYK picture has 18
(tests/vision/torture.py: about a second).
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service accepts."""

    min_side: int = 100
    """Pixels."""
    max_side: int = 4096
    """Pixels."""
    max_bytes: int = MAX_PICTURE_BYTES
    formats: frozenset[str] = FORMATS

    @classmethod
    def of(cls, service: Service, *, formats: frozenset[str] = FORMATS) -> Limits:
        """The limits of CONTRACT §2.2 and §1.4 for `service`."""
        return cls(min_side=service.min_side, max_side=service.max_side, formats=formats)


def decode(
    data: bytes,
    *,
    limits: Limits,
    strict_orientation: bool = False,
    detail: int = DETAIL,
    focus: Region | None = None,
) -> Picture:
    """The first picture in `data`, upright, on white where it is transparent.

    Everything that can be refused is refused from the header, before a pixel is decoded. A large
    picture is rendered smaller, with `detail` pixels left to its longer side, or more if `focus`,
    the part to be looked at, is small; its coordinates stay those of the file. Nothing is written
    anywhere.

    Raises:
        BadPicture: too many bytes, not a supported format or damaged, sides out of range, or
        (strictly) EXIF orientation.
    """
    if len(data) > limits.max_bytes:
        raise BadPicture(
            PictureFault.BYTES,
            f"the picture has {len(data):,} bytes; {limits.max_bytes:,} are accepted: shrink it "
            "or save it as JPEG",
        )
    found = examine(data)
    if found.format not in limits.formats:
        raise damaged(
            f"{found.format} is not accepted here; send PNG, JPEG, BMP, GIF, WEBP, TIFF or PPM"
        )
    _check_sides(found.width, found.height, limits)
    _check_passes(found)
    if strict_orientation and found.orientation != 1:
        raise BadPicture(
            PictureFault.ORIENTATION,
            "the file says that the picture is to be turned (EXIF orientation "
            f"{found.orientation}), and this deployment refuses that:"
            " save it upright, or set LOOKALIKE_STRICT_ORIENTATION=false",
        )
    image = _load(found, _kept(found, detail, focus))
    colour, alpha = _flatten(image)
    turn = _TURNS.get(found.orientation)
    if turn is not None:
        colour = colour.transpose(turn)
        alpha = alpha.transpose(turn) if alpha is not None else None
    width, height = (
        (found.height, found.width)
        if found.orientation in _SWAPS_SIDES
        else (found.width, found.height)
    )
    return Picture(width=width, height=height, colour=colour, alpha=alpha)


def _kept(found: Contents, detail: int, focus: Region | None) -> int:
    """Pixels that the longer side must keep."""
    if focus is None:
        return detail
    share = _FOCUS_DETAIL / max(focus.width, focus.height, 1)
    return max(detail, int(share * max(found.width, found.height)))


def _check_sides(width: int, height: int, limits: Limits) -> None:
    """Raises BadPicture for sides, in pixels, that the service does not accept."""
    shorter, longer = sorted((width, height))
    if shorter < limits.min_side or longer > limits.max_side:
        raise BadPicture(
            PictureFault.SIDES,
            f"the picture is {width} by {height} pixels; each side must have {limits.min_side} "
            f"to {limits.max_side}: scale it",
        )


def _check_passes(found: Contents) -> None:
    if found.passes > MAX_SCANS or found.passes * found.width * found.height > MAX_SCANNED_PIXELS:
        raise damaged(
            f"this {found.format} passes over its picture {found.passes} times, far more than "
            "cameras do; save it as a baseline JPEG"
        )


def _load(found: Contents, detail: int) -> Image.Image:
    """Pixels in whatever mode they are stored, at about the size that `detail` asks for."""
    longer = max(found.width, found.height)
    try:
        image: Image.Image = Image.open(io.BytesIO(found.data), formats=[found.format])
        if image.size != (found.width, found.height):
            raise damaged(
                "the file contradicts itself about its sides; save it again with an image editor"
            )
        if found.format == "JPEG":
            share = detail / longer
            image.draft(None, (max(1, int(found.width * share)), max(1, int(found.height * share))))
        image.load()
        factor = max(image.size) // detail
        if factor > 1:
            image = _reduced(image, factor)
    except BadPicture:
        raise
    except Exception as error:  # noqa: BLE001  # a hostile file leads the library to any of a dozen exception types; all mean one thing
        _refuse(found.format, error)
    return image


def _refuse(kind: str, error: Exception) -> NoReturn:
    """Raises BadPicture for what the library said of a file."""
    reason = (
        "it needs more memory than a picture may"
        if isinstance(error, MemoryError)
        else str(error) or type(error).__name__
    )
    raise damaged(
        f"this {kind} is cut off or damaged ({reason}); send the complete file or save it again"
    ) from error


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Box-filtered to 1/factor, so that a large picture is never converted at full size."""
    if image.mode.startswith("I;16"):
        image = _grey(image)
    elif image.has_transparency_data and image.mode not in ("RGBA", "LA"):
        image = image.convert("RGBA")
    elif image.mode in ("1", "P", "PA"):
        image = image.convert("RGB")
    return image.reduce(factor)


def _grey(image: Image.Image) -> Image.Image:
    """Grey of more than 8 bits to 8: 16-bit values by their high byte, others by the range that
    they seem to use.
    """
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        return Image.fromarray((values >> 8).astype(np.uint8))
    values = np.nan_to_num(values, nan=0, posinf=0, neginf=0).astype(np.float64)
    low, high = _range(float(values.min()), float(values.max()))
    return Image.fromarray(((values - low) * (255.0 / (high - low))).astype(np.uint8))


def _range(low: float, high: float) -> tuple[float, float]:
    """Black and white of a picture whose values lie between `low` and `high`: the smallest usual
    range around them, or themselves.
    """
    if low >= 0:
        for white in (1.0, 255.0, 65535.0):
            if high <= white:
                return 0.0, white
    return low, max(high, low + 1e-9)


def _flatten(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """(RGB on white, alpha as L where some pixel is not opaque).

    What is itself white is shown on black: a white mark on nothing would vanish.
    """
    if image.mode == "I" or image.mode == "F" or image.mode.startswith("I;16"):
        image = _grey(image)
    try:
        if not image.has_transparency_data:
            return image if image.mode == "RGB" else image.convert("RGB"), None
        image = image.convert("RGBA")
    except (ValueError, OSError, KeyError, TypeError) as error:
        _refuse(image.format or "picture", error)
    alpha = image.getchannel("A")
    if alpha.getextrema()[0] == _OPAQUE:
        return image.convert("RGB"), None
    for colour in ("white", "black"):
        ground = Image.new("RGB", image.size, colour)
        ground.paste(image, mask=alpha)
        if np.asarray(ground).min() < _NEARLY_WHITE:
            break
    return ground, alpha
