"""A search in parts gives the bytes of a search in one."""

from __future__ import annotations

import random

import pytest

from chalicelib.attributes import Attributes
from chalicelib.errors import CorruptObject, ObjectMissing
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put
from chalicelib.index.read.fan_out import Part, PartHits, merge, search_part, split
from chalicelib.index.read.query import Query
from chalicelib.index.write.absorb import absorb
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import Clock, Faulty, ids, make, open_catalog, record, vector


def many_segments(store: MemoryStore, clock: Clock) -> Collection:
    """Eight segments that replace each other's rows, with revisions, and a log that changes all of
    them.
    """
    collection = make(open_catalog(store, clock, ids()))
    rng = random.Random(3)
    for number in range(9):
        changes: list[Change] = [
            Put(
                record(
                    f"p{rng.randrange(60)}",
                    f"{rng.randrange(3)}",
                    rng.randrange(200),
                    category_id=rng.randrange(3),
                    attributes=Attributes(
                        int_attr=rng.randrange(10), str_attr=rng.choice(["a", "b", None])
                    ),
                )
            )
            for _ in range(60)
        ]
        changes += [
            Delete(Key(f"p{rng.randrange(60)}", "0")),
            Patch(Key(f"p{rng.randrange(60)}", "1"), Attributes(int_attr2=number)),
        ]
        collection.append(changes)
        if number < 8:
            absorb(collection.current())
    return collection


def queries(count: int) -> list[Query]:
    rng = random.Random(4)
    found = []
    for number in range(count):
        bound = rng.randrange(11)
        found.append(
            Query(
                vector(rng.randrange(250)),
                rng.choice([1, 5, 20, 400]),
                categories=rng.choice([None, frozenset({0}), frozenset({1, 2})]),
                predicate=rng.choice(
                    [None, lambda columns, bound=bound: columns["int_attr"].compare("<", bound)]
                ),
                distinct=number % 3 == 0,
                min_similarity=rng.choice([-1.0, 0.2]),
            )
        )
    return found


@pytest.mark.parametrize("count", [1, 3, 8, 20])
def test_the_answer_is_the_same(count: int) -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    collection = many_segments(store, clock)
    snapshot = collection.snapshot()
    assert snapshot.stats.segments == 8
    parts = split(snapshot, count)
    assert len(parts) == min(count, 8)
    worker = open_catalog(store, clock, ids(9_000)).open("shop")
    for query in queries(50):
        answers = []
        for part in parts:
            assert len(part.text()) < 200_000
            hits = search_part(worker.current(), Part.parse(part.text()), query)
            answers.append(PartHits.parse(hits.data()))
        assert merge(snapshot, query, answers) == snapshot.search(query)


def test_the_coordinator_reads_no_segment() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    many_segments(store, clock)
    read: list[str] = []
    watched = Faulty(store, before=lambda _verb, key: read.append(key))
    snapshot = open_catalog(watched, clock, ids(9_000)).open("shop").snapshot()
    for part in split(snapshot, 4):
        part.text()
    assert snapshot.stats.rows > 0
    merge(snapshot, queries(1)[0], [])
    assert not [key for key in read if "/segments/" in key]


def test_parts_are_of_about_one_size() -> None:
    clock = Clock()
    snapshot = many_segments(MemoryStore(clock=clock), clock).snapshot()
    rows = [part.manifest.rows for part in split(snapshot, 4)]
    assert sum(rows) == snapshot.manifest.rows
    assert max(rows) < 1.6 * min(rows)


def test_a_part_whose_segment_is_gone_says_so() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    snapshot = many_segments(store, clock).snapshot()
    (part, *_) = split(snapshot, 8)
    for stat in list(store.list("")):
        if f"/segments/{part.manifest.segments[0].id}/" in stat.key:
            store.delete(stat.key)
    other = open_catalog(store, clock, ids(9_000)).open("shop")
    with pytest.raises(ObjectMissing):
        search_part(other.at(part.manifest.generation), part, queries(1)[0])


def test_a_damaged_answer_is_noticed() -> None:
    clock = Clock()
    collection = many_segments(MemoryStore(clock=clock), clock)
    data = bytearray(
        search_part(collection.current(), split(collection.snapshot(), 1)[0], queries(1)[0]).data()
    )
    data[-1] ^= 1
    with pytest.raises(CorruptObject):
        PartHits.parse(bytes(data))
