"""The parts of models/build that need no torch: edits, folds, figures, codes, classes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest

from models.build import augment, codes, evaluate
from models.build.folds import FOLDS, folds, key
from models.build.imagenet import CATEGORIES, IGNORED, NAMES, mapping
from models.build.pictures import OPEN_SETS, Row, training_rows
from tests.shared import shared
from tests.vision import drawn


def row(**given: str) -> Row:
    known = {
        "set": "shop",
        "split": "gallery",
        "label": "",
        "category": "",
        "instance": "",
        "notes": "",
    }
    return Row(path=Path(given.pop("path", "gallery/1.jpg")), **(known | given))


@pytest.mark.parametrize("kind", ["copy", "mark", "cloth", "photo"])
def test_edits_are_pictures_of_many_kinds_and_the_same_again(kind: str) -> None:
    image = drawn.shoes().resize((160, 140))
    edit = getattr(augment, kind)
    once = [edit(image, Random(seed)) for seed in range(20)]
    assert {picture.mode for picture in once} == {"RGB"}
    assert min(min(picture.size) for picture in once) >= 8
    assert [picture.tobytes() for picture in once] == [
        edit(image, Random(seed)).tobytes() for seed in range(20)
    ]
    assert len({picture.tobytes() for picture in once}) >= 15


def test_pictures_of_one_thing_share_a_fold() -> None:
    colours = [
        row(set="shop_luma", instance=f"mb03-{colour}", notes="product=mb03")
        for colour in ("black", "blue")
    ]
    assert key(colours[0]) == key(colours[1])
    many = [row(instance=str(i)) for i in range(300)]
    found = folds(many)
    assert set(found) == set(range(FOLDS))
    assert np.bincount(found).min() > 30


def test_answers_rank_the_gallery_for_each_query() -> None:
    known = [
        row(instance="a"),
        row(instance="b"),
        row(instance="a", split="query"),
        row(instance="b", split="query"),
    ]
    vectors = np.array([[1, 0], [0, 1], [0.9, 0.1], [0.8, 0.2]], np.float32)
    answers = evaluate.ask(vectors, known, "query")
    assert answers.recall(1) == 0.5
    assert answers.recall(2) == 1.0
    assert answers.mean_average_precision() == 0.75
    left = evaluate.ask(vectors, known, "query", np.array([False, False, True, False]))
    assert left.recall(1) == 1.0


def test_codes_keep_neighbours() -> None:
    dice = np.random.default_rng(1)
    centres = dice.standard_normal((20, 32)).repeat(10, axis=0)
    vectors = (centres + 0.3 * dice.standard_normal(centres.shape)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    bits = codes.encode(codes.fit(vectors), vectors)
    apart = (bits[:, None] != bits[None]).sum(2)
    own = np.arange(200)[:, None] // 10 == np.arange(200)[None] // 10
    assert apart[own].mean() < 0.5 * apart[~own].mean()
    assert 0.3 < bits.mean() < 0.7


def test_every_imagenet_class_says_something_or_is_ignored() -> None:
    table = mapping()
    assert table.shape == (1000,)
    assert set(table) == set(range(IGNORED + 1)), (
        "a category without any class could never be named without pictures"
    )
    assert len(NAMES) == len(CATEGORIES) == IGNORED


def test_only_open_sets_are_trained_on() -> None:
    with pytest.raises(ValueError, match="fashion_small is not marked open"):
        training_rows("fashion_small")
    text = (shared("data") / "README.md").read_text(encoding="utf-8")
    for name in OPEN_SETS:
        line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert "open" in line or "see note 1" in line
