"""Making, finding, listing, rebuilding and dropping collections."""

from __future__ import annotations

import threading

import pytest

from chalicelib.errors import (
    AlreadyExists,
    CollectionNotFound,
    FingerprintMismatch,
    InvalidField,
)
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.records import Key, Put, Record
from chalicelib.index.read.query import Query
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.scrub import scrub
from chalicelib.service import Service
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import (
    BITS,
    DIMENSION,
    Clock,
    Faulty,
    content,
    expected,
    ids,
    make,
    open_catalog,
    record,
    vector,
)


def catalog() -> Catalog:
    return open_catalog(MemoryStore(), Clock(), ids())


def test_a_collection_is_made_once() -> None:
    made = catalog()
    info = make(made).info
    assert (info.name, info.service, info.fingerprint, info.dimension, info.bits) == (
        "shop",
        Service.PRODUCT,
        "f1",
        DIMENSION,
        BITS,
    )
    assert info.created == pytest.approx(1_700_000_000, abs=1)
    with pytest.raises(AlreadyExists, match="shop"):
        make(made)
    assert made.open("shop") is made.open("shop")


@pytest.mark.parametrize("name", ["", "-a", ".a", "a/b", "a b", "ä", "a" * 129, "a\n"])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(InvalidField):
        make(catalog(), name)
    with pytest.raises(CollectionNotFound):
        catalog().open(name)


def test_names_are_listed_in_order_whatever_lies_beside_them() -> None:
    store = MemoryStore()
    made = open_catalog(store, Clock(), ids())
    for name in ("b", "a-1", "a", "a0", "A", "a.b"):
        make(made, name).append([Put(record("p", "q"))])
    store.create("collections/bindings.json", b"{}")
    store.create("collections/ghost/jobs/1", b"{}")
    store.create("collectionsx/not/collection.json", b"{}")
    assert made.names() == ["A", "a", "a-1", "a.b", "a0", "b"]


def test_a_dropped_collection_is_gone_and_its_name_free() -> None:
    store = MemoryStore()
    made = open_catalog(store, Clock(), ids())
    collection = make(made)
    collection.append([Put(record("p", "q"))])
    store.create("collections/shop/jobs/1", b"{}")
    make(made, "shop2")
    made.drop("shop")
    assert not [stat.key for stat in store.list("collections/shop/")]
    assert made.names() == ["shop2"]
    with pytest.raises(CollectionNotFound, match="shop"):
        made.open("shop")
    with pytest.raises(CollectionNotFound):
        collection.snapshot()
    with pytest.raises(CollectionNotFound):
        collection.append([Put(record("p", "q"))])
    with pytest.raises(CollectionNotFound):
        made.drop("shop")
    assert len(make(made).snapshot()) == 0


def test_vectors_of_other_models_are_refused() -> None:
    collection = make(catalog())
    other = catalog().create(
        "other", Service.GENERIC, fingerprint="f2", dimension=DIMENSION * 2, bits=BITS
    )
    with pytest.raises(FingerprintMismatch, match="re-import"):
        other.append([Put(record("p", "q"))])
    collection.append([])
    assert len(collection.snapshot()) == 0


def test_a_generation_is_invisible_until_it_is_switched_to() -> None:
    store, clock = MemoryStore(), Clock()
    made = open_catalog(store, clock, ids())
    collection = make(made)
    collection.append([Put(record("old", "1"))])
    fresh = made.begin_generation("shop", fingerprint="f2", dimension=8, bits=64)
    generation = fresh.info.generation
    assert (fresh.info.name, fresh.info.service, fresh.info.dimension) == (
        "shop",
        Service.PRODUCT,
        8,
    )
    elsewhere = open_catalog(store, clock, ids(500)).generation("shop", generation)
    assert len(elsewhere.snapshot()) == 0
    assert [key.product_id for key in content(collection.snapshot())] == ["old"]
    made.switch("shop", generation)
    assert len(collection.snapshot()) == 0
    assert open_catalog(store, clock, ids(700)).open("shop").info.generation == generation
    with pytest.raises(ValueError, match="serves"):
        made.abandon("shop", generation)


def test_an_abandoned_generation_is_gone() -> None:
    made = catalog()
    make(made)
    fresh = made.begin_generation("shop", fingerprint="f2", dimension=8, bits=64)
    made.abandon("shop", fresh.info.generation)
    with pytest.raises(CollectionNotFound):
        made.generation("shop", fresh.info.generation)
    with pytest.raises(CollectionNotFound):
        made.switch("shop", fresh.info.generation)
    assert made.unreachable("shop") == []


