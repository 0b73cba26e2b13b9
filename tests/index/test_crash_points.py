"""Every operation is killed before and after each of its storage calls, and loses the answer of
each of its writes.

Nothing is lost, nothing comes back, and doing it again finishes it.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.attributes import Attributes
from chalicelib.errors import OutcomeUnknown, StorageError, VersionConflict
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import collect
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.memory import MemoryStore
from tests.index.format1 import writing
from tests.index.simulated import (
    Clock,
    Crash,
    Faulty,
    Model,
    apply,
    content,
    expected,
    ids,
    make,
    open_catalog,
    record,
)

HOWS = ["crash before", "crash after", "lost before", "lost after"]


@dataclass
class Scenario:
    store: MemoryStore
    clock: Clock
    model: Model

    def collection(self, store: object = None, *, seed: int = 1_000_000) -> Collection:
        chosen: Any = store or self.store  # Faulty or MemoryStore
        return open_catalog(chosen, self.clock, ids(seed)).open("shop")

    def copy(self) -> Scenario:
        store = MemoryStore(clock=self.clock)
        store._objects = dict(self.store._objects)  # blobs are immutable
        store._versions = copy.copy(self.store._versions)
        return Scenario(store, self.clock, dict(self.model))


def lived_in() -> Scenario:
    """Four segments, half of each format, one of them with a revision, garbage that is due, and a
    log with every kind of change.
    """
    clock = Clock()
    store = MemoryStore(clock=clock)
    scenario = Scenario(store, clock, {})
    collection = make(open_catalog(store, clock, ids()))
    for number in range(4):
        steps: list[Change] = [
            Put(record(f"p{number}-{part}", "a", number * 10 + part, category_id=part % 2))
            for part in range(5)
        ]
        steps.append(Delete(Key(f"p{number - 1}-0", "a")))
        _change(scenario, collection, steps)
        with writing(1 + number % 2):
            absorb(collection.generation)
    _change(scenario, collection, [Patch(Key("p0-1", "a"), Attributes(int_attr=7))])
    absorb(collection.generation)
    clock.now += 7200
    for number in range(3):
        _change(
            scenario,
            collection,
            [Put(record("new", str(number), 90 + number)), Delete(Key(f"p2-{number + 1}", "a"))],
        )
    _change(
        scenario,
        collection,
        [
            Put(record("p1-2", "a", 77)),
            Patch(Key("p1-3", "a"), Attributes(str_attr="x", custom_content="ü")),
        ],
    )
    return scenario


def _change(scenario: Scenario, collection: Collection, changes: list[Change]) -> None:
    collection.append(changes)
    scenario.model = apply(scenario.model, changes)


APPENDED: list[Change] = [
    Put(record("p1-1", "a", 500)),
    Patch(Key("p3-1", "a"), Attributes(int_attr2=5)),
    Delete(Key("p3-2", "a")),
]

OPERATIONS: dict[str, Callable[[Collection], object]] = {
    "append": lambda collection: collection.append(APPENDED),
    "append with a token": lambda collection: collection.append(APPENDED, token="once"),
    "snapshot": lambda collection: content(collection.snapshot()),
    "absorb": lambda collection: absorb(collection.current()),
    "merge": lambda collection: merge(collection.current()),
    "merge everything": lambda collection: merge(collection.current(), everything=True),
    "collect": lambda collection: collect(collection.current()),
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_killed_at_any_call(name: str, how: str) -> None:
    before = lived_in()
    operation = OPERATIONS[name]
    after = apply(before.model, APPENDED) if name.startswith("append") else before.model
    counting = before.copy()
    counter = Faulty(counting.store)
    operation(counting.collection(counter))
    assert content(counting.collection(seed=2_000_000).snapshot()) == expected(after)
    assert counter.calls >= 2
    for call in range(counter.calls):
        scenario = before.copy()
        finished = True
        try:
            operation(scenario.collection(Faulty(scenario.store, at=call, how=how)))
        except (Crash, VersionConflict, OutcomeUnknown):
            finished = False
        found = content(scenario.collection(seed=2_000_000).snapshot())
        allowed = [expected(after)] if finished else [expected(before.model), expected(after)]
        assert found in allowed, (call, how)
        assert scrub(scenario.collection(seed=3_000_000).current()).problems == ()
        operation(scenario.collection(seed=4_000_000))
        assert content(scenario.collection(seed=5_000_000).snapshot()) == expected(after), (
            call,
            how,
        )
        assert scrub(scenario.collection(seed=6_000_000).current()).problems == ()


@pytest.mark.parametrize("how", HOWS)
def test_a_switch_of_generations_killed_at_any_call(how: str) -> None:
    before = lived_in()
    catalog = open_catalog(before.store, before.clock, ids(1_000_000))
    fresh = catalog.begin_generation("shop", fingerprint="f2", dimension=24, bits=40)
    new = [record("only", "one", 3)]
    fresh.append([Put(one) for one in new])
    target = expected({one.key: one for one in new})
    generation = fresh.info.generation
    counting = before.copy()
    counter = Faulty(counting.store)
    open_catalog(counter, before.clock, ids(2_000_000)).switch("shop", generation)
    for call in range(counter.calls):
        scenario = before.copy()
        with contextlib.suppress(Crash, StorageError):
            open_catalog(
                Faulty(scenario.store, at=call, how=how), scenario.clock, ids(2_000_000)
            ).switch("shop", generation)
        found = content(scenario.collection(seed=3_000_000).snapshot())
        assert found in (expected(before.model), target)
        open_catalog(scenario.store, scenario.clock, ids(4_000_000)).switch("shop", generation)
        assert content(scenario.collection(seed=5_000_000).snapshot()) == target


@pytest.mark.parametrize("how", HOWS)
def test_creating_a_collection_killed_at_any_call(how: str) -> None:
    counter = Faulty(MemoryStore())
    make(open_catalog(counter, Clock(), ids()))
    for call in range(counter.calls):
        store = MemoryStore()
        with contextlib.suppress(Crash, StorageError):
            make(open_catalog(Faulty(store, at=call, how=how), Clock(), ids()))
        catalog = open_catalog(store, Clock(), ids(1_000))
        collection = catalog.open("shop") if "shop" in catalog.names() else make(catalog)
        collection.append([Put(record("a", "b"))])
        assert len(collection.snapshot()) == 1


@pytest.mark.parametrize("how", HOWS)
def test_dropping_a_collection_killed_at_any_call(how: str) -> None:
    before = lived_in()
    counting = before.copy()
    counter = Faulty(counting.store)
    open_catalog(counter, before.clock, ids(2_000_000)).drop("shop")
    assert list(counting.store.list("")) == []
    for call in range(counter.calls):
        scenario = before.copy()
        with contextlib.suppress(Crash, StorageError):
            open_catalog(
                Faulty(scenario.store, at=call, how=how), scenario.clock, ids(2_000_000)
            ).drop("shop")
        catalog = open_catalog(scenario.store, scenario.clock, ids(3_000_000))
        if "shop" in catalog.names():
            assert content(catalog.open("shop").snapshot()) == expected(before.model)
        else:
            assert len(make(catalog).snapshot()) == 0
