from __future__ import annotations

import math
import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contract.values import parse_threshold
from chalicelib.errors import InvalidField
from chalicelib.service import OTHERS
from chalicelib.usecases.scores import (
    IDENTICAL,
    float32,
    least_similarity,
    relevance,
    score,
    sort_values,
)

SIMILARITIES = st.floats(min_value=2**-13, max_value=1.0, exclude_max=True, width=32)
CURVE = ((0.2, 0.5, 0.5001, 0.9), (0.0, 0.3, 0.3, 0.95))


def test_an_identical_picture_has_the_faqs_constant() -> None:
    assert sort_values(1.0, 0, category_id=OTHERS) == "7.33136443711219e+24;0"
    assert sort_values(1.0, 0, category_id=3) == "7.33136443711219e+24;0"


@pytest.mark.parametrize(
    ("category", "constant"),
    [
        (0, IDENTICAL),
        (2, IDENTICAL),
        (3, "5.37633353624177e+24"),
        (22, "5.37633353624177e+24"),
        (OTHERS, "5.37633353624177e+24"),
    ],
)
def test_the_references_table_can_be_asked_for(category: int, constant: str) -> None:
    assert sort_values(1.0, 0, category_id=category, by_category=True) == f"{constant};0"


def test_both_a_similarity_of_1_and_a_distance_of_0_are_needed_to_be_identical() -> None:
    assert sort_values(1.0, 1, category_id=0) == "6;1"
    assert sort_values(
        float(np.nextafter(np.float32(1), np.float32(0))), 0, category_id=0
    ).startswith("5.99999")


@given(st.floats(min_value=-1.0, max_value=1.0, width=32), st.integers(0, 512))
def test_every_pair_has_the_published_form_and_range(similarity: float, hamming: int) -> None:
    text = sort_values(similarity, hamming, category_id=0)
    value, distance = text.split(";")
    assert re.fullmatch(r"\d+(\.\d+)?(e\+\d+)?", value), (
        "the form the official probe reads, which has no negative exponent"
    )
    assert int(distance) == hamming
    assert 0.0 <= float(value) <= float(IDENTICAL)
    if value != IDENTICAL:
        assert value == f"{np.float32(float(value)):.15g}", "a float32 with 15 digits"


@given(SIMILARITIES)
def test_relevance_rises_strictly_from_each_float32_to_the_next(similarity: float) -> None:
    above = float(np.nextafter(np.float32(similarity), np.float32(2)))
    below, value = relevance(similarity), relevance(above)
    assert below < value
    assert f"{below:.15g}" != f"{value:.15g}"


@given(st.floats(-1.0, 2**-13, width=32), st.floats(-1.0, 2**-13, width=32))
def test_relevance_never_falls_and_rises_where_similarities_are_apart(
    first: float, second: float
) -> None:
    low, high = sorted((first, second))
    assert relevance(low) <= relevance(high)
    if high - low >= 2**-22:
        assert relevance(low) < relevance(high)


def test_relevance_is_the_line_its_docstring_draws() -> None:
    assert [relevance(x) for x in (0.25, 0.375, 0.5, 0.75, 1.0)] == [1.5, 2.0, 3.0, 4.0, 6.0]
    assert relevance(-1.0) == 2**-13


def test_score_is_linear_between_knots_flat_outside_and_1_for_identical() -> None:
    assert score(-0.5, *CURVE) == 0.0
    assert score(0.35, *CURVE) == pytest.approx(0.15)
    assert score(0.95, *CURVE) == 0.95
    assert score(1.0, *CURVE) == 1.0


@given(st.floats(0.0, 1.0))
def test_the_least_similarity_reaches_the_threshold_and_the_one_before_does_not(
    threshold: float,
) -> None:
    least = least_similarity(threshold, *CURVE)
    assert float32(least) == least
    assert score(least, *CURVE) >= threshold
    if least > -1.0:
        assert (
            score(
                math.nextafter(np.float32(least), -2)
                if least == 1.0
                else float(np.nextafter(np.float32(least), np.float32(-2))),
                *CURVE,
            )
            < threshold
        )


def test_score_never_falls() -> None:
    scores = [score(x, *CURVE) for x in np.linspace(-1, 1, 999)]
    assert all(a <= b for a, b in pairwise(scores))


@pytest.mark.parametrize("text", ["", "x", "nan", "1.01", "-0.01", "inf", "1e400"])
def test_a_threshold_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match=r"0\.00 to 1\.00") as caught:
        parse_threshold(text)
    assert caught.value.field == "min_score"


def test_a_threshold_is_read() -> None:
    assert parse_threshold("0.50") == 0.5
