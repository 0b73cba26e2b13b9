"""Searching one table. A snapshot searches each of its tables so and merges (snapshot.py)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.index.query import Mask, Query
from chalicelib.index.scan import FAR, compress, cosines, distances, hamming, nearest, query_words
from chalicelib.index.table import Range, RowIds, Table

SHORTLIST = 400
"""Rows whose features are compared after the codes: recall@10 is within 0.2 % of all rows' (benchmarks/RESULTS.md)."""

DIRECT_ROWS = 2_048
"""Up to so many rows, all features are compared and codes are not asked."""

DIRECT_FILTERED_ROWS = 65_536
"""The same under a filter, whose survivors lie anywhere: the answer is then exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The best rows of one table, in no order: at least `count` of them, with all that tie with the last, or all there are."""

    rows: RowIds
    similarity: npt.NDArray[np.float32]
    hamming: npt.NDArray[np.int64]
    products: npt.NDArray[np.uint64]
    matching: int
    """Rows that match category and filter."""
    matching_products: npt.NDArray[np.uint64] | None
    """Their different products, for a distinct query."""
    scanned: int


def search_table(table: Table, alive: Mask | None, query: Query) -> Found:
    """Searches the rows of `table` that are `alive` [size] (None: all)."""
    ranges = [part for part in table.ranges if query.categories is None or part.category_id in query.categories]
    allowed = alive
    if query.predicate is not None:
        fits = query.predicate(table.columns())
        allowed = fits if alive is None else fits & alive
    scanned = sum(part.stop - part.start for part in ranges)
    matching = scanned if allowed is None else sum(int(np.count_nonzero(allowed[part.start : part.stop])) for part in ranges)
    rows, similarity = _best(table, ranges, allowed, matching, query)
    codes = table.rows["codes"]
    return Found(
        rows=rows,
        similarity=similarity,
        hamming=hamming(codes, query_words(query.vector.code, table.shape.words), rows),
        products=table.rows["products"][rows],
        matching=matching,
        matching_products=_products(table, ranges, allowed) if query.distinct else None,
        scanned=scanned,
    )


def _best(table: Table, ranges: list[Range], allowed: Mask | None, matching: int, query: Query) -> tuple[RowIds, npt.NDArray[np.float32]]:
    direct = DIRECT_ROWS if query.predicate is None else DIRECT_FILTERED_ROWS
    if matching == 0 or query.count == 0:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    if matching <= direct:
        return _ranked(table, np.concatenate([compress(allowed, part.start, part.stop) for part in ranges]), query)
    words = query_words(query.vector.code, table.shape.words)
    found = np.concatenate([distances(table.rows["codes"], words, part.start, part.stop) for part in ranges])
    ids = np.concatenate([np.arange(part.start, part.stop) for part in ranges])
    if allowed is not None:
        found[~allowed[ids]] = FAR
    width = max(SHORTLIST, 2 * query.count)
    while True:
        rows, similarity = _ranked(table, ids[nearest(found, width)], query)
        if not query.distinct or width >= matching or len(np.unique(table.rows["products"][rows])) >= query.count:
            return rows, similarity
        width *= 4


def _ranked(table: Table, rows: RowIds, query: Query) -> tuple[RowIds, npt.NDArray[np.float32]]:
    """The best `query.count` of `rows` (products, for a distinct query) and all that tie with the last."""
    features = table.rows.gather("features", rows)
    similarity = cosines(features, table.rows["norms"][rows], query.vector.feature)
    kept = best(similarity, table.rows["products"][rows] if query.distinct else None, query.count)
    return rows[kept], similarity[kept]


def best(similarity: npt.NDArray[np.float32], products: npt.NDArray[np.uint64] | None, count: int) -> npt.NDArray[np.int64]:
    """Places of the `count` highest and of all that tie with the last.

    With `products`, of each product only the best and its equals count.
    """
    places: RowIds = np.arange(len(similarity))
    bound: np.float32
    if products is not None and len(products):
        _, group = np.unique(products, return_inverse=True)
        top = np.full(int(group.max()) + 1, -np.inf, dtype=np.float32)
        np.maximum.at(top, group, similarity)
        places = np.flatnonzero(similarity == top[group])
        if len(top) <= count:
            return places
        bound = np.partition(top, len(top) - count)[len(top) - count]
        places = places[similarity[places] >= bound]
    elif len(places) > count:
        bound = np.partition(similarity, len(similarity) - count)[len(similarity) - count]
        places = np.flatnonzero(similarity >= bound)
    return places


def _products(table: Table, ranges: list[Range], allowed: Mask | None) -> npt.NDArray[np.uint64]:
    products = table.rows["products"]
    parts = [products[part.start : part.stop] if allowed is None else products[compress(allowed, part.start, part.stop)] for part in ranges]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint64)
