"""Crop × Region × service type (CONTRACT §2.2 to 2.4), and what features may depend on."""

from __future__ import annotations

import threading
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from chalicelib.errors import BadPicture, CorruptObject, InvalidField
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.vision import shipped
from chalicelib.vision.analysis import Analysis, Request
from chalicelib.vision.analyze import Analyzer
from chalicelib.vision.network import Network, Outputs
from tests.vision import drawn
from tests.vision.encodings import encoded, turned

CATEGORIES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 88888888}
SHIRT = drawn.png(drawn.shirt((200, 30, 40)))
WHOLE = Region(0, 480, 0, 480)
PART = Region(60, 300, 90, 470)
FINDING = [service for service in Service if service.finds_subject]


def same(one: Analysis, other: Analysis) -> bool:
    """Bit for bit, but for the other subjects reported."""
    return (
        one.region == other.region
        and one.categories == other.categories
        and np.array_equal(one.feature, other.feature)
        and np.array_equal(one.code, other.code)
    )


def similarity(one: Analysis, other: Analysis) -> float:
    return float(one.feature @ other.feature)


class Everything(Network):
    """Computes all parts in every pass."""

    def run(self, image: npt.NDArray[np.uint8], wanted: Collection[str] | None = None) -> Outputs:
        del wanted
        return super().run(image)


@pytest.mark.parametrize("service", Service)
def test_what_a_service_does_not_read_need_not_be_computed(
    analyzer: Analyzer, service: Service
) -> None:
    thorough = Analyzer(threads=1, network=Everything.shipped(threads=1))
    for data in map(drawn.png, drawn.pictures().values()):
        for request in (
            Request(service),
            Request(service, crop=False),
            Request(service, region=Region(10, 90, 20, 95)),
        ):
            assert same(analyzer.analyze(data, request), thorough.analyze(data, request))


@pytest.mark.parametrize("service", FINDING)
def test_without_region_the_subject_is_found(analyzer: Analyzer, service: Service) -> None:
    found = analyzer.analyze(SHIRT, Request(service))
    assert found.regions[0] == found.region
    assert abs(found.region.x1 - 80) < 30
    assert abs(found.region.y2 - 400) < 30


@pytest.mark.parametrize("service", FINDING)
def test_a_given_region_is_reported_unchanged_and_is_all_that_counts(
    analyzer: Analyzer, service: Service
) -> None:
    given = analyzer.analyze(SHIRT, Request(service, region=PART))
    assert given.regions == (PART,)
    cut = drawn.shirt((200, 30, 40)).crop((PART.x1, PART.y1, PART.x2, PART.y2))
    alone = analyzer.analyze(drawn.png(cut), Request(service, crop=False))
    assert np.array_equal(given.feature, alone.feature)
    assert given.categories == alone.categories


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize("region", [None, PART, Region(9, 5, 0, 9000)])
def test_with_crop_false_the_picture_is_whole_whatever_the_region_says(
    analyzer: Analyzer, service: Service, region: Region | None
) -> None:
    answer = analyzer.analyze(SHIRT, Request(service, crop=False, region=region))
    assert answer.region == WHOLE
    assert same(answer, analyzer.analyze(SHIRT, Request(service, crop=False)))


@pytest.mark.parametrize("crop", [True, False])
@pytest.mark.parametrize("region", [None, PART, Region(9, 5, 0, 9000)])
def test_cloth_is_taken_whole_whatever_crop_and_region_say(
    analyzer: Analyzer, crop: bool, region: Region | None
) -> None:
    answer = analyzer.analyze(SHIRT, Request(Service.FABRIC, crop=crop, region=region))
    assert answer.regions == (WHOLE,)
    assert same(answer, analyzer.analyze(SHIRT, Request(Service.FABRIC)))


@pytest.mark.parametrize("service", Service)
def test_only_products_have_categories(analyzer: Analyzer, service: Service) -> None:
    categories = analyzer.analyze(SHIRT, Request(service)).categories
    if service is not Service.PRODUCT:
        assert categories == ()
        return
    assert {number for number, _ in categories} == CATEGORIES
    chances = [chance for _, chance in categories]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "region",
    [
        Region(0, 481, 0, 480),
        Region(-1, 100, 0, 100),
        Region(100, 100, 0, 50),
        Region(200, 100, 0, 50),
        Region(0, 50, 60, 40),
    ],
)
@pytest.mark.parametrize("service", FINDING)
def test_a_region_outside_the_picture_is_refused(
    analyzer: Analyzer, service: Service, region: Region
) -> None:
    with pytest.raises(InvalidField, match="480 by 480") as caught:
        analyzer.analyze(SHIRT, Request(service, region=region))
    assert caught.value.field == "region"


def test_a_region_speaks_of_the_upright_picture(analyzer: Analyzer) -> None:
    wide = drawn.landscape(640, 460)
    stored = turned(wide.transpose(Image.Transpose.ROTATE_90), 6, "PNG")
    region = Region(500, 640, 10, 200)
    assert same(
        analyzer.analyze(stored, Request(Service.PRODUCT, region=region)),
        analyzer.analyze(drawn.png(wide), Request(Service.PRODUCT, region=region)),
    )


