"""Changes of one key before and after the log became segments: the later one always wins."""

from __future__ import annotations

import itertools

import pytest

from chalicelib.attributes import Attributes
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Delete, Key, Patch, Put
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.commit import put
from chalicelib.index.write.merge import merge
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import (
    Clock,
    Faulty,
    content,
    expected,
    ids,
    make,
    open_catalog,
    record,
    told,
)

KEY = Key("p1", "a")
VALUES = {
    "int_attr": (1, 2, 3),
    "str_attr": ("x", "y", "x"),
    "custom_content": ("old", "newer", ""),
}


def filled() -> Collection:
    collection = make(open_catalog(MemoryStore(), Clock(), ids()))
    collection.append([Put(record(f"p{number}", "a", number)) for number in range(9)])
    absorb(collection.current())
    return collection


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("absorbed", list(itertools.product([False, True], repeat=3)))
def test_of_three_updates_of_one_attribute_the_last_stays(
    name: str, absorbed: tuple[bool, bool, bool]
) -> None:
    collection = filled()
    for value, absorb_now in zip(VALUES[name], absorbed, strict=True):
        given = Attributes(**{name: value})  # type: ignore[arg-type]  # by name
        collection.append([Patch(KEY, given)])
        if absorb_now:
            absorb(collection.current())
        found = collection.snapshot().find(KEY)
        assert found is not None
        assert getattr(found.attributes, name) == value
    merge(collection.current(), everything=True)
    while absorb(collection.current()) is not None:
        continue
    found = collection.snapshot().find(KEY)
    assert found is not None
    assert getattr(found.attributes, name) == VALUES[name][-1]


def test_a_put_that_arrives_after_forty_absorbed_deletions_stays_deleted() -> None:
    """Objects of tombstones are joined from 32 on; none may be lost then."""
    store, clock = MemoryStore(), Clock()
    new_id = ids()
    collection = make(open_catalog(store, clock, new_id))
    wanted = {}
    late: list[tuple[str, bytes]] = []
    for number in range(40):
        one = record(f"p{number}", "a", number)
        # written, and acknowledged to nobody: it arrives when all is over
        silent = Faulty(store)
        silent.create = (  # type: ignore[method-assign]
            lambda key, data: late.append((key, data)) or ""  # type: ignore[func-returns-value]
        )
        stalled = open_catalog(silent, clock, new_id).open("shop")
        stalled.append([Put(one)])
        collection.append([Delete(one.key)])
        kept = record(f"kept{number}", "a", number)
        collection.append([Put(kept)])
        wanted[kept.key] = kept
        absorb(collection.current())
    tombstones = collection.current().manifest().manifest.tombstones
    assert len(tombstones) < 32
    assert sum(ref.count for ref in tombstones) == 40
    assert len(late) == 40
    for key, data in late:
        put(collection.current(), key.removeprefix(collection.current().folder), data)
    assert content(collection.snapshot()) == expected(wanted)
    absorb(collection.current())
    assert content(collection.snapshot()) == {key: told(one) for key, one in wanted.items()}
