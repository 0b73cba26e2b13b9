"""One answer of those of several tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from chalicelib.index.read.query import Hit, Hits, Query, Row
from chalicelib.index.read.search import TableHits, best


class Rows(Protocol):
    """Where the rows of a TableHits are read."""

    def row(self, row: int) -> Row:
        """Row `row`."""
        ...


def merge(found: Sequence[tuple[Rows, TableHits]], query: Query) -> Hits:
    """The best of all, by similarity, then key. What each table answers depends on that table
    alone, so any split gives the same.
    """
    similarity = np.concatenate([one.similarity for _, one in found] or [np.empty(0, np.float32)])
    products = np.concatenate([one.products for _, one in found] or [np.empty(0, np.uint64)])
    source = np.repeat(np.arange(len(found)), [len(one.rows) for _, one in found])
    rows = np.concatenate([one.rows for _, one in found] or [np.empty(0, np.int64)])
    differing = np.concatenate([one.hamming for _, one in found] or [np.empty(0, np.int64)])
    places = best(similarity, products if query.distinct else None, query.count)
    places = places[similarity[places] >= query.min_similarity]
    hits = [
        Hit(
            found[source[place]][0].row(int(rows[place])),
            float(similarity[place]),
            int(differing[place]),
        )
        for place in places.tolist()
    ]
    hits.sort(key=lambda hit: (-hit.similarity, hit.row.key))
    return Hits(
        hits=tuple(_first_of_products(hits) if query.distinct else hits)[: query.count],
        found=_found([one for _, one in found], query),
        scanned=sum(one.scanned for _, one in found),
    )


def _first_of_products(hits: Sequence[Hit]) -> list[Hit]:
    seen: set[str] = set()
    kept = []
    for hit in hits:
        if hit.row.key.product_id not in seen:
            seen.add(hit.row.key.product_id)
            kept.append(hit)
    return kept


def _found(found: Sequence[TableHits], query: Query) -> int:
    if not query.distinct:
        return sum(one.matching for one in found)
    products = [one.matching_products for one in found if one.matching_products is not None]
    return len(np.unique(np.concatenate(products))) if products else 0
