"""Measures of ranked answers: recall at k, mean average precision, category accuracy with its
confusions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ranked:
    """One query's answer."""

    right: tuple[bool, ...]
    """Whether each answer shows the same as the query, best first."""
    relevant: int
    """How many records show the same as the query."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Means over the queries of a split, each 0 to 1."""

    queries: int
    r1: float
    r5: float
    map: float


def average_precision(ranked: Ranked) -> float:
    """Precision at each right answer, averaged over all records that are right (those not answered
    count as 0).
    """
    found, total = 0, 0.0
    for rank, right in enumerate(ranked.right, 1):
        if right:
            found += 1
            total += found / rank
    return total / ranked.relevant if ranked.relevant else 0.0


def retrieval(answers: Sequence[Ranked]) -> Retrieval:
    """The measures of one split. Raises ValueError for no answers."""
    if not answers:
        raise ValueError("no queries")
    count = len(answers)
    return Retrieval(
        queries=count,
        r1=sum(any(answer.right[:1]) for answer in answers) / count,
        r5=sum(any(answer.right[:5]) for answer in answers) / count,
        map=sum(map(average_precision, answers)) / count,
    )


@dataclass(frozen=True, slots=True)
class Confusions:
    """Category given against category predicted."""

    pairs: Counter[tuple[int, int]]
    """(given, predicted) to how often."""

    @property
    def accuracy(self) -> float | None:
        """Share predicted right; None where nothing is labelled."""
        total = self.pairs.total()
        return (
            sum(count for (given, predicted), count in self.pairs.items() if given == predicted)
            / total
            if total
            else None
        )

    def categories(self) -> list[int]:
        """Every category that occurs, rising."""
        return sorted({category for pair in self.pairs for category in pair})