@pytest.mark.parametrize("service", Service)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("side", [480, 2400])
def test_the_found_region_sent_back_gives_the_same_record(
    analyzer: Analyzer, service: Service, kind: str, side: int
) -> None:
    """An import of an export depends on it: a record keeps its region, not how it came about."""
    for image in (drawn.shoes(), drawn.chair()):
        data = encoded(
            image.resize((side, side), Image.Resampling.NEAREST), kind, quality=90, compress_level=1
        )
        found = analyzer.analyze(data, Request(service))
        assert same(found, analyzer.analyze(data, Request(service, region=found.region)))
        whole = analyzer.analyze(data, Request(service, crop=False))
        assert same(
            whole, analyzer.analyze(data, Request(service, region=Region(0, side, 0, side)))
        )


def test_a_small_subject_of_a_large_photo_is_seen_sharply(analyzer: Analyzer) -> None:
    """In a 4000-pixel photo the rendering is a quarter as wide; a 400-pixel subject is decoded
    again in full.
    """
    large = drawn.landscape(4000, 1000)
    small = drawn.shirt((200, 30, 40)).resize((400, 400))
    large.paste(small, (1800, 300))
    region = Region(1800, 2200, 300, 700)
    inside = analyzer.analyze(
        encoded(large, "PNG", compress_level=1), Request(Service.PRODUCT, region=region)
    )
    assert (
        similarity(inside, analyzer.analyze(drawn.png(small), Request(Service.PRODUCT, crop=False)))
        > 0.999
    )


def test_many_is_each_and_a_bad_picture_stands_in_its_place(analyzer: Analyzer) -> None:
    batch = [
        (SHIRT, Request(Service.PRODUCT)),
        (b"no picture", Request(Service.PRODUCT)),
        (SHIRT, Request(Service.GENERIC, region=Region(0, 9, 0, 9000))),
        (drawn.png(drawn.pile()), Request(Service.FABRIC)),
    ]
    first, second, third, fourth = analyzer.analyze_many(batch)
    assert isinstance(first, Analysis)
    assert same(first, analyzer.analyze(*batch[0]))
    assert isinstance(second, BadPicture)
    assert isinstance(third, InvalidField)
    assert isinstance(fourth, Analysis)
    assert same(fourth, analyzer.analyze(*batch[3]))
    assert analyzer.analyze_many([]) == []


@pytest.mark.parametrize("service", Service)
def test_features_are_unit_vectors_and_finite_even_where_there_is_nothing_to_see(
    analyzer: Analyzer, service: Service
) -> None:
    for colour in ("white", "black", (128, 128, 128)):
        answer = analyzer.analyze(drawn.png(Image.new("RGB", (480, 480), colour)), Request(service))
        assert answer.feature.shape == (analyzer.dimension,)
        assert answer.feature.dtype == np.float32
        assert float(np.linalg.norm(answer.feature)) == pytest.approx(1, abs=1e-4)
        assert answer.code.shape == (analyzer.bits // 8,)
        assert answer.code.dtype == np.uint8


@pytest.mark.parametrize("service", Service)
def test_a_picture_is_itself_and_its_jpeg_is_nearly_so(
    analyzer: Analyzer, service: Service
) -> None:
    """Nearer than any other picture of its kind."""
    prefix = {Service.FABRIC: "cloth-", Service.TRADEMARK: "mark-"}.get(service, "")
    kind = [
        (name, image.convert("RGB"))
        for name, image in drawn.pictures().items()
        if name.startswith(prefix) and name != "flat"
    ]
    pictures = dict(kind if prefix else kind[::3])
    stored = {
        name: analyzer.analyze(drawn.png(image), Request(service))
        for name, image in pictures.items()
    }
    for name, image in pictures.items():
        assert same(stored[name], analyzer.analyze(drawn.png(image), Request(service)))
        again = analyzer.analyze(encoded(image, "JPEG", quality=85), Request(service))
        nearest = max(stored, key=lambda other: similarity(stored[other], again))
        assert nearest == name


@pytest.mark.parametrize("service", Service)
def test_scores_rise_to_one(analyzer: Analyzer, service: Service) -> None:
    curve = analyzer.score_curve(service)
    assert len(curve.similarities) == len(curve.scores) >= 2
    assert list(curve.similarities) == sorted(set(curve.similarities))
    assert list(curve.scores) == sorted(curve.scores)
    assert (curve.similarities[-1], curve.scores[-1]) == (1.0, 1.0)
    assert min(curve.scores) >= 0


def test_threads_share_one_analyzer(analyzer: Analyzer) -> None:
    expected = analyzer.analyze(SHIRT, Request(Service.PRODUCT))
    answers: list[Analysis] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(analyzer.analyze(SHIRT, Request(Service.PRODUCT)))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    assert all(same(expected, answer) for answer in answers)


def test_the_number_of_threads_of_a_pass_changes_nothing(analyzer: Analyzer) -> None:
    two = Analyzer(threads=2)
    assert two.fingerprint == analyzer.fingerprint
    for service in Service:
        assert same(analyzer.analyze(SHIRT, Request(service)), two.analyze(SHIRT, Request(service)))


def test_a_file_that_is_not_what_its_card_says_is_never_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import models

    folder = tmp_path_factory.mktemp("models")
    original = models.path(shipped.NETWORK).read_bytes()
    changed = bytearray(original)
    changed[len(changed) // 2] ^= 1
    (folder / shipped.NETWORK).write_bytes(changed)
    monkeypatch.setattr(models, "path", lambda name: folder / name)
    with pytest.raises(CorruptObject, match="sha256"):
        Analyzer()


def test_the_fingerprint_follows_preprocessing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = shipped.fingerprint()
    monkeypatch.setattr(shipped, "PREPROCESSING", shipped.PREPROCESSING + 1)
    assert shipped.fingerprint() != before
    assert len(before) == 32
    assert int(before, 16) >= 0
