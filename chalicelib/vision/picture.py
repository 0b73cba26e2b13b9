"""A decoded picture, and how a part of it is brought to a network's input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from chalicelib.region import Region

Area = tuple[int, int, int, int]
"""Left, top, width and height of a picture, or a part of one, on a square."""

FILL = (124, 116, 104)
"""What surrounds a picture that is not square: ImageNet's mean colour, so that the margin says
nothing (docs/MODELS.md).
"""

_PAD = 0.03
"""Share of a found box's side added all round."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Upright RGB pixels, perhaps rendered smaller than the file; regions are always in the file's
    pixels.
    """

    width: int
    """Pixels of the upright picture in the file."""
    height: int
    """Pixels of the upright picture in the file."""
    colour: Image.Image
    """RGB; its size is that of the file or smaller by the same factor both ways."""
    alpha: Image.Image | None = None
    """L, the size of `colour`; None for a picture without transparent parts."""

    @property
    def region(self) -> Region:
        """The whole picture."""
        return Region.whole(self.width, self.height)

    def letterbox(self, region: Region | None = None, *, side: int) -> npt.NDArray[np.uint8]:
        """The part of the picture (None: all of it) scaled to fit a square, uint8 [side, side, 3],
        centred on FILL.
        """
        return np.asarray(_fit(self._cut(region), side, FILL))

    def sampled(self, *, side: int) -> npt.NDArray[np.uint8]:
        """All of the picture like `letterbox`, but single pixels of a rendering about twice as
        fine: thin lines keep their colour.
        """
        left, top, across, down = margins(self.width, self.height, side)
        finer = self.colour.reduce(max(1, max(self.colour.size) // (2 * side)))
        square = Image.new("RGB", (side, side), FILL)
        square.paste(finer.resize((across, down), Image.Resampling.NEAREST), (left, top))
        return np.asarray(square)

    def letterboxed_alpha(self, *, side: int) -> npt.NDArray[np.uint8] | None:
        """Opacity of the whole picture on the same square, uint8 [side, side]; 0 in the margin."""
        return None if self.alpha is None else np.asarray(_fit(self.alpha, side, 0))

    def _cut(self, region: Region | None) -> Image.Image:
        """`region` of `colour`, cut out first: resizing with a box would let its neighbours bleed
        in.
        """
        if region is None or region == self.region:
            return self.colour
        across, down = self.colour.width / self.width, self.colour.height / self.height
        left = min(int(region.x1 * across), self.colour.width - 1)
        top = min(int(region.y1 * down), self.colour.height - 1)
        right, bottom = (
            max(left + 1, round(region.x2 * across)),
            max(top + 1, round(region.y2 * down)),
        )
        return self.colour.crop((left, top, right, bottom))


def margins(width: float, height: float, side: int) -> Area:
    """Left, top, width and height that a part of `width` × `height` takes on a square of `side`."""
    scale = side / max(width, height)
    across, down = max(1, round(width * scale)), max(1, round(height * scale))
    return (side - across) // 2, (side - down) // 2, across, down


def placed(
    box: tuple[int, int, int, int],
    area: tuple[float, float, float, float],
    within: Region,
    *,
    slack: float = 0,
) -> Region:
    """A box of cells x1, y1, x2, y2 with some air around it, in the picture's pixels.

    Args:
        box: exclusive ends.
        area: left, top, width and height of `within` on the square of cells.
        within: the part of the picture that is on the square; the answer does not leave it.
        slack: cells added all round besides.
    """
    (x1, y1, x2, y2), (left, top, across, down) = box, area
    air_x, air_y = _PAD * (x2 - x1) + slack, _PAD * (y2 - y1) + slack
    x, y = within.width / across, within.height / down
    return Region(
        max(within.x1, within.x1 + int((x1 - air_x - left) * x)),
        min(within.x2, within.x1 + int((x2 + air_x - left) * x + 0.999)),
        max(within.y1, within.y1 + int((y1 - air_y - top) * y)),
        min(within.y2, within.y1 + int((y2 + air_y - top) * y + 0.999)),
    )


def _fit(image: Image.Image, side: int, fill: int | tuple[int, int, int]) -> Image.Image:
    """`image` scaled to fit a square of `side`, centred on `fill`."""
    left, top, across, down = margins(*image.size, side)
    scaled = image.resize((across, down), Image.Resampling.BICUBIC, reducing_gap=1.4)
    if (across, down) == (side, side):
        return scaled
    square = Image.new(image.mode, (side, side), fill)
    square.paste(scaled, (left, top))
    return square
