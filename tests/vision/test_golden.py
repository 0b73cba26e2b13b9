"""The models and the way to their input say of 28 drawn pictures what they said when they were
shipped.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from chalicelib.service import Service
from chalicelib.vision.analyze import Analyzer
from tests.vision import golden
from tests.vision.golden import Vectors

LEAST_SIMILARITY = 0.998
"""Of the same view. `python -m tests.vision.golden` measures 0.9988 or more between integer kernels
and float; as much again is left for other processors.
"""
LEAST_SAME_BOXES = 0.75
"""A saliency cell near its threshold moves a box by a cell, or lets it take in a neighbour; then
the view is another.
"""


@pytest.fixture(scope="module")
def shipped() -> Vectors:
    with np.load(golden.PATH) as arrays:
        return dict(arrays)


@pytest.fixture(
    scope="module",
    params=["as deployed", pytest.param("without integer kernels", marks=pytest.mark.slow)],
)
def computed(request: pytest.FixtureRequest, analyzer: Analyzer) -> Vectors:
    return golden.answers(
        analyzer if request.param == "as deployed" else golden.without_integer_kernels()
    )


def same_boxes(one: Vectors, other: Vectors, service: Service) -> npt.NDArray[np.bool_]:
    name = f"{service.name.lower()}.regions"
    same: npt.NDArray[np.bool_] = (one[name] == other[name]).all(axis=1)
    return same


@pytest.mark.parametrize("service", Service)
def test_features_are_what_was_shipped(
    shipped: Vectors, computed: Vectors, service: Service
) -> None:
    same = same_boxes(shipped, computed, service)
    assert len(same) >= 24
    assert same.mean() >= LEAST_SAME_BOXES
    assert golden.similarities(shipped, computed, service)[same].min() > LEAST_SIMILARITY


def test_categories_are_what_was_shipped(shipped: Vectors, computed: Vectors) -> None:
    same = same_boxes(shipped, computed, Service.PRODUCT)
    assert (shipped["categories"] == computed["categories"])[same].mean() >= 0.9
