"""Searching one table, in three steps: which rows may be in the answer (matching.py), the nearest
of these by their codes (scan.py, graph.py), the best of those by their features (rank.py). A
snapshot searches each of its tables so and merges (answer.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.columns import Mask
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.read.clustered import Clustered, ClusteredRows
from chalicelib.index.read.matching import Matching
from chalicelib.index.read.plan import OpenGraph, route
from chalicelib.index.read.probe import (
    LEAST,
    LEAST_FILTERED,
    PROBED_PER_HIT,
    RENTED_SHARE,
    SHARE,
    Probe,
)
from chalicelib.index.read.query import Query
from chalicelib.index.read.rank import Cosines, ranked
from chalicelib.index.read.scan import Scan, hamming, query_words, row_distances

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

DIRECT_BYTES = 16 * 1024 * 1024
"""Bytes of the blocks in which these rows' features lie, above which a segment of format 2 is asked
for codes all the same (docs/adr/0078).
"""


@dataclass(frozen=True, slots=True, eq=False)
class TableHits:
    """The best rows of one table, in no order: at least `count` of them, with all that tie with the
    last, or all there are.
    """

    rows: RowIds
    similarity: Cosines
    hamming: npt.NDArray[np.int64]
    products: npt.NDArray[np.uint64]
    """Zeros unless the query is distinct: nobody asks."""
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
    matching = Matching.of(table, alive, query)
    words = query_words(query.vector.code, table.shape.words)
    task = _Task(table, matching, query, words, share)
    rows, similarity = task.found(graph)
    return TableHits(
        rows=rows,
        similarity=similarity,
        hamming=_hamming(table, words, rows),
        products=table.rows.gather("products", rows)
        if query.distinct
        else np.zeros(len(rows), np.uint64),
        matching=matching.count,
        matching_products=matching.products(table) if query.distinct else None,
        scanned=matching.searched,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """A query on one table."""

    table: Table
    matching: Matching
    query: Query
    words: npt.NDArray[np.uint64]
    """The query's code."""
    share: float
    """Of the collection's rows."""

    def found(self, graph: OpenGraph | None) -> tuple[RowIds, Cosines]:
        """The best rows, and how similar they are."""
        if self.matching.count == 0 or self.query.count == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        stored = self.table.rows
        segment = stored.opened() if isinstance(stored, ClusteredRows) else None
        rows = self._all(segment)
        if rows is None and graph is not None:
            rows = self._by_graph(graph, segment)
        if rows is not None:
            return ranked(self.table, rows, self.query)
        return self._by_scan() if segment is None else self._by_clusters(segment)

    def _all(self, segment: Clustered | None) -> RowIds | None:
        """All matching rows, if comparing the features of all is worth it."""
        direct = DIRECT_ROWS if self.query.predicate is None else DIRECT_FILTERED_ROWS
        if self.matching.count > direct:
            return None
        rows = self.matching.rows()
        if segment is not None and segment.body.blocks_of("features", rows) > DIRECT_BYTES:
            return None
        return rows

    @property
    def _width(self) -> int:
        """Rows whose features are compared."""
        return max(
            round(SHORTLIST * math.sqrt(min(1.0, self.share))), SHORTEST, 2 * self.query.count
        )

    def _by_graph(self, graph: OpenGraph, segment: Clustered | None) -> RowIds | None:
        """Candidates from the graph; None where the scan is to be preferred or the graph did not
        find enough.
        """
        way = route(
            rows=self.table.size,
            searched=self.matching.searched if segment is None else self._probed(segment),
            matching=self.matching.count,
            words=self.table.shape.words,
            width=self._width,
        )
        opened = graph(way.saved_s) if way is not None else None
        if way is None or opened is None:
            return None
        rows = self.matching.among(opened.search(self.words, way.width))
        wanted = min(self._width // 2, self.matching.count)
        return rows if len(rows) >= wanted and self._enough(rows) else None

    def _by_scan(self) -> tuple[RowIds, Cosines]:
        """The best of the nearest rows; of more and more of them, until they suffice."""
        scan = Scan(self.table.rows["codes"], self.words, self.matching)
        width = self._width
        while True:
            rows, similarity = ranked(self.table, scan.nearest(width), self.query)
            if width >= self.matching.count or self._enough(rows):
                return rows, similarity
            width *= 4

    def _by_clusters(self, segment: Clustered) -> tuple[RowIds, Cosines]:
        """The best of the rows with the nearest codes in the nearest clusters; of more rows in more
        clusters, until they suffice.
        """
        probe = Probe(segment, self.matching, self.query.vector.feature)
        # in proportion, not by the root as elsewhere: each row costs a read (docs/adr/0077)
        width = max(round(SHORTLIST * min(1.0, self.share)), SHORTEST, 2 * self.query.count)
        need = self._probed(segment)
        while True:
            nearest = probe.nearest(self.words, width, need)
            rows, similarity = ranked(self.table, nearest, self.query)
            if min(width, need) >= self.matching.count or self._enough(rows):
                return rows, similarity
            width, need = 4 * width, 4 * need

    def _probed(self, segment: Clustered) -> int:
        """Rows whose codes are compared, at first."""
        share = RENTED_SHARE if segment.body.is_whole("codes") else SHARE
        least = LEAST if self.query.predicate is None else LEAST_FILTERED
        wanted = max(round(share * self.matching.count), least, PROBED_PER_HIT * self.query.count)
        return min(wanted, self.matching.searched)

    def _enough(self, rows: RowIds) -> bool:
        """Whether `rows` suffice for a full answer."""
        if self.query.distinct:
            return len(np.unique(self.table.rows.gather("products", rows))) >= self.query.count
        return len(rows) >= min(self.query.count, self.matching.count)


def _hamming(table: Table, words: npt.NDArray[np.uint64], rows: RowIds) -> npt.NDArray[np.int64]:
    """[len(rows)]: bits in which the codes of `rows` differ."""
    if isinstance(table.rows, ClusteredRows):
        return row_distances(table.rows.gather("codes", rows), words).astype(np.int64)
    return hamming(table.rows["codes"], words, rows)
