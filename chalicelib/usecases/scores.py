"""From similarity to the numbers of an answer: relevance, Score, and the threshold on Score.

Relevance. The original publishes pairs `relevance;hamming` (CONTRACT §2.5): the largest value means
identical, every other published value is a float32 printed with 15 digits between 2.5 and 6, and
its formula is unknown. Ours is a broken line through (0, 0), … (1/4, 3/2), (3/8, 2), (1/2, 3),
(3/4, 4), (1, 6): about 6 × similarity. On every stretch its slope is the ratio of the two ranges'
float32 spacings, so it takes neighbouring float32 similarities to different float32 relevances:
nothing is lost in rounding, and the order by relevance is exactly the order by similarity.
Similarities from 0.42 up fall into 2.5 to 6.

Score. A piecewise linear calibration measured per service (docs/MODELS.md); its knots come with the
models.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from chalicelib.contract.categories import PRODUCT_CATEGORIES

IDENTICAL: Final = "7.33136443711219e+24"
"""Relevance of an identical picture (FAQ)."""
IDENTICAL_ELSEWHERE: Final = "5.37633353624177e+24"
"""The reference's value outside categories 0 to 2; used where the deployment asks for the
reference's table.
"""
_FIRST_CATEGORIES: Final = frozenset({0, 1, 2})
_LOWEST: Final = 2.0**-13
"""Similarities below this have nothing in common with the query; they share the range from here to
the line, so that no value needs a negative exponent, which the published form does not have.
"""


def float32(value: float) -> float:
    """`value` rounded to the nearest float32."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def relevance(similarity: float) -> float:
    """The relevance, a float32 in (0, 6], of a picture that is not identical, from its float32
    `similarity` in [-1, 1].

    Strictly rising from 2⁻¹³ up; below that, for similarities at least 2⁻²² apart.
    """
    if similarity < _LOWEST:
        share = max(0.0, 1.0 + similarity) / (1.0 + _LOWEST)
        return float32(_LOWEST + (_line(_LOWEST) - _LOWEST) * share)
    return float32(_line(float32(similarity)))


def _line(similarity: float) -> float:
    mantissa, exponent = math.frexp(similarity)
    return math.ldexp(1.0 + 4.0 * mantissa if mantissa < 0.75 else 8.0 * mantissa - 2.0, exponent)


def sort_values(
    similarity: float, hamming: int, *, category_id: int, by_category: bool = False
) -> str:
    """`<relevance>;<hamming>` as answers have it. Identical means similarity 1 and Hamming
    distance 0.

    `by_category`: take the constant for identical pictures from the reference's table instead of
    the FAQ.
    """
    if hamming == 0 and similarity >= 1.0:
        special = (
            by_category
            and category_id in PRODUCT_CATEGORIES
            and category_id not in _FIRST_CATEGORIES
        )
        return f"{IDENTICAL_ELSEWHERE if special else IDENTICAL};0"
    return f"{relevance(similarity):.15g};{hamming}"


def score(similarity: float, similarities: Sequence[float], scores: Sequence[float]) -> float:
    """Score in [0, 1] of `similarity`: linear between the knots (`similarities`, `scores`), flat
    outside, 1 at similarity 1.
    """
    if similarity >= 1.0:
        return 1.0
    if similarity <= similarities[0]:
        return min(max(scores[0], 0.0), 1.0)
    after = bisect_right(similarities, similarity)
    if after == len(similarities):
        return min(max(scores[-1], 0.0), 1.0)
    x1, x2 = similarities[after - 1], similarities[after]
    y1, y2 = scores[after - 1], scores[after]
    return min(max(y1 + (y2 - y1) * (similarity - x1) / (x2 - x1), 0.0), 1.0)


def least_similarity(
    threshold: float, similarities: Sequence[float], scores: Sequence[float]
) -> float:
    """The smallest float32 similarity in [-1, 1] whose score reaches `threshold`, a number in [0,
    1].
    """
    if score(-1.0, similarities, scores) >= threshold:
        return -1.0
    low, high = _ordinal(-1.0), _ordinal(1.0)
    while high - low > 1:
        middle = (low + high) // 2
        if score(_of_ordinal(middle), similarities, scores) >= threshold:
            high = middle
        else:
            low = middle
    return _of_ordinal(high)


def _ordinal(value: float) -> int:
    """Position of a float32 among all float32 in rising order, 0 for zero."""
    bits: int = struct.unpack("<i", struct.pack("<f", value))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def _of_ordinal(ordinal: int) -> float:
    magnitude = float(struct.unpack("<f", struct.pack("<i", abs(ordinal)))[0])
    return magnitude if ordinal >= 0 else -magnitude
