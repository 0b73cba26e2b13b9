"""A rectangle of a picture."""

from __future__ import annotations

from typing import NamedTuple


class Region(NamedTuple):
    """Pixels of the upright picture; left and top inclusive, right and bottom exclusive.

    The order is the contract's: both x first, then both y (CONTRACT §2.4).
    """

    x1: int
    x2: int
    y1: int
    y2: int

    @property
    def width(self) -> int:
        """Pixels."""
        return self.x2 - self.x1

    @property
    def height(self) -> int:
        """Pixels."""
        return self.y2 - self.y1

    def text(self) -> str:
        """`x1,x2,y1,y2`, as requests and answers spell it."""
        return ",".join(map(str, self))

    @classmethod
    def whole(cls, width: int, height: int) -> Region:
        """The region that covers a picture of `width` × `height` pixels."""
        return cls(0, width, 0, height)
