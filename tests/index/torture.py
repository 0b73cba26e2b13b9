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
import json
import os
import random
import signal
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from chalicelib.errors import StoreUnavailable, VersionConflict
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Delete, Key, Put
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import collect
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.object_store import ObjectStore
from tests.index.mutants import MUTANTS
from tests.index.rough import Plan, Rough, open_store
from tests.index.simulated import content, make, record

Job = Callable[[random.Random], None]
"""What one worker does."""


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
            found = held(collection)
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
    """Of all writers: keys by what happened to them. A line that is being written is not there
    yet.
    """
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
    found = held(collection)
    _compact_all(collection)
    after = held(collection)
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


def held(collection: Collection) -> set[str]:
    """The keys of a collection as diaries write them."""
    return {f"{key.product_id} {key.pic_name}" for key in content(collection.snapshot())}


def _compact_all(collection: Collection) -> None:
    """Until there is nothing left to compact."""
    while absorb(collection.current()) or merge(collection.current(), everything=True):
        continue


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
    while not failures and not _done(plan, finished, diaries):
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


def _done(plan: Plan, finished: set[str], diaries: Path) -> bool:
    """Whether the run may end: all was written and enough compared, or a snapshot was wrong."""
    enough = len(finished) >= plan.writers and _compared(diaries) >= plan.snapshots
    return enough or _violated(diaries)


def _compared(diaries: Path) -> int:
    return sum(path.read_text().count("\n") for path in diaries.glob("reader-*"))


def _violated(diaries: Path) -> bool:
    return any("!" in path.read_text() for path in diaries.glob("reader-*"))


def _start(job: Job, seed: int, mutant: str) -> int:
    """Forks a process that does `job`, and returns its id."""
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
