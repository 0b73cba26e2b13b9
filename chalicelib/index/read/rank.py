"""The best of some candidates: cosines over int8 features."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.bundle import Array
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.read.query import Query

Cosines = npt.NDArray[np.float32]


def ranked(table: Table, rows: RowIds, query: Query) -> tuple[RowIds, Cosines]:
    """The best `query.count` of `rows` (products, for a distinct query) and all that tie with the
    last, and how similar they are.
    """
    features = table.rows.gather("features", rows)
    similarity = cosines(features, query.vector.feature)
    products = table.rows.gather("products", rows) if query.distinct else None
    kept = best(similarity, products, query.count)
    return rows[kept], similarity[kept]


def cosines(features: npt.NDArray[np.int8], query: npt.NDArray[np.int8]) -> Cosines:
    """[rows]: cosine of each of `features` [rows, dimension] with `query` [dimension]; exactly 1
    for an equal one, 0 for a zero one.

    Sums of int8 products below 2²⁴ are exact in float32, whatever the order of summation: up to
    1,040 dimensions the answer is the same on every machine.
    """
    exact: np.dtype[np.float32 | np.float64] = np.dtype(
        np.float32 if len(query) <= 1040 else np.float64
    )
    wanted: Array = query.astype(exact)
    dots, norms = np.empty((2, len(features)), dtype=np.float64)
    for start in range(0, len(features), 2048):
        block: Array = features[start : start + 2048].astype(exact)
        dots[start : start + 2048] = block @ wanted
        norms[start : start + 2048] = np.einsum("ij,ij->i", block, block)
    length = np.sqrt(norms * float((query.astype(np.float64) ** 2).sum()))
    found = np.divide(dots, length, out=np.zeros_like(dots), where=length > 0)
    return np.minimum(found, 1.0).astype(np.float32)


def best(
    similarity: Cosines, products: npt.NDArray[np.uint64] | None, count: int
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
