"""Writers, readers and compactors over a bad network, each writer with a model of its keys: what
was acknowledged is there, what was refused is not, what is not known is one of the two. A wrong
answer without an error ends the run.
"""

from __future__ import annotations

import random
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from chalicelib.attributes import Attributes
from chalicelib.errors import (
    CorruptObject,
    FormatTooNew,
    OutcomeUnknown,
    StorageError,
    VersionConflict,
)
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put, Record
from chalicelib.index.read.query import Query
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import collect
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.object_store import ObjectStore
from tests.index.simulated import apply, make, record, told
from tests.network.proxy import Network

Possible = list[Record | None]
"""What a key may hold; None: nothing."""


@dataclass
class Examination:
    """One run over one collection."""

    store: Callable[[], ObjectStore]
    """A client of its own."""
    network: Network
    requests: int
    """Ends after so many."""
    writers: int = 5
    keys: int = 10
    """Of each writer."""
    grace_s: float = 30.0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """What must not be."""
    models: list[dict[Key, Possible]] = field(default_factory=list)

    def run(self) -> None:
        """Fills `outcomes` and `wrong`."""
        rate, self.network.plan.rate = self.network.plan.rate, 0.0
        make(self._catalog())
        self.network.plan.rate = rate
        self.models = [{} for _ in range(self.writers)]
        jobs: list[Callable[[], None]] = [self._compactor]
        jobs += [partial(self._writer, number) for number in range(self.writers)]
        threads = [threading.Thread(target=self._guarded, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.network.plan.heal()
        self._last_look()

    @property
    def over(self) -> bool:
        """Whether everybody may stop."""
        return bool(self.wrong) or self.network.requests.total() >= self.requests

    def _catalog(self) -> Catalog:
        return Catalog(
            self.store(),
            clock=time.time,
            new_id=lambda: uuid.uuid4().hex,
            grace_s=self.grace_s,
            cache_bytes=200_000,
        )

    def _collection(self) -> Collection:
        while True:
            try:
                return self._catalog().open("shop")
            except StorageError as error:
                self._note(error)

    def _guarded(self, job: Callable[[], None]) -> None:
        """Anything that nobody promised is wrong."""
        try:
            job()
        except Exception:  # noqa: BLE001  # it is shown, whatever it is
            self.wrong.append(traceback.format_exc())

    def _note(self, error: StorageError) -> None:
        """Damage is never right: each wrong byte comes once."""
        self.outcomes[type(error).__name__] += 1
        if isinstance(error, (CorruptObject, FormatTooNew)):
            self.wrong.append(f"believed a wrong download: {error}")

    def _compactor(self) -> None:
        generation = self._collection().generation
        while not self.over:
            for step in (absorb, merge, collect):
                try:
                    step(generation)
                except StorageError as error:
                    self._note(error)
                else:
                    self.outcomes[step.__name__] += 1
            time.sleep(0.02)

    def _writer(self, number: int) -> None:
        rng = random.Random(number)
        model = self.models[number]
        collection = self._collection()
        step = 0
        while not self.over:
            step += 1
            key = Key(f"w{number}", f"{rng.randrange(self.keys)}")
            self._write(collection, _change(rng, key, number * 1_000_000 + step), model, step)
            if rng.random() < 0.4:
                self._look(collection, model, rng)
            if rng.random() < 0.05:
                collection = self._collection()

    def _write(
        self, collection: Collection, change: Change, model: dict[Key, Possible], step: int
    ) -> None:
        """One append, and what the model then says of its key."""
        key = change.record.key if isinstance(change, Put) else change.key
        before = model.get(key, [None])
        after = [_applied(state, key, change) for state in before]
        try:
            collection.append([change], token=f"{key}-{step}" if step % 2 else None)
        except OutcomeUnknown as error:
            self._note(error)
            model[key] = before + after
        except StorageError as error:  # nothing was written, it says
            self._note(error)
        else:
            self.outcomes["written"] += 1
            model[key] = after

    def _look(self, collection: Collection, model: dict[Key, Possible], rng: random.Random) -> None:
        """Compares a snapshot with the model, record by record and by a search."""
        try:
            snapshot = collection.snapshot()
            found = {each.key: each for each in snapshot.records()}
            self._compare(found, model)
            self.outcomes["compared"] += 1
            alive = sorted(key for key, states in model.items() if states[0] is not None)
            if alive and not self.wrong:
                self._search(snapshot, model, rng.choice(alive))
        except StorageError as error:
            self._note(error)

    def _compare(self, found: dict[Key, Record], model: dict[Key, Possible]) -> None:
        """Each key of the model holds something that it may hold, which is then what it holds."""
        for key, states in model.items():
            seen = found.get(key)
            fitting = [state for state in states if _same(state, seen)]
            if not fitting:
                self.wrong.append(f"{key} holds {seen}, not one of {states}")
                return
            model[key] = fitting[:1]

    def _search(self, snapshot: Snapshot, model: dict[Key, Possible], key: Key) -> None:
        """A record that is known to be there is found by its own vector."""
        (wanted,) = model[key]
        if wanted is None:
            return
        hits = snapshot.search(Query(wanted.vector, 3)).hits
        if key not in [hit.row.key for hit in hits] or hits[0].similarity < 0.999:
            self.wrong.append(f"a search for {key} finds {[hit.row.key for hit in hits]}")

    def _last_look(self) -> None:
        """Without faults, in a process that has seen nothing: content, and every invariant."""
        if self.wrong:
            return
        collection = self._catalog().open("shop")
        found = {each.key: each for each in collection.snapshot().records()}
        for model in self.models:
            self._compare(found, model)
        strangers = found.keys() - {key for model in self.models for key in model}
        self.wrong += [f"nobody wrote {key}" for key in sorted(strangers)]
        while True:
            try:
                absorb(collection.current())
            except VersionConflict:
                continue
            break
        self.wrong += _texts(scrub(collection.current()).problems)


def _texts(things: Iterable[object]) -> list[str]:
    return [str(thing) for thing in things]


def _change(rng: random.Random, key: Key, seed: int) -> Change:
    chance = rng.random()
    if chance < 0.6:
        return Put(record(key.product_id, key.pic_name, seed, category_id=seed % 3))
    if chance < 0.8:
        return Delete(key)
    return Patch(key, Attributes(int_attr=seed))


def _applied(state: Record | None, key: Key, change: Change) -> Record | None:
    return apply({key: state} if state else {}, [change]).get(key)


def _same(first: Record | None, second: Record | None) -> bool:
    if first is None or second is None:
        return first is second
    return told(first) == told(second)
