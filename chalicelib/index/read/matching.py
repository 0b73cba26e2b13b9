"""Which rows of a table a query may answer with: alive, of its categories, under its filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.columns import Mask
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.read.query import Query


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """Decided before any vector is looked at."""

    spans: tuple[tuple[int, int], ...]
    """(first row, end row) of the wanted categories, ascending; neighbours are one."""
    allowed: Mask | None
    """[rows of the table]: alive and under the filter; None: all."""
    searched: int
    """Rows in the spans."""
    count: int
    """Of these, allowed ones."""

    @classmethod
    def of(cls, table: Table, alive: Mask | None, query: Query) -> Matching:
        """`alive` [table.size]; None: all rows count."""
        spans = _spans(table, query.categories)
        allowed = alive
        if query.predicate is not None:
            fits = query.predicate(table.columns())
            allowed = fits if alive is None else fits & alive
        searched = sum(stop - start for start, stop in spans)
        count = (
            searched
            if allowed is None
            else sum(int(np.count_nonzero(allowed[start:stop])) for start, stop in spans)
        )
        return cls(tuple(spans), allowed, searched, count)

    def rows(self) -> RowIds:
        """All of them, ascending."""
        if self.allowed is None:
            return _joined([np.arange(start, stop) for start, stop in self.spans])
        allowed = self.allowed
        return _joined([np.flatnonzero(allowed[start:stop]) + start for start, stop in self.spans])

    def among(self, rows: RowIds) -> RowIds:
        """Those of `rows` that match."""
        inside = np.zeros(len(rows), dtype=np.bool_)
        for start, stop in self.spans:
            inside |= (rows >= start) & (rows < stop)
        if self.allowed is not None:
            inside &= self.allowed[rows]
        return rows[inside]

    def products(self, table: Table) -> npt.NDArray[np.uint64]:
        """Digests of their different products, ascending."""
        products = table.rows["products"]
        if self.allowed is None:
            pieces = [products[start:stop] for start, stop in self.spans]
            return np.unique(np.concatenate([np.empty(0, np.uint64), *pieces]))
        return np.unique(products[self.rows()])


def _spans(table: Table, categories: frozenset[int] | None) -> list[tuple[int, int]]:
    """Runs of rows of those categories (None: all); neighbouring ranges are one."""
    spans: list[tuple[int, int]] = []
    for found in table.ranges:
        if categories is not None and found.category_id not in categories:
            continue
        if spans and spans[-1][1] == found.start:
            spans[-1] = (spans[-1][0], found.stop)
        else:
            spans.append((found.start, found.stop))
    return spans


def _joined(pieces: Sequence[RowIds]) -> RowIds:
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)
