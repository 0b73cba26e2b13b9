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
    scalable: bool = True
    """Whether the library may decode it smaller; lossless JPEG cannot be."""
    witness: bytes = b""
    """`data` with other bytes behind the picture's own, where nothing says that it ends there: if
    both show the same, nothing is missing.
    """
    place: tuple[int, int] | None = None
    """Left and top of what `data` holds on an empty canvas of width × height; None: it is all."""
    others: tuple[Contents, ...] = ()
    """Further frames, for a first one that shows nothing."""
    inverted: bool = False
    """Whether black and white are to be exchanged after decoding."""
    profile: bytes = b""
    """ICC profile, as stored; empty where there is none."""
    gamma: float = 0.0
    """Exponent that the samples were encoded with (PNG's gAMA); 0 where the file does not say."""
    kind: str = ""
    """What is unusual about it, in words for a message; empty for the usual."""


def damaged(message: str) -> BadPicture:
    """The error of a file that is no picture, or a broken one."""
    return BadPicture(PictureFault.FORMAT, message)
