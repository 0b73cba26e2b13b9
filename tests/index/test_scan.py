"""Scans above the limit up to which all features are compared."""

from __future__ import annotations

import pytest

from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Put, Record
from chalicelib.index.read.query import Query
from chalicelib.index.read.search import DIRECT_ROWS
from chalicelib.index.write.absorb import absorb
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import Clock, brute_force, ids, make, open_catalog, record, vector

EACH = 1_300
"""Rows a category: two are above the limit, one is not."""


def filled(records: list[Record], *, absorbed: bool) -> Collection:
    collection = make(open_catalog(MemoryStore(), Clock(), ids()))
    collection.append([Put(one) for one in records])
    if absorbed:
        absorb(collection.current())
    return collection


@pytest.mark.parametrize("absorbed", [False, True])
@pytest.mark.parametrize("categories", [{0, 2}, {1, 3}, {0, 3}, {0, 1, 3}, {3, 0, 9}, {0, 1}])
def test_categories_that_are_no_neighbours(categories: set[int], absorbed: bool) -> None:
    records = [record(f"p{n}", "a", n, category_id=n % 4) for n in range(4 * EACH)]
    model = {one.key: one for one in records}
    snapshot = filled(records, absorbed=absorbed).snapshot()
    known = categories & {0, 1, 2, 3}
    assert len(known) * EACH > DIRECT_ROWS
    for seed in (4 * number + category for category in known for number in (0, 700, EACH - 1)):
        query = Query(vector(seed), 5, categories=frozenset(categories))
        found = snapshot.search(query)
        assert found.found == len(known) * EACH
        assert {hit.row.category_id for hit in found.hits} <= known
        got = [(hit.similarity, hit.row.key) for hit in found.hits]
        assert got[0] == (1.0, records[seed].key)
        assert len(got) == 5
        assert set(got) <= set(brute_force(model, query)[:200])


@pytest.mark.parametrize("products", [1, 3, 9])
def test_fewer_products_than_were_asked_for(products: int) -> None:
    records = [record(f"p{n % products}", f"{n}", n) for n in range(DIRECT_ROWS + 500)]
    found = filled(records, absorbed=True).snapshot().search(Query(vector(7), 10, distinct=True))
    assert {hit.row.key.product_id for hit in found.hits} == {f"p{n}" for n in range(products)}
    assert (len(found.hits), found.found) == (products, products)
    assert found.hits[0].similarity == 1.0


def test_as_many_products_as_were_asked_for_though_the_nearest_rows_are_of_one() -> None:
    """The scan looks at more and more rows until it has ten products."""
    near = [record("near", f"{n}", 5) for n in range(DIRECT_ROWS)]
    far = [record(f"far{n}", "a", 100 + n) for n in range(30)]
    found = filled(near + far, absorbed=True).snapshot().search(Query(vector(5), 10, distinct=True))
    assert len({hit.row.key.product_id for hit in found.hits}) == 10
    assert found.found == 31
