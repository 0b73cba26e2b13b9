"""A symbol beside or above lettering is found; what is all symbol, empty or on an uneven ground is
left alone.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.vision import symbol
from chalicelib.vision.analysis import Analysis, Request
from chalicelib.vision.analyze import Analyzer
from chalicelib.vision.picture import Picture
from tests.vision import drawn

RED, BLUE, INK = (200, 40, 40), (30, 60, 160), (20, 20, 20)
SIDE = 224


def lettering(draw: ImageDraw.ImageDraw, x: int, y: int, height: int, letters: int = 6) -> None:
    """Letters as signs paint them: a stem and a bowl each, narrower than high."""
    for number in range(letters):
        left = x + number * height * 3 // 4
        draw.rectangle((left, y, left + height // 8, y + height), fill=INK)
        draw.ellipse(
            (left, y + height // 3, left + height // 2, y + height),
            outline=INK,
            width=max(2, height // 9),
        )


def beside(colour: tuple[int, int, int], *, points: int, right: bool = False) -> Image.Image:
    """A star of 160 pixels and lettering of 90 on 800 × 240."""
    image = Image.new("RGB", (800, 240), "white")
    draw = ImageDraw.Draw(image)
    star = symbol_alone(colour, points=points).resize((160, 160))
    image.paste(star, (600 if right else 40, 40))
    lettering(draw, 60 if right else 260, 75, 90)
    return image


def above(colour: tuple[int, int, int]) -> Image.Image:
    """A star of 200 pixels above lettering of 50."""
    image = Image.new("RGB", (400, 400), "white")
    image.paste(symbol_alone(colour, points=5).resize((200, 200)), (100, 40))
    lettering(ImageDraw.Draw(image), 60, 300, 50, letters=7)
    return image


def symbol_alone(colour: tuple[int, int, int], *, points: int) -> Image.Image:
    """A star that fills its square."""
    image = Image.new("RGB", (480, 480), "white")
    drawn.star(ImageDraw.Draw(image), 240, 240, points=points, radii=(235, 95), colour=colour)
    return image


def found(image: Image.Image, region: Region | None = None) -> Region | None:
    region = region or Region.whole(image.width, image.height)
    return symbol.find(
        region, Picture(image.width, image.height, image).letterbox(region, side=SIDE)
    )


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (beside(BLUE, points=5), Region(40, 200, 40, 200)),
        (beside(BLUE, points=5, right=True), Region(600, 760, 40, 200)),
        (above(RED), Region(100, 300, 40, 240)),
    ],
    ids=["left", "right", "above"],
)
def test_a_symbol_that_stands_apart_is_found(image: Image.Image, expected: Region) -> None:
    box = found(image)
    assert box is not None
    assert (
        max(
            abs(box.x1 - expected.x1),
            abs(box.x2 - expected.x2),
            abs(box.y1 - expected.y1),
            abs(box.y2 - expected.y2),
        )
        <= 20
    )


def test_it_is_found_in_the_part_that_is_looked_at() -> None:
    page = Image.new("RGB", (1200, 900), "white")
    page.paste(beside(BLUE, points=5), (300, 500))
    box = found(page, Region(300, 1100, 500, 740))
    assert box is not None
    assert 300 <= box.x1 <= 345
    assert 495 <= box.x2 <= 515
    assert 500 <= box.y1 <= 545
    assert 690 <= box.y2 <= 715


def _uneven() -> Image.Image:
    image = drawn.noise(3).resize((800, 240))
    image.paste(symbol_alone(BLUE, points=5).resize((160, 160)), (40, 40))
    return image


@pytest.mark.parametrize(
    "image",
    [
        symbol_alone(RED, points=7),
        _uneven(),
        Image.new("RGB", (800, 240), "white"),
        Image.new("RGB", (4000, 20), "white"),
    ],
    ids=["all symbol", "uneven ground", "nothing", "a line"],
)
def test_what_has_no_symbol_apart_is_left_alone(image: Image.Image) -> None:
    assert found(image) is None


SIZES, OFFSETS = st.integers(1, 900), st.integers(0, 500)


@given(st.integers(0, 2**32 - 1), SIZES, SIZES, OFFSETS, OFFSETS, st.sampled_from([0, 3, 12]))
def test_it_lies_within_its_region_whatever_is_drawn(
    seed: int, width: int, height: int, x: int, y: int, things: int
) -> None:
    dice = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    for _ in range(things):
        left, top = int(dice.integers(0, width)), int(dice.integers(0, height))
        draw.rectangle(
            (left, top, left + int(dice.integers(1, 60)), top + int(dice.integers(1, 60))),
            fill=BLUE,
        )
    region = Region(x, x + width, y, y + height)
    box = symbol.find(region, Picture(width, height, image).letterbox(side=SIDE))
    if box is not None:
        assert region.x1 <= box.x1 < box.x2 <= region.x2
        assert region.y1 <= box.y1 < box.y2 <= region.y2


def test_the_symbol_alone_finds_the_mark_with_its_lettering(analyzer: Analyzer) -> None:
    def seen(image: Image.Image) -> Analysis:
        return analyzer.analyze(drawn.png(image), Request(Service.TRADEMARK))

    whole, other = seen(beside(BLUE, points=4)), seen(beside(BLUE, points=9))
    alone = seen(symbol_alone(BLUE, points=4))
    assert float(alone.feature @ whole.feature) > 0.5
    assert float(alone.feature @ whole.feature) > float(alone.feature @ other.feature) + 0.2
