"""What the network says of the subject alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import models
from chalicelib.vision.network import Network
from chalicelib.vision.picture import Picture
from tests.vision import drawn

RED, BLUE, GREEN = (200, 30, 40), (30, 60, 200), (40, 140, 60)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network.shipped(threads=1)


def levels(network: Network, image: Image.Image, level: str) -> npt.NDArray[np.float32]:
    card = models.card()
    square = Picture(image.width, image.height, image).letterbox(side=card.side)
    return network.run(square).levels[list(card.places(frozenset([level])))]


def test_colours_are_shares_of_a_whole(network: Network) -> None:
    for image in drawn.pictures().values():
        shares = levels(network, image.convert("RGB"), "colour") ** 2
        assert shares.min() >= 0
        assert shares.sum() == pytest.approx(1, abs=1e-3)


def test_colours_are_the_subjects_before_the_grounds(network: Network) -> None:
    red, blue, elsewhere = (
        levels(network, drawn.shirt(colour, ground=ground), "colour")
        for colour, ground in ((RED, drawn.WHITE), (BLUE, drawn.WHITE), (RED, GREEN))
    )
    assert red @ elsewhere > red @ blue


def test_the_fill_around_a_picture_has_no_colour(network: Network) -> None:
    wide, fill = drawn.shirt(RED).crop((0, 120, 480, 360)), models.card().fill
    alone = levels(network, wide, "colour")
    filled, framed = (
        Image.new("RGB", (480, 480), (fill[0] + more, fill[1] + more, fill[2] + more))
        for more in (0, 8)
    )
    for page in (filled, framed):
        page.paste(wide, (0, 120))
    # The edge between picture and fill is resampled, so not quite 1.
    assert levels(network, filled, "colour") @ alone > 0.97
    assert levels(network, framed, "colour") @ alone < 0.95


def test_thirds_say_what_is_above_and_what_below(network: Network) -> None:
    names = {block.name: slice(block.start, block.stop) for block in models.card().blocks}

    def thirds(above: Image.Image, below: Image.Image) -> dict[str, npt.NDArray[np.float32]]:
        page = Image.new("RGB", (480, 480), drawn.WHITE)
        for thing, y in ((above, 0), (below, 260)):
            page.paste(thing.convert("RGB").resize((220, 220)), (130, y))
        found = network.run(Picture(480, 480, page).letterbox(side=models.card().side)).levels
        return {
            name.rpartition(".")[2]: found[part]
            for name, part in names.items()
            if name.startswith("subject-thirds.b14")
        }

    shirt, chair = drawn.shirt(RED), drawn.chair()
    one, other = thirds(shirt, chair), thirds(chair, shirt)

    def alike(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
        return float(np.corrcoef(a, b)[0, 1])

    assert alike(one["upper"], other["lower"]) > alike(one["upper"], other["upper"]) + 0.1
    assert alike(one["lower"], other["upper"]) > alike(one["lower"], other["lower"]) + 0.1
