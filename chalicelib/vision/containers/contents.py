"""The answer of every container reader."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.errors import BadPicture, PictureFault


@dataclass(frozen=True, slots=True)
class Contents:
    """The first picture of a file."""

    format: str
    """The image library's name of the format."""
    data: bytes
    """A file of that format with the first picture and nothing else."""
    width: int
    """Pixels, as stored (before orientation)."""
    height: int
    """Pixels, as stored."""
    orientation: int = 1
    """EXIF orientation, 1 to 8; 1 where there is none or it is no legal value."""
    passes: int = 1
    """How often a decoder passes over the picture: the scans of a JPEG."""


def damaged(message: str) -> BadPicture:
    """The error of a file that is no picture, or a broken one."""
    return BadPicture(PictureFault.FORMAT, message)
