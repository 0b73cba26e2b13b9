"""A store on which calls are slow, writes arrive twice and processes die, and the plan of how
often.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from chalicelib.errors import AlreadyExists
from chalicelib.storage.object_store import Blob, ObjectStore, Stat

_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do to what."""

    folder: str = ""
    """Of a FileStore; else `bucket` of S3, at AWS_ENDPOINT_URL."""
    bucket: str = ""
    writers: int = 8
    compactors: int = 2
    readers: int = 2
    operations: int = 700
    """Per writer; every tenth is a deletion."""
    snapshots: int = 200
    """To be compared, at least."""
    kill_p: float = 0.004
    """Probability of death before, and after, each storage call."""
    kill_every_s: float = 0.5
    """Mean time between deaths at other moments."""
    pause_s: float = 0.02
    """Between two readings, and on average between two rounds of a compactor."""
    stall_p: float = 0.01
    """Probability that a storage call is slow."""
    reader_stall_p: float = 0.1
    """The same for a reader's listing, before or after which it reads the manifest."""
    stall_s: float = 1.0
    """How slow, at most."""
    echo_p: float = 0.1
    """Probability that a log object arrives a second time: a request that was slow, and was
    repeated.
    """
    echo_s: float = 10.0
    """How late, at most; less than the grace period."""
    backlog: int = 150
    """Objects in the log at which writers wait. Of thousands, nobody who dies at one storage call
    in a hundred reads the last.
    """
    mutant: str = ""
    """A rule to break in all workers (mutants.py); the verdict is given by the rules as they are.
    """
    seed: int = 1


class Rough:
    """A store in which calls are slow now and then, writes of the log arrive twice, and the process
    may die.
    """

    def __init__(
        self, store: ObjectStore, plan: Plan, rng: random.Random, *, list_stall_p: float = 0.0
    ) -> None:
        self._store = store
        self._plan = plan
        self._list_stall_p = list_stall_p
        self._rng = rng
        self._echoes: list[tuple[float, str, bytes]] = []
        """When an object arrives again, its key and its bytes."""

    def _run(self, act: Callable[[], _T]) -> _T:
        """One call, with what may go wrong around it."""
        self._die()
        self._stall(self._plan.stall_p)
        while self._echoes and self._echoes[0][0] <= time.monotonic():
            _, key, data = heapq.heappop(self._echoes)
            with contextlib.suppress(AlreadyExists):
                self._store.create(key, data)
        done = act()
        self._die()
        return done

    def _stall(self, chance: float) -> None:
        if self._rng.random() < chance:
            time.sleep(self._rng.random() * self._plan.stall_s)

    def _die(self) -> None:
        if self._rng.random() < self._plan.kill_p:
            os.kill(os.getpid(), signal.SIGKILL)

    def get(self, key: str) -> Blob:
        return self._run(lambda: self._store.get(key))

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        return self._run(lambda: self._store.get_if_changed(key, version=version))

    def view(self, key: str) -> memoryview:
        return self._run(lambda: self._store.view(key))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return self._run(lambda: self._store.get_range(key, start, stop))

    def create(self, key: str, data: bytes) -> str:
        if "/log/" in key and self._rng.random() < self._plan.echo_p:
            heapq.heappush(
                self._echoes, (time.monotonic() + self._rng.random() * self._plan.echo_s, key, data)
            )
        return self._run(lambda: self._store.create(key, data))

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        return self._run(lambda: self._store.replace(key, data, version=version))

    def delete(self, key: str) -> None:
        self._run(lambda: self._store.delete(key))

    def delete_many(self, keys: Sequence[str]) -> None:
        self._run(lambda: self._store.delete_many(keys))

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        self._stall(self._list_stall_p)
        return self._run(lambda: self._store.list(prefix, after=after, limit=limit))


def open_store(plan: Plan) -> ObjectStore:
    """The store that is tortured."""
    if plan.folder:
        from chalicelib.storage.files import FileStore

        return FileStore(Path(plan.folder))
    from chalicelib.storage.s3 import S3Store, connect

    return S3Store(connect("us-east-1"), plan.bucket)
