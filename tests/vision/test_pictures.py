"""Pictures that people really have: what a browser shows is read, and looks as it does there; what
is not read is refused by its name; and no verdict depends on the kind of collection.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from chalicelib.errors import BadPicture
from chalicelib.service import Service
from chalicelib.vision.analysis import Request
from chalicelib.vision.analyze import Analyzer
from chalicelib.vision.decode import DETAIL, WHOLE_DETAIL, Limits, decode
from tests.vision import drawn
from tests.vision.encodings import encoded
from tests.vision.variants import Variant, available, jpeg
from tests.vision.variants_damaged import VARIANTS as DAMAGED
from tests.vision.variants_encoders import ENCODERS, PLAIN, PROFILES

VARIANTS = (*PLAIN, *DAMAGED, *PROFILES, *ENCODERS)
STEADY_COSINE = 0.995


def _drawn(side: tuple[int, int] = (500, 460)) -> Image.Image:
    """Shapes and grain at several sizes: as much in it as in a photograph, at every frequency."""
    dice = np.random.default_rng(14)
    shown = drawn.landscape(*side)
    for cells in (5, 12, 40, 120):
        noise = Image.fromarray(dice.integers(0, 256, (cells, cells, 3), np.uint8))
        shown = Image.blend(shown, noise.resize(side, Image.Resampling.BICUBIC), 0.25)
    return shown


PICTURE = _drawn()
UNHELPFUL = re.compile(r"0x[0-9a-f]{4}|Traceback|object at")


def made(variant: Variant, image: Image.Image) -> bytes:
    if not available(variant.encoder):
        pytest.skip(f"{variant.encoder} is not installed")
    return variant.make(image)


def refusal(data: bytes, detail: int) -> str:
    """What decode says against it; empty where it is read."""
    try:
        decode(data, limits=Limits(), detail=detail)
    except BadPicture as error:
        return str(error)
    return ""


def check_verdict(variant: Variant, data: bytes) -> None:
    """Read, or refused by name, however fine the picture is wanted."""
    said = refusal(data, DETAIL)
    assert said == refusal(data, WHOLE_DETAIL), "no verdict depends on the kind of collection"
    if not variant.refused:
        assert said == ""
        return
    assert re.search(variant.refused, said), said or "it is read"
    assert not UNHELPFUL.search(said)
    if "cut" not in variant.name:
        assert "send the complete" not in said or "in its scan" in variant.name, said


def cosine(analyzer: Analyzer, one: bytes, plain: bytes, service: Service) -> float:
    return float(np.vecdot(feature(analyzer, one, service), known(analyzer, plain, service)))


def feature(analyzer: Analyzer, data: bytes, service: Service) -> npt.NDArray[np.float32]:
    """Of the whole picture: a box may move by a cell for the last bit of a sample."""
    return analyzer.analyze(data, Request(service, crop=False)).feature


known = functools.lru_cache(maxsize=64)(feature)
"""Plain pictures are compared with many others."""


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_variant_is_read_as_the_plain_picture_or_refused_by_its_name(
    variant: Variant, analyzer: Analyzer
) -> None:
    data = made(variant, PICTURE)
    check_verdict(variant, data)
    if not variant.refused:
        plain = encoded(variant.like(PICTURE), "PNG")
        assert cosine(analyzer, data, plain, Service.GENERIC) >= variant.least


def test_there_are_as_many_encoders_and_variants_as_promised() -> None:
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS) >= 100
    assert len({variant.encoder for variant in VARIANTS}) >= 8


def photographs() -> Iterator[Image.Image]:
    """Those of the demo's packages, cut to 500 × 460, and drawn ones."""
    from importlib.util import find_spec
    from pathlib import Path

    folders = [Path(spec.origin).parent for name in ("skimage", "sklearn")
               if (spec := find_spec(name)) is not None and spec.origin]  # fmt: skip
    files = sorted(file for folder in folders for file in folder.rglob("*.[jp][pn]g"))
    if not files:
        pytest.skip("scikit-image and scikit-learn, whose pictures are used, are not installed")
    for file in files:
        with Image.open(file) as image:
            if min(image.size) >= 300 and image.mode == "RGB":
                yield image.convert("RGB").resize((500, 460), Image.Resampling.BICUBIC)
    yield from (drawn.shoes().resize((500, 460)), drawn.landscape(500, 460))


@functools.cache
def steady(analyzer: Analyzer) -> list[Image.Image]:
    """Those whose features stand a JPEG of quality 98: of black-and-white drawings and smooth walls
    the grain alone makes a difference.
    """
    return [
        image
        for image in photographs()
        if min(
            cosine(analyzer, jpeg(image), encoded(image, "PNG"), service)
            for service in (Service.GENERIC, Service.TRADEMARK)
        )
        >= STEADY_COSINE
    ]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_photographs_in_every_variant(variant: Variant, analyzer: Analyzer) -> None:
    """Four photographs each, others for every variant; all kinds of collections agree."""
    pictures = steady(analyzer)
    first = VARIANTS.index(variant)
    for number in range(4):
        image = pictures[(first * 4 + number) % len(pictures)]
        data = made(variant, image)
        check_verdict(variant, data)
        plain = encoded(variant.like(image), "PNG")
        for service in () if variant.refused else Service:
            assert cosine(analyzer, data, plain, service) >= variant.least, (number, service)
