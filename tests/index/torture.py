"""A torture run with real processes: writers, compactors and readers, killed at storage calls and
at any other moment.

    python -m tests.index.torture '{"folder": "/some/folder", "writers": 8, "operations": 700}'

Prints one JSON object. The process has one thread, and forks its workers, so that starting one
again after it was killed costs nothing. Each writer keeps a diary in a file of its own: what it
began and what was acknowledged. Readers compare snapshots with the diaries. The run ends at the
first thing that must not be.
"""

from __future__ import annotations

import contextlib
import dataclasses
import heapq
import json
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from chalicelib.errors import AlreadyExists, StoreUnavailable, VersionConflict
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.records import Delete, Key, Put
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import collect
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.object_store import Blob, ObjectStore, Stat
from tests.index.mutants import MUTANTS
from tests.index.simulated import content, make, record

_T = TypeVar("_T")

Job = Callable[[random.Random], None]
"""What one worker does."""


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


def open_catalog(store: ObjectStore, *, skew_s: float = 0.0) -> Catalog:
    """A process's own."""
    return Catalog(
        store, clock=lambda: time.time() + skew_s, new_id=lambda: uuid.uuid4().hex, grace_s=300
    )


def write(plan: Plan, diaries: Path, number: int, rng: random.Random) -> None:
    """Goes on where this writer's diary ends; what was begun and not acknowledged is done again
    under the same token.
    """
    diary = diaries / f"{number}"
    done = (
        sum(1 for line in diary.read_text().splitlines() if line[0] in "AD")
        if diary.exists()
        else 0
    )
    store = open_store(plan)
    collection = open_catalog(Rough(store, plan, rng), skew_s=(-2.0, 0.0, 2.0)[number % 3]).open(
        "shop"
    )
    with diary.open("a", buffering=1) as log:
        for step in range(done, plan.operations):
            while (
                step % 10 == 0
                and sum(1 for _ in store.list(f"{collection.generation.folder}log/")) > plan.backlog
            ):
                time.sleep(plan.pause_s)
            if step % 10 == 9:
                key = Key(f"{number}", f"{step - 4}")
                log.write(f"d {key.pic_name}\n")
                collection.append([Delete(key)], token=f"{number}-{step}")
                log.write(f"D {key.pic_name}\n")
            else:
                log.write(f"a {step}\n")
                collection.append(
                    [Put(record(f"{number}", f"{step}", step))], token=f"{number}-{step}"
                )
                log.write(f"A {step}\n")


def compact(plan: Plan, rng: random.Random) -> None:
    """For ever."""
    generation = open_catalog(Rough(open_store(plan), plan, rng)).open("shop").current()
    while True:
        for step in (absorb, merge, collect):
            with contextlib.suppress(VersionConflict):
                step(generation)
        time.sleep(2 * rng.random() * plan.pause_s)


def read(plan: Plan, diaries: Path, number: int, rng: random.Random) -> None:
    """For ever: every snapshot holds what was acknowledged before it was taken, and nothing whose
    deletion was.
    """
    collection = open_catalog(
        Rough(open_store(plan), plan, rng, list_stall_p=plan.reader_stall_p)
    ).open("shop")
    with (diaries / f"reader-{number}").open("a", buffering=1) as log:
        while True:
            before = entries(diaries)
            found = {f"{key.product_id} {key.pic_name}" for key in content(collection.snapshot())}
            begun = entries(diaries)["d"]
            missing = before["A"] - found - begun
            undead = before["D"] & found
            time.sleep(plan.pause_s)
            log.write(
                f"= {len(found)}\n"
                if not missing and not undead
                else f"! missing {sorted(missing)} undead {sorted(undead)}\n"
            )


def entries(diaries: Path) -> dict[str, set[str]]:
    """Of all writers: keys by what happened to them. A line that is being written is not there yet."""
    found: dict[str, set[str]] = {kind: set() for kind in "aAdD"}
    for diary in diaries.iterdir():
        if diary.name.isdecimal():
            for line in diary.read_text().splitlines(keepends=True):
                if line.endswith("\n"):
                    found[line[0]].add(f"{diary.name} {line[2:-1]}")
    return found