def test_a_generation_that_was_switched_away_takes_no_more() -> None:
    made = catalog()
    make(made)
    first = made.begin_generation("shop", fingerprint="f1", dimension=DIMENSION, bits=BITS)
    second = made.begin_generation("shop", fingerprint="f1", dimension=DIMENSION, bits=BITS)
    made.switch("shop", first.info.generation)
    made.switch("shop", second.info.generation)
    with pytest.raises(CollectionNotFound, match="switched away"):
        first.append([Put(record("p", "q"))])
    with pytest.raises(CollectionNotFound):
        made.generation("shop", first.info.generation)


@pytest.mark.parametrize(
    "stray", [".DS_Store", "README", "0" * 33, "FFFFFFFFFFFFFFFF-0000000000000000", "x/y"]
)
def test_something_foreign_in_the_log_is_passed_over_and_named(stray: str) -> None:
    store = MemoryStore()
    collection = make(open_catalog(store, Clock(), ids()))
    key = collection.generation.folder + "log/" + stray
    store.create(key, b"hello")
    wanted = {}
    for number in range(3):
        one = record(f"p{number}", "q", number)
        collection.append([Put(one)])
        wanted[one.key] = one
        assert content(collection.snapshot()) == expected(wanted)
        if number == 1:
            assert absorb(collection.current()) is not None
    assert len(collection.current().listed().waiting) == 1
    assert [problem.key for problem in scrub(collection.current()).problems] == [key]
    store.delete(key)
    assert scrub(collection.current()).problems == ()


def test_requests_to_the_store() -> None:
    """What searches and appends cost: docs/COSTS.md counts on it."""
    store, clock = MemoryStore(), Clock()
    make(open_catalog(store, clock, ids()))
    calls: list[str] = []
    watched = Faulty(
        store,
        before=lambda verb, key: calls.append(
            f"{verb} {key.rpartition('/')[2] or key.split('/')[-2]}"
        ),
    )
    collection = open_catalog(watched, clock, ids(900)).open("shop")
    calls.clear()
    collection.append([Put(record("p", "q"))])
    assert [call.split(" ")[0] for call in calls] == ["get", "list", "create", "get"]
    calls.clear()
    collection.append([Put(record("p", "r"))])
    assert [call.split(" ")[0] for call in calls] == ["list", "create", "get"]
    collection.snapshot()
    calls.clear()
    collection.snapshot()
    assert calls == ["list log", "get manifest.json"]


class _Meeting(MemoryStore):
    """A store whose readers of segments wait for each other."""

    def __init__(self, readers: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(readers, timeout=120)
        self.meeting = False

    def view(self, key: str) -> memoryview:
        if self.meeting and key.endswith("/head"):
            self.barrier.wait()
        return super().view(key)


def test_segments_that_are_not_in_memory_are_read_at_once() -> None:
    store = _Meeting(3)
    collection = make(open_catalog(store, Clock(), ids()))
    for number in range(3):
        collection.append([Put(record(f"p{number}", "q", number))])
        absorb(collection.current())
    store.meeting = True
    hits = (
        open_catalog(store, Clock(), ids(900))
        .open("shop")
        .snapshot()
        .search(Query(vector(1), 3))
        .hits
    )
    assert {hit.row.key.product_id for hit in hits} == {"p0", "p1", "p2"}


def test_a_collection_larger_than_the_cache_is_searched_all_the_same() -> None:
    store = MemoryStore()
    collection = make(open_catalog(store, Clock(), ids()))
    for number in range(3):
        collection.append([Put(record(f"p{number}", "q", number))])
        absorb(collection.current())
    tight = Catalog(store, clock=Clock(), new_id=ids(900), cache_bytes=1).open("shop").snapshot()
    for _ in range(2):
        assert len(tight.search(Query(vector(1), 3)).hits) == 3
        assert len(content(tight)) == 3


def test_a_record_that_is_not_text_is_refused_before_anything_is_written() -> None:
    store = MemoryStore()
    collection = make(open_catalog(store, Clock(), ids()))
    before = [stat.key for stat in store.list("")]
    good = record("p", "q")
    bad = Record(Key("\udc80", "q"), good.category_id, good.region, good.attributes, good.vector)
    with pytest.raises(ValueError, match="surrogates"):
        collection.append([Put(good), Put(bad)])
    assert [stat.key for stat in store.list("")] == before
