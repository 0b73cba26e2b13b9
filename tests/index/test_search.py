"""Searches against a scan of all features in float64."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from chalicelib.attributes import Attributes
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.build import table_of
from chalicelib.index.format.records import Delete, Key, Patch, Put, Record, Vector, quantise
from chalicelib.index.read.query import Query
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.merge import merge
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import Clock, ids

DIMENSION, BITS = 64, 128
ROWS = 100_000


def clustered(count: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(2_000, DIMENSION))
    points = centres[rng.integers(0, len(centres), count)] + 0.5 * rng.normal(
        size=(count, DIMENSION)
    )
    found: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = (
        points / np.linalg.norm(points, axis=1, keepdims=True)
    ).astype(np.float32)
    return found


def vectors(count: int, seed: int) -> list[Vector]:
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(BITS, BITS)))[0][
        :DIMENSION
    ].astype(np.float32)
    points = clustered(count, seed)
    codes = np.packbits(points @ rotation > 0, axis=1)
    return [quantise(point, code) for point, code in zip(points, codes, strict=True)]


@dataclasses.dataclass
class Large:
    collection: Collection
    records: list[Record]
    features: np.ndarray[tuple[int, ...], np.dtype[np.float64]]

    def exact(
        self, query: Query, fits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    ) -> list[tuple[float, Key]]:
        """Brute force over the rows that fit."""
        wanted = query.vector.feature.astype(np.float64)
        rows = np.flatnonzero(fits)
        part = self.features if len(rows) == ROWS else self.features[rows]
        cosines = part @ wanted / np.sqrt((part * part).sum(axis=1) * (wanted @ wanted))
        scored = np.minimum(cosines, 1.0).astype(np.float32)
        order = np.argsort(-scored, kind="stable")[: 10 * query.count]
        found = sorted(
            ((float(scored[place]), self.records[rows[place]].key) for place in order),
            key=lambda pair: (-pair[0], pair[1]),
        )
        return found[: query.count]


@pytest.fixture(scope="module")
def large() -> Large:
    records = [
        Record(
            Key(f"p{number // 3}", f"{number}.jpg"),
            number % 3,
            Region(0, 9, 0, 9),
            Attributes(int_attr=number % 1000),
            vector,
        )
        for number, vector in enumerate(vectors(ROWS, 1))
    ]
    collection = Catalog(MemoryStore(), clock=Clock(), new_id=ids()).create(
        "large", Service.PRODUCT, fingerprint="f", dimension=DIMENSION, bits=BITS
    )
    for start in range(0, ROWS - 500, 20_000):
        collection.append([Put(one) for one in records[start : min(start + 20_000, ROWS - 500)]])
    absorb(collection.current())
    collection.append([Put(one) for one in records[ROWS - 500 :]])
    return Large(
        collection, records, np.stack([one.vector.feature for one in records]).astype(np.float64)
    )


@pytest.mark.parametrize("permille", [1, 10, 100, 500])
def test_a_filtered_search_is_exact(large: Large, permille: int) -> None:
    numbers = np.arange(ROWS) % 1000
    snapshot = large.collection.snapshot()
    for vector in vectors(5, 100 + permille):
        query = Query(
            vector, 50, predicate=lambda columns: columns["int_attr"].compare("<", permille)
        )
        hits = snapshot.search(query)
        assert [(hit.similarity, hit.row.key) for hit in hits.hits] == large.exact(
            query, numbers < permille
        )
        assert hits.found == ROWS * permille // 1000


def test_an_unfiltered_search_finds_nearly_all_of_the_nearest(large: Large) -> None:
    snapshot = large.collection.snapshot()
    shared = 0
    for vector in vectors(20, 5):
        query = Query(vector, 10)
        found = {hit.row.key for hit in snapshot.search(query).hits}
        shared += len(found & {key for _, key in large.exact(query, np.ones(ROWS, np.bool_))})
    assert shared >= 196


def test_a_category_is_searched_alone(large: Large) -> None:
    snapshot = large.collection.snapshot()
    (vector,) = vectors(1, 6)
    hits = snapshot.search(Query(vector, 10, categories=frozenset({1})))
    assert {hit.row.category_id for hit in hits.hits} == {1}
    assert hits.found == hits.scanned == len(range(1, ROWS, 3))
    assert snapshot.search(Query(vector, 10, categories=frozenset({5}))).hits == ()
    assert snapshot.search(Query(vector, 10, categories=frozenset())).found == 0


def test_the_same_vector_is_found_with_exactly_one(large: Large) -> None:
    snapshot = large.collection.snapshot()
    for number in (0, 12_345, ROWS - 1):
        hit = snapshot.search(Query(large.records[number].vector, 1)).hits[0]
        assert (hit.similarity, hit.hamming, hit.row.key) == (1.0, 0, large.records[number].key)


def test_distinct_gives_the_best_of_each_product_and_as_many_as_asked(large: Large) -> None:
    (vector,) = vectors(1, 8)
    hits = large.collection.snapshot().search(Query(vector, 500, distinct=True))
    products = [hit.row.key.product_id for hit in hits.hits]
    assert len(products) == len(set(products)) == 500
    assert hits.found == len({one.key.product_id for one in large.records})


@pytest.mark.parametrize("permille", [1, 300])
def test_distinct_under_a_filter_is_exact(large: Large, permille: int) -> None:
    (vector,) = vectors(1, 9)
    query = Query(
        vector, 2_000, predicate=lambda columns: columns["int_attr"].compare("<", permille)
    )
    ranked = large.exact(query, np.arange(ROWS) % 1000 < permille)
    first: dict[str, tuple[float, Key]] = {}
    for score, key in ranked:
        first.setdefault(key.product_id, (score, key))
    hits = large.collection.snapshot().search(dataclasses.replace(query, count=20, distinct=True))
    assert [(hit.similarity, hit.row.key) for hit in hits.hits] == list(first.values())[:20]


def test_a_page_is_full_whatever_is_deleted(large: Large) -> None:
    (vector,) = vectors(1, 10)
    snapshot = large.collection.snapshot()
    nearest = snapshot.search(Query(vector, 600))
    assert len(nearest.hits) == 600
    large.collection.append([Delete(hit.row.key) for hit in nearest.hits[:450]])
    after = large.collection.snapshot()
    gone = {hit.row.key for hit in nearest.hits[:450]}
    left = {hit.row.key for hit in after.search(Query(vector, 600)).hits}
    assert len(left) == 600
    assert not left & gone
    assert len(after) == ROWS - 450
    large.collection.append([Put(_of(large, hit.row.key)) for hit in nearest.hits[:450]])
    assert large.collection.snapshot().search(Query(vector, 600)).hits == nearest.hits


def _of(large: Large, key: Key) -> Record:
    return large.records[int(key.pic_name.removesuffix(".jpg"))]


def test_the_threshold_cuts_and_found_stays(large: Large) -> None:
    (vector,) = vectors(1, 11)
    snapshot = large.collection.snapshot()
    all_hits = snapshot.search(Query(vector, 30)).hits
    bound = all_hits[9].similarity
    cut = snapshot.search(Query(vector, 30, min_similarity=bound))
    assert cut.hits == tuple(hit for hit in all_hits if hit.similarity >= bound)
    assert cut.found == ROWS


def small() -> Collection:
    return Catalog(MemoryStore(), clock=Clock(), new_id=ids()).create(
        "small", Service.GENERIC, fingerprint="f", dimension=DIMENSION, bits=BITS
    )


def test_ties_are_in_order_of_key() -> None:
    collection = small()
    (vector,) = vectors(1, 12)
    keys = [Key(product, picture) for product in ("b", "a", "c") for picture in ("2", "1")]
    collection.append(
        [Put(Record(key, 0, Region(0, 1, 0, 1), Attributes(), vector)) for key in keys]
    )
    for _ in range(3):
        hits = collection.snapshot().search(Query(vector, 4)).hits
        assert [hit.row.key for hit in hits] == sorted(keys)[:4]
        distinct = collection.snapshot().search(Query(vector, 4, distinct=True)).hits
        assert [hit.row.key for hit in distinct] == [Key("a", "1"), Key("b", "1"), Key("c", "1")]
        absorb(collection.current())
        merge(collection.current(), everything=True)


def test_filters_see_patches_in_log_revision_and_segment() -> None:
    collection = small()
    parts = vectors(3, 13)
    collection.append(
        [
            Put(Record(Key(f"p{n}", "a"), 0, Region(0, 1, 0, 1), Attributes(str_attr="old"), one))
            for n, one in enumerate(parts)
        ]
    )
    absorb(collection.current())
    collection.append(
        [Patch(Key("p1", "a"), Attributes(str_attr="new", int_attr4=-5, custom_content="text"))]
    )
    for step in (
        lambda: None,
        lambda: absorb(collection.current()),
        lambda: merge(collection.current(), everything=True),
    ):
        step()
        snapshot = collection.snapshot()
        for operator, operand, wanted in (
            ("=", "new", {"p1"}),
            ("!=", "new", {"p0", "p2"}),
            ("in", frozenset({"old", "x"}), {"p0", "p2"}),
            ("not in", frozenset({"old"}), {"p1"}),
        ):
            rows = snapshot.select(
                lambda columns, operator=operator, operand=operand: columns["str_attr"].compare(
                    operator, operand
                )
            )
            assert {row.key.product_id for row in rows} == wanted
        (row,) = snapshot.select(lambda columns: columns["int_attr4"].compare("<=", -5))
        assert row.attributes == Attributes(str_attr="new", int_attr4=-5, custom_content="text")
        assert len(snapshot.select(lambda columns: columns["int_attr4"].compare("!=", -5))) == 2
        assert snapshot.select(lambda columns: columns["int_attr3"].compare(">", -(2**62))) == []


def test_an_empty_collection_answers() -> None:
    (vector,) = vectors(1, 14)
    snapshot = small().snapshot()
    hits = snapshot.search(Query(vector, 10, distinct=True))
    assert (hits.hits, hits.found, hits.scanned, len(snapshot)) == ((), 0, 0, 0)
    assert snapshot.find(Key("a", "b")) is None


def test_vectors_come_back_bit_for_bit(large: Large) -> None:
    snapshot = large.collection.snapshot()
    for number in (1, 99_999):
        found = snapshot.find(large.records[number].key)
        assert found is not None
        assert np.array_equal(found.vector.code, large.records[number].vector.code)
        assert np.array_equal(found.vector.feature, large.records[number].vector.feature)
        assert found.vector.scale == np.float32(large.records[number].vector.scale)


def test_a_table_refuses_what_does_not_fit() -> None:
    shape = small().snapshot().manifest.shape
    (vector,) = vectors(1, 15)
    good = Record(Key("a", "b"), 0, Region(0, 1, 0, 1), Attributes(), vector)
    with pytest.raises(ValueError, match="16 bits"):
        table_of([dataclasses.replace(good, region=Region(0, 70_000, 0, 1))], shape)
    with pytest.raises(ValueError, match="surrogates"):
        table_of([dataclasses.replace(good, key=Key("\ud800", "b"))], shape)
    with pytest.raises(OverflowError):
        table_of([dataclasses.replace(good, attributes=Attributes(int_attr=2**63))], shape)
