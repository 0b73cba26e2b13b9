"""The way from a picture to the network's square."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from chalicelib.region import Region
from chalicelib.vision.picture import FILL, Picture, margins


def plain(width: int, height: int, scale: int = 1) -> Picture:
    """Left half red, right half blue; rendered at 1/scale."""
    image = Image.new("RGB", (width // scale, height // scale), (200, 0, 0))
    image.paste((0, 0, 200), (width // scale // 2, 0, width // scale, height // scale))
    return Picture(width=width, height=height, colour=image)


def test_the_picture_is_centred_on_the_fill_colour() -> None:
    square = plain(400, 200).letterbox(side=224)
    assert square.shape == (224, 224, 3)
    assert tuple(square[10, 112]) == FILL
    assert tuple(square[112, 20]) == (200, 0, 0)
    assert tuple(square[112, 200]) == (0, 0, 200)


def test_a_region_is_all_that_is_seen() -> None:
    square = plain(400, 200).letterbox(Region(200, 400, 0, 200), side=224)
    assert (square == (0, 0, 200)).all()


@pytest.mark.parametrize("scale", [2, 4])
def test_a_region_means_the_same_in_a_smaller_rendering(scale: int) -> None:
    exact = plain(1600, 800).letterbox(Region(400, 1200, 200, 600), side=224).astype(int)
    smaller = plain(1600, 800, scale).letterbox(Region(400, 1200, 200, 600), side=224).astype(int)
    assert np.abs(exact - smaller).mean() < 2


def test_a_region_of_one_pixel_is_enlarged() -> None:
    assert (plain(400, 200).letterbox(Region(399, 400, 199, 200), side=224) == (0, 0, 200)).all()


def test_opacity_lies_on_the_same_square_and_the_margin_is_empty() -> None:
    alpha = Image.new("L", (400, 200), 255)
    square = Picture(400, 200, Image.new("RGB", (400, 200)), alpha).letterboxed_alpha(side=56)
    assert square is not None
    left, top, across, down = margins(400, 200, 56)
    assert (left, top, across, down) == (0, 14, 56, 28)
    assert square[:top].max() == 0
    assert square[top : top + down].min() == 255


@pytest.mark.parametrize("sides", [(224, 224), (1000, 333), (4096, 20), (37, 640), (30, 20)])
def test_a_sample_fills_exactly_its_area(sides: tuple[int, int]) -> None:
    square = Picture(*sides, Image.new("RGB", sides, (200, 0, 0))).sampled(side=112)
    left, top, across, down = margins(*sides, 112)
    inside = np.zeros((112, 112), np.bool_)
    inside[top : top + down, left : left + across] = True
    assert (square[inside] == (200, 0, 0)).all()
    assert (square[~inside] == FILL).all()


def test_a_sample_keeps_the_colour_of_thin_lines_that_resizing_would_wash_out() -> None:
    lines = Image.new("RGB", (448, 448), "white")
    for x in range(0, 448, 16):
        lines.paste((0, 0, 0), (x, 0, x + 4, 448))
    picture = Picture(448, 448, lines)
    assert picture.sampled(side=112).min() == 0
    assert (picture.sampled(side=112) == 0).mean() >= (picture.letterbox(side=112) == 0).mean()
