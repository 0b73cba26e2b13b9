"""The models and the way to their input say of 28 drawn pictures what they said when they were shipped."""

from __future__ import annotations

import numpy as np
import pytest

from chalicelib.service import Service
from chalicelib.vision.analyze import Analyzer
from tests.vision import golden
from tests.vision.golden import Vectors

LEAST_SIMILARITY = 0.97
"""Set from what `python -m tests.vision.golden` measures between integer kernels and float, with as much again for other processors."""
CELL_PIXELS = 40
"""A box may jump by a cell or two of the grid where a cell is near its threshold."""


@pytest.fixture(scope="module")
def shipped() -> Vectors:
    with np.load(golden.PATH) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module", params=["as deployed", "without integer kernels"])
def computed(request: pytest.FixtureRequest, analyzer: Analyzer) -> Vectors:
    return golden.answers(analyzer if request.param == "as deployed" else golden.without_integer_kernels())


@pytest.mark.parametrize("service", Service)
def test_features_are_what_was_shipped(shipped: Vectors, computed: Vectors, service: Service) -> None:
    assert len(shipped["categories"]) >= 24
    assert golden.similarities(shipped, computed, service).min() > LEAST_SIMILARITY


@pytest.mark.parametrize("service", Service)
def test_boxes_are_what_was_shipped(shipped: Vectors, computed: Vectors, service: Service) -> None:
    name = f"{service.name.lower()}.regions"
    assert np.abs(shipped[name] - computed[name]).max() <= CELL_PIXELS


def test_categories_are_what_was_shipped(shipped: Vectors, computed: Vectors) -> None:
    assert (shipped["categories"] == computed["categories"]).mean() >= 0.9
