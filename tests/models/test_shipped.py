"""The files of models/ are what cards.json says, and fit together."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import models
from chalicelib.service import Service
from chalicelib.vision.heads import Heads
from chalicelib.vision.network import Network

BUDGET = 25 * 1024 * 1024
"""Bytes of all models and heads together."""


@pytest.fixture(scope="module")
def heads() -> Heads:
    return Heads()


def test_every_file_is_what_its_card_says() -> None:
    assert models.faults() == []
    assert sum(models.path(name).stat().st_size for name in models.card().files) < BUDGET


def test_no_binary_without_a_card() -> None:
    folder = models.path("cards.json").parent
    assert {path.name for path in folder.iterdir() if path.suffix in {".onnx", ".npz"}} == set(
        models.card().files
    )


def test_the_check_names_a_file_that_was_changed(tmp_path: Path) -> None:
    copy = tmp_path / "models"
    shutil.copytree(
        models.path("cards.json").parent,
        copy,
        ignore=shutil.ignore_patterns("build", "__pycache__"),
    )
    with (copy / "lite0.onnx").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    (copy / "heads.npz").unlink()
    done = subprocess.run(
        [sys.executable, "-m", "models"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "lite0.onnx differs from cards.json" in done.stdout
    assert "heads.npz is missing" in done.stdout


def test_the_network_answers_what_the_card_describes() -> None:
    card = models.card()
    network = Network.shipped(threads=1)
    outputs = network.run(np.zeros((card.side, card.side, 3), np.uint8))
    assert outputs.levels.shape == (card.width,)
    assert outputs.logits.shape == (1000,)
    assert outputs.saliency.shape == (28, 28)
    assert (outputs.saliency >= 0).all()
    assert (outputs.saliency <= 1).all()


@pytest.mark.parametrize("part", models.card().parts)
def test_a_part_asked_for_alone_is_the_same_and_the_others_are_zero(part: str) -> None:
    card = models.card()
    network = Network.shipped(threads=1)
    square = np.random.default_rng(0).integers(0, 255, (card.side, card.side, 3), np.uint8)
    full, alone = network.run(square), network.run(square, {part})
    places = list(card.places(card.parts[part]))
    np.testing.assert_array_equal(alone.levels[places], full.levels[places])
    assert not np.delete(alone.levels, places).any()
    np.testing.assert_array_equal(
        alone.logits, full.logits if part == "logits" else np.zeros_like(full.logits)
    )
    # The subject's levels and colours are weighted by the map, so it comes with them.
    mapped = part in {"saliency", "subject", "colour"}
    np.testing.assert_array_equal(
        alone.saliency, full.saliency if mapped else np.zeros_like(full.saliency)
    )


def test_every_level_is_part_of_what_can_be_asked_for_once() -> None:
    card = models.card()
    assert sorted(itertools.chain(*card.parts.values())) == sorted(
        {block.level for block in card.blocks}
    )


def test_the_blocks_cover_the_levels_without_a_gap() -> None:
    blocks = models.card().blocks
    assert blocks[0].start == 0
    assert all(before.stop == after.start for before, after in itertools.pairwise(blocks))


@pytest.mark.parametrize("service", Service)
def test_a_head_has_the_cards_shape_and_turns_without_stretching(
    heads: Heads, service: Service
) -> None:
    card, head = models.card(), heads.service(service)
    assert head.projection.shape == (card.dimension, len(head.numbers))
    assert head.rotation.shape == (card.bits, card.dimension)
    # A rotation keeps distances, so that codes are near where features are; its numbers are
    # float16.
    assert np.abs(head.rotation @ head.rotation.T - np.eye(card.bits)).max() < 5e-3


@pytest.mark.parametrize("service", Service)
def test_a_score_rises_with_the_similarity_to_one(heads: Heads, service: Service) -> None:
    curve = heads.service(service).curve
    assert np.all(np.diff(curve.similarities) > 0)
    assert np.all(np.diff(curve.scores) > 0)
    assert (curve.similarities[0], curve.similarities[-1]) == (-1.0, 1.0)
    assert (curve.scores[0], curve.scores[-1]) == (0.0, 1.0)


def test_the_categories_are_the_contracts(heads: Heads) -> None:
    head = heads.categories
    assert head.ids == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 88888888)
    assert head.weights.shape == (len(head.kinds), len(head.numbers))
    assert set(head.kinds) == set(range(14)), (
        "every category has a kind, if only of ImageNet's classes"
    )
    assert ((head.classes >= 0) & (head.classes <= 14)).all()


def test_category_probabilities_sum_to_one(heads: Heads) -> None:
    dice = np.random.default_rng(0)
    summary = heads.summary([dice.standard_normal(models.card().width).astype(np.float32)])
    said = heads.categories.probabilities(summary, dice.standard_normal(1000).astype(np.float32))
    assert sum(share for _, share in said) == pytest.approx(1)
    assert [share for _, share in said] == sorted((share for _, share in said), reverse=True)


@pytest.mark.parametrize(
    ("imagenet", "category"),
    [(629, 7), (928, 6), (850, 20)],
    ids=["lipstick", "ice cream", "teddy bear"],
)
def test_imagenet_speaks_for_categories_that_had_no_pictures(
    heads: Heads, imagenet: int, category: int
) -> None:
    logits = np.zeros(1000, np.float32)
    logits[imagenet] = 12
    said = heads.categories.probabilities(np.zeros(models.card().width, np.float32), logits)
    assert said[0][0] == category
    assert said[0][1] > 0.5