def run(plan: Plan) -> dict[str, object]:
    """The run and what came of it."""
    rng = random.Random(plan.seed)
    make(open_catalog(open_store(plan)))
    with tempfile.TemporaryDirectory() as name:
        diaries = Path(name)
        jobs: dict[str, Job] = {
            f"reader {n}": partial(read, plan, diaries, n) for n in range(plan.readers)
        }
        jobs |= {f"compactor {n}": partial(compact, plan) for n in range(plan.compactors)}
        jobs |= {f"writer {n}": partial(write, plan, diaries, n) for n in range(plan.writers)}
        deaths, failures = _supervise(plan, jobs, diaries, rng)
        told = entries(diaries)
        readings = [
            line for path in diaries.glob("reader-*") for line in path.read_text().splitlines()
        ]
    collection = open_catalog(open_store(plan)).open("shop")
    found = {f"{key.product_id} {key.pic_name}" for key in content(collection.snapshot())}
    while (
        absorb(collection.current()) is not None
        or merge(collection.current(), everything=True) is not None
    ):
        continue
    after = {f"{key.product_id} {key.pic_name}" for key in content(collection.snapshot())}
    return {
        "adds": len(told["A"]),
        "deletes": len(told["D"]),
        "lost": sorted(told["A"] - told["d"] - found),
        "resurrected": sorted(told["D"] & found),
        "changed by compaction": sorted(found ^ after),
        "snapshots": sum(line.startswith("=") for line in readings),
        "violations": [line for line in readings if line.startswith("!")][:5],
        "deaths": deaths,
        "failures": failures,
        "problems": [problem.what for problem in scrub(collection.current()).problems],
    }


def _supervise(
    plan: Plan, jobs: dict[str, Job], diaries: Path, rng: random.Random
) -> tuple[int, list[str]]:
    """Keeps all jobs running, and kills one now and then, until the writers are done and enough
    snapshots were compared.
    """

    def start(name: str) -> int:
        return _start(jobs[name], rng.randrange(1 << 30), plan.mutant)

    running = {start(name): name for name in jobs}
    finished: set[str] = set()
    failures: list[str] = []
    deaths = 0
    next_kill = time.monotonic()
    while (
        not failures
        and (len(finished) < plan.writers or _compared(diaries) < plan.snapshots)
        and not _violated(diaries)
    ):
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            name = running.pop(pid)
            if os.WIFSIGNALED(status):
                deaths += 1
                running[start(name)] = name
            elif os.WEXITSTATUS(status) == 0:
                finished.add(name)
            else:
                failures.append(f"{name} failed")
        elif time.monotonic() >= next_kill:
            os.kill(rng.choice(sorted(running)), signal.SIGKILL)
            next_kill = time.monotonic() + rng.expovariate(1 / plan.kill_every_s) * len(jobs) / len(
                running
            )  # the last live no shorter
        else:
            time.sleep(0.005)
    for pid in running:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return deaths, failures


def _compared(diaries: Path) -> int:
    return sum(path.read_text().count("\n") for path in diaries.glob("reader-*"))


def _violated(diaries: Path) -> bool:
    return any("!" in path.read_text() for path in diaries.glob("reader-*"))


def _start(job: Job, seed: int, mutant: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        if mutant:
            MUTANTS[mutant](pytest.MonkeyPatch())
        while True:
            try:
                job(random.Random(seed))
                os._exit(0)
            except StoreUnavailable:
                continue  # a busy server
    except BaseException:  # noqa: BLE001  # the parent must not go on as a second parent
        import traceback

        traceback.print_exc()
        os._exit(1)


if __name__ == "__main__":
    print(json.dumps(run(Plan(**json.loads(sys.argv[1])))))
