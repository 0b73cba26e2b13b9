"""From untrusted bytes to an upright RGB picture, within limits that are checked before a pixel is
decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from chalicelib.errors import BadPicture, PictureFault
from chalicelib.region import Region
from chalicelib.service import MAX_PICTURE_BYTES, Service
from chalicelib.vision.containers import Contents, examine
from chalicelib.vision.containers.contents import damaged
from chalicelib.vision.picture import Picture
from chalicelib.vision.render import render

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
    colour, alpha = render(found, _kept(found, detail, focus))
    turn = _TURNS.get(found.orientation)
    if turn is not None:
        colour = colour.transpose(turn)
        alpha = alpha.transpose(turn) if alpha is not None else None
    # the file's own pixels, which `colour` may have fewer of
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
    """Raises BadPicture where a decoder would pass over the picture too often."""
    # With a witness the picture is decoded twice.
    scanned = found.passes * found.width * found.height * (2 if found.witness else 1)
    if found.passes > MAX_SCANS or scanned > MAX_SCANNED_PIXELS:
        raise damaged(
            f"this {found.format} passes over its picture {found.passes} times, far more than "
            "cameras do; save it as a baseline JPEG"
        )
