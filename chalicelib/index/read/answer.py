"""One answer of those of several tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chalicelib.index.read.query import Hit, Hits, Query, Row
from chalicelib.index.read.rank import Cosines, best
from chalicelib.index.read.search import TableHits


class RowReader(Protocol):
    """Where the rows of a TableHits are read."""

    def rows(self, rows: Sequence[int], /) -> list[Row]:
        """Those rows."""
        ...


Apply = Callable[..., Iterator[Any]]
"""`map`, or that of a pool of threads."""


@dataclass(frozen=True, slots=True, eq=False)
class Stacked:
    """The hits of several tables as columns, one after the other."""

    source: npt.NDArray[np.int64]
    """Which of the tables."""
    rows: npt.NDArray[np.int64]
    """The row in it."""
    similarity: Cosines
    hamming: npt.NDArray[np.int64]
    products: npt.NDArray[np.uint64]

    @classmethod
    def of(cls, found: Sequence[TableHits]) -> Stacked:
        """All hits of all of them."""
        return cls(
            np.repeat(np.arange(len(found)), [len(one.rows) for one in found]),
            np.concatenate([np.empty(0, np.int64), *(one.rows for one in found)]),
            np.concatenate([np.empty(0, np.float32), *(one.similarity for one in found)]),
            np.concatenate([np.empty(0, np.int64), *(one.hamming for one in found)]),
            np.concatenate([np.empty(0, np.uint64), *(one.products for one in found)]),
        )

    def best(self, query: Query) -> npt.NDArray[np.int64]:
        """Places of those that may be in the answer to `query`, ties with the last included."""
        return best(self.similarity, self.products if query.distinct else None, query.count)

    def read(
        self, readers: Sequence[RowReader], places: npt.NDArray[np.int64], apply: Apply
    ) -> list[Row]:
        """The rows at those places; `apply` asks several of the tables' readers at once."""
        source, rows = self.source[places], self.rows[places]
        used = np.unique(source).tolist()
        wanted = [rows[source == number].tolist() for number in used]
        answers = apply(lambda number, of: iter(readers[number].rows(of)), used, wanted)
        streams = dict(zip(used, answers, strict=True))
        return [next(streams[number]) for number in source.tolist()]


def merge(
    found: Sequence[tuple[RowReader, TableHits]], query: Query, *, apply: Apply = map
) -> Hits:
    """The best of all, by similarity, then key. What each table answers depends on that table
    alone, so any split gives the same. `apply` reads the rows of several tables.
    """
    tables = [hits for _, hits in found]
    stacked = Stacked.of(tables)
    places = stacked.best(query)
    places = places[stacked.similarity[places] >= query.min_similarity]
    rows = stacked.read([reader for reader, _ in found], places, apply)
    hits = [
        Hit(row, float(stacked.similarity[place]), int(stacked.hamming[place]))
        for row, place in zip(rows, places.tolist(), strict=True)
    ]
    # ties go by key, which only the rows know
    hits.sort(key=lambda hit: (-hit.similarity, hit.row.key))
    matching = matching_products(tables) if query.distinct else None
    return Hits(
        hits=tuple(_first_of_products(hits) if query.distinct else hits)[: query.count],
        found=sum(one.matching for one in tables) if matching is None else len(matching),
        scanned=sum(one.scanned for one in tables),
    )


def matching_products(found: Sequence[TableHits]) -> npt.NDArray[np.uint64]:
    """Digests of the different products that match in any of the tables, ascending."""
    products = [one.matching_products for one in found if one.matching_products is not None]
    return np.unique(np.concatenate([np.empty(0, np.uint64), *products]))


def _first_of_products(hits: Sequence[Hit]) -> list[Hit]:
    """The first hit of each product, in order."""
    first: dict[str, Hit] = {}
    for hit in hits:
        first.setdefault(hit.row.key.product_id, hit)
    return list(first.values())
