"""Evidence becomes boxes: exact where pixels tell, from the saliency map where they do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.vision import evidence, subject
from chalicelib.vision.decode import Limits, decode
from chalicelib.vision.picture import Picture
from tests.vision import drawn

Map = npt.NDArray[np.float32]


def opened(image: Image.Image) -> Picture:
    return decode(drawn.png(image), limits=Limits())


def salient(*boxes: tuple[int, int, int, int], level: float = 0.9) -> Map:
    """A saliency map that shines in boxes x1, y1, x2, y2 of its 28 × 28 cells."""
    out = np.full((28, 28), 0.02, np.float32)
    for x1, y1, x2, y2 in boxes:
        out[y1:y2, x1:x2] = level
    return out


def found(
    image: Image.Image, saliency: Map, service: Service = Service.PRODUCT
) -> tuple[Region, ...]:
    picture = opened(image)
    return subject.find(
        picture, evidence.gather(picture, picture.letterbox(side=224), saliency), service
    )


def overlap(one: Region, other: Region) -> float:
    """Intersection over union."""
    across = max(0, min(one.x2, other.x2) - max(one.x1, other.x1))
    down = max(0, min(one.y2, other.y2) - max(one.y1, other.y1))
    return across * down / (one.width * one.height + other.width * other.height - across * down)


def frames(box: Region, thing: Region, air: int = 26) -> bool:
    """Whether the box holds the thing, with some air and not too much around it."""
    around = (thing.x1 - box.x1, box.x2 - thing.x2, thing.y1 - box.y1, box.y2 - thing.y2)
    return all(-2 <= distance <= air for distance in around)


def busy(width: int = 480, height: int = 480) -> Image.Image:
    """A ground that is not even."""
    return drawn.noise(3).resize((width, height))


def test_a_garment_on_white_is_found_whole_though_the_map_is_coarse() -> None:
    (region,) = found(drawn.shirt((200, 30, 40)), salient((8, 8, 20, 20)))
    assert frames(region, Region(80, 400, 80, 400))


def test_transparency_is_the_best_evidence_there_is() -> None:
    (region,) = found(drawn.cut_out(), salient((0, 0, 6, 6)))
    assert overlap(region, Region(140, 360, 140, 360)) > 0.85


def test_two_shoes_are_a_group_and_two_members() -> None:
    group, *members = found(drawn.shoes(), salient((4, 7, 12, 22), (16, 7, 24, 22)))
    assert len(members) == 2
    assert frames(group, Region(60, 420, 120, 390))
    assert sorted(member.x1 for member in members) == pytest.approx([60, 270], abs=20)


def test_a_piece_within_the_box_of_another_is_part_of_it() -> None:
    """A chair from the side, and the cushion that lies in its corner without touching it: one
    subject, no second one.
    """
    chair = salient((4, 4, 9, 24), (4, 19, 24, 24), (13, 7, 20, 15))
    (region,) = found(busy(), chair)
    assert overlap(region, Region(69, 411, 69, 411)) > 0.85
    apart = salient((4, 4, 9, 24), (13, 7, 20, 15))
    assert len(found(busy(), apart)) == 3, "side by side they are a group and two members"


def test_a_pile_that_fills_the_picture_is_the_picture() -> None:
    assert found(drawn.pile(), salient((0, 0, 28, 28))) == (Region(0, 480, 0, 480),)


def test_where_the_ground_is_busy_the_map_decides() -> None:
    (region,) = found(busy(), salient((7, 7, 21, 14)))
    assert overlap(region, Region(120, 360, 120, 240)) > 0.85


def test_a_diffuse_map_makes_a_larger_box_than_a_sharp_one() -> None:
    diffuse = salient((4, 4, 24, 24), level=0.36) + salient((10, 10, 16, 16), level=0.6) - 0.02
    sharp = salient((10, 10, 16, 16), level=0.9)
    assert found(busy(), diffuse)[0].width > 1.5 * found(busy(), sharp)[0].width


def test_a_floor_under_a_wall_is_no_subject() -> None:
    room = Image.new("RGB", (480, 480), (230, 230, 230))
    draw = ImageDraw.Draw(room)
    draw.rectangle((0, 330, 480, 480), fill=(140, 110, 80))
    draw.rectangle((180, 150, 300, 350), fill=(40, 90, 160))
    (region,) = found(room, salient((10, 8, 18, 21)))
    assert region.width < 240


def test_a_mark_is_one_with_its_letters() -> None:
    (region,) = found(
        drawn.mark((30, 60, 160), points=5), salient((8, 3, 20, 16)), Service.TRADEMARK
    )
    assert frames(region, Region(120, 360, 40, 400))


def test_a_mark_on_an_even_ground_needs_no_map() -> None:
    picture = opened(drawn.mark((30, 60, 160), points=5))
    known = evidence.from_pixels(picture)
    assert known is not None
    (region,) = subject.find(picture, known, Service.TRADEMARK)
    assert frames(region, Region(120, 360, 40, 400))
    noisy = opened(busy())
    assert evidence.from_pixels(noisy) is None


@pytest.mark.parametrize(
    "image",
    [Image.new("RGB", (300, 200), "white"), Image.new("RGB", (300, 200), "black"), drawn.noise(5)],
)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_where_nothing_stands_out_the_whole_picture_is_the_subject(
    image: Image.Image, level: float
) -> None:
    assert found(image, np.full((28, 28), level, np.float32)) == (
        Region(0, image.width, 0, image.height),
    )


@pytest.mark.parametrize("size", [(100, 100), (4096, 100), (100, 4096), (1201, 799)])
def test_regions_lie_within_pictures_of_any_shape(size: tuple[int, int]) -> None:
    image = busy(*size)
    generator = np.random.default_rng(5)
    for _ in range(20):
        for region in found(image, generator.random((28, 28), np.float32) ** 4):
            assert 0 <= region.x1 < region.x2 <= size[0]
            assert 0 <= region.y1 < region.y2 <= size[1]


def test_a_box_is_in_pixels_of_the_file_even_when_the_picture_was_rendered_smaller() -> None:
    large = drawn.shirt((20, 90, 60)).resize((3840, 3840), Image.Resampling.NEAREST)
    (region,) = found(large, salient((8, 8, 20, 20)))
    assert frames(region, Region(640, 3200, 640, 3200), air=8 * 26)


def test_the_letterbox_margin_is_never_part_of_a_subject() -> None:
    tall = drawn.shirt((120, 40, 140)).crop((60, 0, 420, 480)).resize((180, 480))
    everywhere = np.full((28, 28), 0.9, np.float32)
    everywhere[:, 10:18] = 0.1
    for region in found(tall, everywhere):
        assert 0 <= region.x1 < region.x2 <= 180
