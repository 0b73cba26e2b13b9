"""The symbol of a mark that stands beside or above its lettering: brands show it alone as well.
Pure arrays.

One look at both together is little like the symbol alone, so that the mark's feature is the mean of
both looks (docs/adr/0034).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.region import Region
from chalicelib.vision import evidence
from chalicelib.vision.evidence import Mask
from chalicelib.vision.picture import margins, placed

_WIDE = 1.6
"""A mark with its symbol at one end is at least so many times as wide as high."""
_NARROWEST, _WIDEST = 0.4, 1.7
"""Width of a symbol by its height: about square; many letters are narrower, words wider."""
_TALL = 0.8
"""Least height of a symbol at one end, by that of the lettering."""
_TOWERING = 1.3
"""Least height of a symbol on top, by that of the highest line under it."""
_SLACK = 0.5
"""Cells, of 112, added all round: ink is looked for on every second pixel."""


@dataclass(frozen=True, slots=True)
class _Blob:
    """What is drawn between two gaps: cells x1…x2, y1…y2, exclusive ends."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def height(self) -> int:
        """Cells down."""
        return self.y2 - self.y1

    def squarish(self) -> bool:
        """Whether it has a symbol's proportions."""
        return _NARROWEST <= (self.x2 - self.x1) / self.height <= _WIDEST


def find(region: Region, square: npt.NDArray[np.uint8]) -> Region | None:
    """The symbol in a mark's `region`, in the picture's pixels; None where nothing stands apart, or
    the ground is not even.

    Args:
        region: the mark in the picture.
        square: uint8 [224, 224, 3], that region letterboxed.
    """
    area = margins(region.width, region.height, len(square))
    ink = evidence.ink(*evidence.halved(square, area))
    part = None if ink is None else _symbol(ink)
    if part is None:
        return None
    left, top, across, down = area
    return placed(
        (part.x1, part.y1, part.x2, part.y2),
        (left / 2, top / 2, across / 2, down / 2),
        region,
        slack=_SLACK,
    )


def _symbol(ink: Mask) -> _Blob | None:
    """The part at the left, right or upper end that looks like a symbol, in this order."""
    whole = _around(ink, 0, 0)
    if whole is None:
        return None
    beside = _beside(_parts(ink, axis=0)) if whole.x2 - whole.x1 >= _WIDE * whole.height else None
    if beside is not None:
        return beside
    top, *below = _parts(ink, axis=1)
    if below and top.squarish() and top.height >= _TOWERING * max(part.height for part in below):
        return top
    return None


def _beside(columns: list[_Blob]) -> _Blob | None:
    """The left or right one of the parts of a line that looks like a symbol."""
    for end, others in ((columns[0], columns[1:]), (columns[-1], columns[:-1])):
        if others and end.squarish() and end.height >= _TALL * _span(others):
            return end
    return None


def _span(parts: list[_Blob]) -> int:
    """Cells down from the highest to the lowest of `parts`."""
    return max(part.y2 for part in parts) - min(part.y1 for part in parts)


def _parts(ink: Mask, *, axis: int) -> list[_Blob]:
    """What lies between empty columns (`axis` 0) or empty rows (1), in order."""
    edges = np.flatnonzero(np.diff(np.pad(ink.any(axis=axis), 1))).tolist()
    found = [
        _around(ink[:, start:stop], start, 0) if axis == 0 else _around(ink[start:stop], 0, start)
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]
    return [part for part in found if part is not None]


def _around(ink: Mask, left: int, top: int) -> _Blob | None:
    """The smallest part around all ink, moved by `left` and `top`; None where there is none."""
    columns, rows = np.flatnonzero(ink.any(axis=0)), np.flatnonzero(ink.any(axis=1))
    if not len(columns):
        return None
    return _Blob(
        int(columns[0]) + left,
        int(rows[0]) + top,
        int(columns[-1]) + 1 + left,
        int(rows[-1]) + 1 + top,
    )
