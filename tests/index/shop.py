"""A collection that several processes work on, for numbered scenarios."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Delete, Key, Put
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import ObjectStore
from tests.index.simulated import Clock, content, ids, make, open_catalog, record


class Shop:
    """A collection that several processes work on."""

    def __init__(self, *, grace_s: float = 3600) -> None:
        self.clock = Clock()
        self.store = MemoryStore(clock=self.clock)
        self._grace_s = grace_s
        self._ids = ids()
        make(open_catalog(self.store, self.clock, self._ids))

    def process(self, store: ObjectStore | None = None, *, skew_s: float = 0.0) -> Collection:
        opened = Catalog(
            store or self.store,
            clock=lambda: self.clock() + skew_s,
            new_id=self._ids,
            grace_s=self._grace_s,
        )
        return opened.open("shop")

    def keys(self) -> list[str]:
        return sorted(key.product_id for key in content(self.process().snapshot()))

    def log(self) -> list[str]:
        return [stat.key for stat in self.store.list("") if "/log/" in stat.key]


def put(product_id: str, seed: int = 0) -> Put:
    return Put(record(product_id, "a", seed))


def delete(product_id: str) -> Delete:
    return Delete(Key(product_id, "a"))


def once(verb: str, part: str, act: Callable[[], object]) -> Callable[[str, str], None]:
    """`act` runs before the first call of `verb` on a key that contains `part`."""
    waiting = [act]

    def before(called: str, key: str) -> None:
        if called == verb and part in key and waiting:
            waiting.pop()()

    return before
