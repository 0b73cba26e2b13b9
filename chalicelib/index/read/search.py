"""Searching one table. A snapshot searches each of its tables so and merges (snapshot.py)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.columns import Mask
from chalicelib.index.format.table import Range, RowIds, Table
from chalicelib.index.read.plan import OpenGraph, route
from chalicelib.index.read.query import Query
from chalicelib.index.read.scan import (
    FAR,
    compress,
    cosines,
    distances,
    hamming,
    nearest,
    query_words,
)

SHORTLIST = 320
"""Rows whose features are compared after the codes, where one table is the whole collection
(benchmarks/RESULTS.md).
"""

SHORTEST = 64
"""The fewest, in a table that holds little of the collection."""

DIRECT_ROWS = 2_048
"""Up to so many rows, all features are compared and codes are not asked."""

DIRECT_FILTERED_ROWS = 65_536
"""The same under a filter, whose survivors lie anywhere: the answer is then exact."""


@dataclass(frozen=True, slots=True, eq=False)
class TableHits:
    """The best rows of one table, in no order: at least `count` of them, with all that tie with the
    last, or all there are.
    """

    rows: RowIds
    similarity: npt.NDArray[np.float32]
    hamming: npt.NDArray[np.int64]
    products: npt.NDArray[np.uint64]
    matching: int
    """Rows that match category and filter."""
    matching_products: npt.NDArray[np.uint64] | None
    """Their different products, for a distinct query."""
    scanned: int


def search_table(
    table: Table,
    alive: Mask | None,
    query: Query,
    graph: OpenGraph | None = None,
    *,
    share: float = 1.0,
) -> TableHits:
    """Searches the rows of `table` that are `alive` [size] (None: all), by the scan, or by `graph`
    where that is faster.

    `share`: of the collection's rows that lie in this table. The nearest rows spread over the
    tables, so each may look at fewer.
    """
    ranges = [
        part
        for part in table.ranges
        if query.categories is None or part.category_id in query.categories
    ]
    allowed = alive
    if query.predicate is not None:
        fits = query.predicate(table.columns())
        allowed = fits if alive is None else fits & alive
    scanned = sum(part.stop - part.start for part in ranges)
    matching = (
        scanned
        if allowed is None
        else sum(int(np.count_nonzero(allowed[part.start : part.stop])) for part in ranges)
    )
    rows, similarity = _best(_Task(table, ranges, allowed, scanned, matching, query, share), graph)
    codes = table.rows["codes"]
    return TableHits(
        rows=rows,
        similarity=similarity,
        hamming=hamming(codes, query_words(query.vector.code, table.shape.words), rows),
        products=table.rows["products"][rows],
        matching=matching,
        matching_products=_products(table, ranges, allowed) if query.distinct else None,
        scanned=scanned,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A query on one table."""

    table: Table
    ranges: list[Range]
    allowed: Mask | None
    """Rows that are alive and match the filter; None: all."""
    searched: int
    """Rows of the ranges."""
    matching: int
    """Of these, allowed ones."""
    query: Query
    share: float
    """Of the collection's rows."""

    @property
    def width(self) -> int:
        """Rows whose features are compared."""
        return max(
            round(SHORTLIST * math.sqrt(min(1.0, self.share))), SHORTEST, 2 * self.query.count
        )

    def enough(self, rows: RowIds) -> bool:
        """Whether `rows` suffice for a full answer."""
        if self.query.distinct:
            return len(np.unique(self.table.rows["products"][rows])) >= self.query.count
        return len(rows) >= min(self.query.count, self.matching)

    def only_allowed(self, rows: RowIds) -> RowIds:
        """Those of `rows` that may be in the answer."""
        inside = np.zeros(len(rows), dtype=np.bool_)
        for part in self.ranges:
            inside |= (rows >= part.start) & (rows < part.stop)
        if self.allowed is not None:
            inside &= self.allowed[rows]
        return rows[inside]

    def ranked(self, rows: RowIds) -> tuple[RowIds, npt.NDArray[np.float32]]:
        """The best `query.count` of `rows` (products, for a distinct query) and all that tie with
        the last.
        """
        features = self.table.rows.gather("features", rows)
        similarity = cosines(features, self.table.rows["norms"][rows], self.query.vector.feature)
        kept = best(
            similarity,
            self.table.rows["products"][rows] if self.query.distinct else None,
            self.query.count,
        )
        return rows[kept], similarity[kept]


def _best(task: _Task, graph: OpenGraph | None) -> tuple[RowIds, npt.NDArray[np.float32]]:
    direct = DIRECT_ROWS if task.query.predicate is None else DIRECT_FILTERED_ROWS
    if task.matching == 0 or task.query.count == 0:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    if task.matching <= direct:
        return task.ranked(
            np.concatenate([compress(task.allowed, part.start, part.stop) for part in task.ranges])
        )
    rows = _by_graph(task, graph) if graph is not None else None
    return task.ranked(rows) if rows is not None else _by_scan(task)


def _by_graph(task: _Task, graph: OpenGraph) -> RowIds | None:
    """Candidates from the graph; None where the scan is to be preferred or the graph did not find
    enough.
    """
    table = task.table
    way = route(
        rows=table.size,
        searched=task.searched,
        matching=task.matching,
        words=table.shape.words,
        width=task.width,
    )
    opened = graph(way.saved_s) if way is not None else None
    if way is None or opened is None:
        return None
    rows = task.only_allowed(
        opened.search(query_words(task.query.vector.code, table.shape.words), way.width)
    )
    return rows if len(rows) >= min(task.width // 2, task.matching) and task.enough(rows) else None


def _by_scan(task: _Task) -> tuple[RowIds, npt.NDArray[np.float32]]:
    table = task.table
    words = query_words(task.query.vector.code, table.shape.words)
    spans = _spans(task.ranges)
    found = np.concatenate(
        [distances(table.rows["codes"], words, start, stop) for start, stop in spans]
    )
    if task.allowed is not None:
        found[~np.concatenate([task.allowed[start:stop] for start, stop in spans])] = FAR
    width = task.width
    while True:
        rows, similarity = task.ranked(_row_ids(nearest(found, width), spans))
        if width >= task.matching or task.enough(rows):
            return rows, similarity
        width *= 4


def _spans(ranges: list[Range]) -> list[tuple[int, int]]:
    """Runs of rows; neighbouring ranges are one."""
    spans: list[tuple[int, int]] = []
    for part in ranges:
        if spans and spans[-1][1] == part.start:
            spans[-1] = (spans[-1][0], part.stop)
        else:
            spans.append((part.start, part.stop))
    return spans


def _row_ids(places: RowIds, spans: list[tuple[int, int]]) -> RowIds:
    """Rows of places that count from 0 through all spans."""
    starts = np.array([start for start, _ in spans])
    offsets = np.cumsum([0, *(stop - start for start, stop in spans)])
    span = np.searchsorted(offsets, places, side="right") - 1
    rows: RowIds = places - offsets[span] + starts[span]
    return rows


def best(
    similarity: npt.NDArray[np.float32], products: npt.NDArray[np.uint64] | None, count: int
) -> npt.NDArray[np.int64]:
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
    parts = [
        products[part.start : part.stop]
        if allowed is None
        else products[compress(allowed, part.start, part.stop)]
        for part in ranges
    ]
    return np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint64)
