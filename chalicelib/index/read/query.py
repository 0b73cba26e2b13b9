"""What is asked of a snapshot, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from chalicelib.attributes import Attributes
from chalicelib.index.format.columns import Column, Mask
from chalicelib.index.format.records import Key, Vector
from chalicelib.region import Region


class Predicate(Protocol):
    """A filter, as contract/filters.py compiles it: called with the columns by name, it answers a
    mask of rows.
    """

    def __call__(self, columns: Mapping[str, Column]) -> Mask:
        """[rows] bool."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """A nearest-neighbour search."""

    vector: Vector
    count: int
    """Rows wanted from the top; the caller pages."""
    categories: frozenset[int] | None = None
    """Only records of these categories; None: all."""
    predicate: Predicate | None = None
    distinct: bool = False
    """At most one row, the best, per product id."""
    min_similarity: float = -1.0
    """Only rows at least this similar."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record without its vector."""

    key: Key
    category_id: int
    region: Region
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Hit:
    """A row and how near it is."""

    row: Row
    similarity: float
    """Cosine of the int8 features, float32, at most 1; exactly 1 when the stored vector equals the
    query's.
    """
    hamming: int
    """Bits in which the codes differ."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Best first; ties by key, so that answers are reproducible."""

    hits: tuple[Hit, ...]
    found: int
    """Rows that match category and filter (distinct: products), before threshold and count."""
    scanned: int
    """Rows looked at."""
