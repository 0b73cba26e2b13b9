"""Small stand-ins for the index's tests: records, clocks, ids, stores that fail, and a dictionary
that says what must be true.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.errors import OutcomeUnknown
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Put, Record, Vector, quantise
from chalicelib.index.format.tombstones import patched
from chalicelib.index.read.query import Query, Row
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.storage.object_store import Blob, ObjectStore, Stat

_T = TypeVar("_T")

DIMENSION, BITS = 24, 40
"""Neither is a multiple of 64, so that padding is exercised."""


@dataclass
class Clock:
    """Seconds that pass only when told to."""

    now: float = 1_700_000_000.0
    skew: float = 0.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now + self.skew


def ids(start: int = 1) -> Callable[[], str]:
    """Ids that count."""
    numbers = itertools.count(start)
    return lambda: f"{next(numbers):032x}"


def vector(seed: int) -> Vector:
    """A vector that depends on `seed` alone."""
    feature = np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)
    feature /= np.linalg.norm(feature)
    return quantise(feature, np.packbits(np.resize(feature, BITS) > 0))


def record(
    product_id: str,
    pic_name: str,
    seed: int = 0,
    *,
    category_id: int = 0,
    attributes: Attributes | None = None,
) -> Record:
    """A record that depends on its arguments alone."""
    return Record(
        Key(product_id, pic_name),
        category_id,
        Region(seed % 50, 100, 0, 90),
        attributes or Attributes(),
        vector(seed),
    )


def open_catalog(
    store: ObjectStore, clock: Clock, new_id: Callable[[], str], *, grace_s: float = 3600
) -> Catalog:
    """A process of its own: nothing is cached."""
    return Catalog(store, clock=clock, new_id=new_id, grace_s=grace_s)


def make(catalog: Catalog, name: str = "shop") -> Collection:
    """An empty collection of records as `record` makes them."""
    return catalog.create(name, Service.PRODUCT, fingerprint="f1", dimension=DIMENSION, bits=BITS)


Model = dict[Key, Record]


def apply(model: Model, changes: Sequence[Change]) -> Model:
    """What the records are after `changes`."""
    model = dict(model)
    for change in changes:
        if isinstance(change, Put):
            model[change.record.key] = change.record
        elif isinstance(change, Delete):
            model.pop(change.key, None)
        elif change.key in model:
            found = model[change.key]
            model[change.key] = replace(found, attributes=patched(found.attributes, change.changes))
    return model


def told(record: Record) -> tuple[object, ...]:
    """Everything of a record in a form that compares."""
    vector = record.vector
    head = (record.key, record.category_id, record.region, record.attributes)
    return (*head, vector.code.tobytes(), vector.feature.tobytes(), float(np.float32(vector.scale)))


def content(snapshot: Snapshot) -> dict[Key, tuple[object, ...]]:
    """Everything in a snapshot; fails if a key is there twice."""
    records = list(snapshot.records())
    found = {record.key: told(record) for record in records}
    assert len(found) == len(records) == len(snapshot)
    return found


def expected(model: Model) -> dict[Key, tuple[object, ...]]:
    """The content that a snapshot must have."""
    return {key: told(record) for key, record in model.items()}


def brute_force(model: Model, query: Query) -> list[tuple[float, Key]]:
    """The exact answer: (similarity, key), best first."""
    rows = [
        record
        for record in model.values()
        if query.categories is None or record.category_id in query.categories
    ]
    wanted = query.vector.feature.astype(np.float64)
    scored = []
    for one in rows:
        feature = one.vector.feature.astype(np.float64)
        cosine = float(feature @ wanted / np.sqrt((feature @ feature) * (wanted @ wanted)))
        scored.append((float(np.float32(min(1.0, cosine))), one.key))
    scored.sort(key=lambda pair: (-pair[0], pair[1]))
    return scored


def row_of(record: Record) -> Row:
    """What a snapshot shows of it."""
    return Row(record.key, record.category_id, record.region, record.attributes)


class Crash(BaseException):
    """The process dies here. Nothing may catch it."""


@dataclass
class Faulty:
    """A store that counts its calls and goes wrong at one of them."""

    store: ObjectStore
    at: int = -1
    """The call that goes wrong, counting from 0; -1: none."""
    how: str = "crash before"
    """crash before | crash after | lost before | lost after (the answer of a write)."""
    calls: int = field(default=0)
    before: Callable[[str, str], None] = field(default=lambda _verb, _key: None)
    """Called with verb and key before every call: a test's own interleaving."""

    def get(self, key: str) -> Blob:
        return self._run("get", key, lambda: self.store.get(key))

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        return self._run("get", key, lambda: self.store.get_if_changed(key, version=version))

    def view(self, key: str) -> memoryview:
        return self._run("get", key, lambda: self.store.view(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return self._run("get", key, lambda: self.store.get_range(key, start, stop))

    def create(self, key: str, data: bytes) -> str:
        return self._run("create", key, lambda: self.store.create(key, data))

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        return self._run("replace", key, lambda: self.store.replace(key, data, version=version))

    def delete(self, key: str) -> None:
        self._run("delete", key, lambda: self.store.delete(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:  # one request on S3, whose keys go one by one all the same
            self.delete(key)

    def _run(self, verb: str, key: str, act: Callable[[], _T]) -> _T:
        """One call, which goes wrong if its turn has come."""
        self.before(verb, key)
        number, self.calls = self.calls, self.calls + 1
        if number != self.at:
            return act()
        if self.how == "crash before":
            raise Crash
        if self.how == "crash after":
            act()
            raise Crash
        if verb in {"create", "replace"}:
            if self.how == "lost after":
                act()
            raise OutcomeUnknown(f"the answer to {verb} {key} was lost")
        return act()

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        def read() -> list[Stat]:
            return list(self.store.list(prefix, after=after, limit=limit))

        return iter(self._run("list", prefix, read))
