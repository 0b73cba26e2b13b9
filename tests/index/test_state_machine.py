"""Anything that may happen to a collection, in any order, against a dictionary."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from chalicelib.attributes import Attributes
from chalicelib.errors import VersionConflict
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put
from chalicelib.index.read.query import Query
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import collect
from chalicelib.index.write.erase import drop_head
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
    brute_force,
    content,
    expected,
    ids,
    make,
    open_catalog,
    record,
    row_of,
    told,
    vector,
)

PRODUCTS = st.sampled_from(["p1", "p2", "p3", "ä/\n", "p" * 200])
PICTURES = st.sampled_from(["a", "b", ""])
KEYS = st.builds(Key, PRODUCTS, PICTURES)
NUMBERS = st.none() | st.integers(-3, 3) | st.sampled_from([-(2**63), 2**63 - 1])
WORDS = st.none() | st.sampled_from(["", "x", "é", "x" * 50])
ATTRIBUTES = st.builds(
    Attributes,
    custom_content=WORDS,
    int_attr=NUMBERS,
    int_attr2=NUMBERS,
    str_attr=WORDS,
    str_attr4=WORDS,
)
PUTS = st.builds(
    lambda key, seed, category, attributes: Put(
        record(key.product_id, key.pic_name, seed, category_id=category, attributes=attributes)
    ),
    KEYS,
    st.integers(0, 30),
    st.sampled_from([0, 1, 88888888]),
    ATTRIBUTES,
)
CHANGES = st.lists(
    PUTS | st.builds(Patch, KEYS, ATTRIBUTES) | st.builds(Delete, KEYS), min_size=1, max_size=4
)
FORMATS = st.sampled_from([1, 2])
WORKERS = st.sampled_from([0, 1, 2])
HOWS = st.sampled_from(["crash before", "crash after", "lost before", "lost after"])


class CollectionMachine(RuleBasedStateMachine):
    """Three processes with clocks 2 s apart; the first is restarted now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock)
        self.new_id = ids()
        self.model: Model = {}
        self.processes: list[Collection] = []
        self.tokens: dict[str, list[Change]] = {}

    @initialize()
    def begin(self) -> None:
        make(open_catalog(self.store, self.clock, self.new_id))
        self.processes = [self.open(skew_s) for skew_s in (0.0, 2.0, -2.0)]

    def open(self, skew_s: float, store: object = None) -> Collection:
        clock = self.clock
        skewed: Any = lambda: clock() + skew_s  # noqa: E731
        stored: Any = store or self.store  # see Faulty
        catalog = open_catalog(stored, skewed, self.new_id, grace_s=30)
        return catalog.open("shop")

    @rule(worker=WORKERS, changes=CHANGES)
    def change(self, worker: int, changes: list[Change]) -> None:
        self.processes[worker].append(changes)
        self.model = apply(self.model, changes)

    @rule(worker=WORKERS, product=PRODUCTS)
    def delete_product(self, worker: int, product: str) -> None:
        rows = self.processes[worker].snapshot().of_product(product)
        assert rows == sorted(
            (row_of(one) for key, one in self.model.items() if key.product_id == product),
            key=lambda row: row.key,
        )
        self.change(worker, [Delete(row.key) for row in rows])

    @rule(worker=WORKERS, number=st.integers(-3, 3))
    def delete_by_filter(self, worker: int, number: int) -> None:
        rows = (
            self.processes[worker]
            .snapshot()
            .select(lambda columns: columns["int_attr"].compare(">", number))
        )
        wanted = [
            key
            for key, one in self.model.items()
            if one.attributes.int_attr is not None and one.attributes.int_attr > number
        ]
        assert [row.key for row in rows] == sorted(wanted)
        self.change(worker, [Delete(row.key) for row in rows])

    @rule(
        worker=WORKERS,
        puts=st.lists(PUTS, min_size=1, max_size=8),
        token=st.sampled_from(["t1", "t2", "t3", "t4"]),
    )
    def import_batch(self, worker: int, puts: list[Put], token: str) -> None:
        changes = self.tokens.get(token)
        if changes is None:
            changes = self.tokens[token] = list(puts)
            self.model = apply(self.model, changes)
        self.processes[worker].append(changes, token=token)

    @rule(
        worker=WORKERS,
        seed=st.integers(0, 30),
        count=st.integers(1, 6),
        distinct=st.booleans(),
        narrow=st.booleans(),
    )
    def search(self, worker: int, seed: int, count: int, distinct: bool, narrow: bool) -> None:
        query = Query(
            vector(seed),
            count,
            categories=frozenset({0, 88888888}) if narrow else None,
            distinct=distinct,
        )
        hits = self.processes[worker].snapshot().search(query)
        exact = brute_force(self.model, query)
        if distinct:
            first = {key.product_id: (score, key) for score, key in reversed(exact)}
            exact = sorted(first.values(), key=lambda pair: (-pair[0], pair[1]))
        assert [(hit.similarity, hit.row.key) for hit in hits.hits] == exact[:count]
        assert hits.found == len(exact)

    @rule(worker=WORKERS, key=KEYS)
    def find(self, worker: int, key: Key) -> None:
        found = self.processes[worker].snapshot().find(key)
        assert (None if found is None else told(found)) == (
            told(self.model[key]) if key in self.model else None
        )

    @rule(worker=WORKERS, number=FORMATS)
    def compact(self, worker: int, number: int) -> None:
        with writing(number):
            absorb(self.processes[worker].current())

    @rule(worker=WORKERS, everything=st.booleans(), number=FORMATS)
    def merge_some(self, worker: int, everything: bool, number: int) -> None:
        with writing(number):
            merge(self.processes[worker].current(), everything=everything)

    @rule(worker=WORKERS, seconds=st.sampled_from([0, 1, 31, 100]))
    def collect_garbage(self, worker: int, seconds: int) -> None:
        self.clock.now += seconds
        if seconds > 30:
            self.forget_tokens()
        collect(self.processes[worker].current())

    def forget_tokens(self) -> None:
        """A token is remembered for the grace period, and no longer."""
        self.tokens.clear()
        for stat in list(self.store.list("")):
            if "/tokens/" in stat.key:
                self.store.delete(stat.key)

    @rule(worker=WORKERS, rewrites=st.integers(0, 2))
    def keep_the_promise(self, worker: int, rewrites: int) -> None:
        """What is dead or changed is rewritten; an absorbed log goes altogether."""
        self.clock.now += 11  # what is gone is older than what any process takes as fresh
        self.forget_tokens()  # three times 11 seconds are longer than the grace period
        generation = self.processes[worker].current()
        for _ in range(rewrites):
            merge(generation, stale_before=self.clock.now + 1)
        drop_head(generation, generation.listed(), before=self.clock.now + 1)

    @rule(skew_s=st.sampled_from([0.0, 2.0, -2.0]))
    def reopen(self, skew_s: float) -> None:
        self.processes[0] = self.open(skew_s)

    @rule(call=st.integers(0, 12), how=HOWS, changes=CHANGES)
    def fail_in_append(self, call: int, how: str, changes: list[Change]) -> None:
        before, after = self.model, apply(self.model, changes)
        acknowledged = False
        with contextlib.suppress(Crash):
            self.open(0.0, Faulty(self.store, at=call, how=how)).append(changes)
            acknowledged = True
        found = content(self.open(0.0).snapshot())
        assert found == expected(after) or (not acknowledged and found == expected(before))
        self.model = after if found == expected(after) else before

    @rule(
        call=st.integers(0, 40),
        how=HOWS,
        what=st.sampled_from([absorb, merge, collect]),
        number=FORMATS,
    )
    def fail_in_maintenance(self, call: int, how: str, what: object, number: int) -> None:
        assert callable(what)
        with contextlib.suppress(Crash, VersionConflict), writing(number):
            what(self.open(0.0, Faulty(self.store, at=call, how=how)).current())

    @invariant()
    def every_process_sees_what_the_model_says(self) -> None:
        for process in self.processes:
            assert content(process.snapshot()) == expected(self.model)

    def teardown(self) -> None:
        if self.processes:
            assert scrub(self.open(0.0).current()).problems == ()


CollectionMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
TestCollectionMachine = CollectionMachine.TestCase


@pytest.mark.slow
def test_many_long_histories() -> None:
    run_state_machine_as_test(
        CollectionMachine,
        settings=settings(
            max_examples=400,
            stateful_step_count=60,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
