"""Keeps collections in shape: compact, collect garbage, scrub. Each is safe to kill at any line and
to run many times at once.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from chalicelib.errors import CollectionNotFound, CorruptObject, VersionConflict
from chalicelib.index.read.generation import Generation
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import abandoned, delete_all
from chalicelib.index.write.collect import collect as collect_generation
from chalicelib.index.write.graphs import grow, lacking, prune
from chalicelib.index.write.merge import due, merge
from chalicelib.index.write.scrub import Problem
from chalicelib.index.write.scrub import scrub as scrub_generation
from chalicelib.storage.attempts import CONTENDED, attempts
from chalicelib.usecases.deployment import Deployment

_T = TypeVar("_T")

"""Lost compare-and-swaps after which the work is left to whoever keeps winning them."""

OLD_LOG_S = 300
"""Age of a log object from which a short log is compacted too."""

UNFINISHED_S = 7 * 86_400
"""Time after which a rebuild that nobody works on is given up."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """The state of one collection after compaction, and what was done."""

    collection: str
    log_objects: int
    """Left in the log."""
    oldest_log_s: float
    """Age of the oldest of them; 0 where there is none."""
    segments: int
    rows: int
    bytes: int
    absorbed: int = 0
    """Log objects that became segments."""
    merged: int = 0
    """Segments that were merged."""
    graphs: int = 0
    """Graphs that were built."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What garbage collection did to one collection, or would do."""

    collection: str
    named: int
    """Objects found that nothing refers to; they go after the grace period."""
    removed: int
    """Objects deleted."""
    bytes: int
    """Of those."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What was found when everything of one collection was read and checked."""

    collection: str
    objects: int
    """Read."""
    rows: int
    """Live."""
    bytes: int
    """Read."""
    problems: tuple[Problem, ...]
    repairable: int
    """Of the problems, damaged graphs: they can be built anew from the rows."""
    repaired: int = 0
    """Of these, how many are dealt with."""


def compact(
    deployment: Deployment,
    name: str,
    *,
    everything: bool = False,
    dry_run: bool = False,
    until: float = math.inf,
) -> Compacted:
    """Empties the log of collection `name` into segments, merges what is due and builds graphs;
    `everything`: as few segments as possible.

    A dry run counts what is due now; what the log becomes may join in. No merge or graph is begun
    after the time `until`, seconds: the next run goes on. Raises CollectionNotFound, StorageError.
    """
    generation = _current(deployment, name)
    if dry_run:
        state = look(deployment, name)
        merged = len(due(generation.manifest().manifest.segments, everything=everything))
        return replace(
            state, absorbed=state.log_objects, merged=merged, graphs=len(lacking(generation))
        )
    taken = merges = graphs = 0
    while (done := _steady(lambda: absorb(generation))) is not None:
        taken += done.log_objects
    while deployment.clock() < until and (step := _steady(lambda: merge(generation))) is not None:
        merges += step.segments
    if everything and (step := _steady(lambda: merge(generation, everything=True))) is not None:
        merges += step.segments
    while deployment.clock() < until and _steady(lambda: grow(generation)) is not None:
        graphs += 1
    return replace(look(deployment, name), absorbed=taken, merged=merges, graphs=graphs)


def compact_all(deployment: Deployment, *, until: float = math.inf) -> list[Compacted]:
    """Compacts every collection whose log is long or old, and goes on with merges and graphs that
    an earlier run had no time for.

    Tries all of them, then raises the first error. No merge or graph is begun after the time
    `until`, seconds.
    """

    def one(name: str) -> Compacted:
        state = look(deployment, name)
        long = state.log_objects >= deployment.settings.compact_log_objects
        wanted = long or state.oldest_log_s >= OLD_LOG_S or _unfinished(_current(deployment, name))
        return compact(deployment, name, until=until) if wanted else state

    return _each(deployment, one)


def _unfinished(generation: Generation) -> bool:
    return bool(due(generation.manifest().manifest.segments) or lacking(generation))


def look(deployment: Deployment, name: str) -> Compacted:
    """The state of collection `name`; reads its listing and its manifest. Raises
    CollectionNotFound, StorageError.
    """
    generation = _current(deployment, name)
    waiting = generation.waiting()
    manifest = generation.known().manifest
    oldest_s = max((deployment.clock() - appended for appended in waiting), default=0.0)
    size = sum(segment.size for segment in manifest.segments)
    return Compacted(
        name, len(waiting), max(0.0, oldest_s), len(manifest.segments), manifest.rows, size
    )


def collect(deployment: Deployment, name: str, *, dry_run: bool = False) -> Collected:
    """Collects the garbage of collection `name`. Raises CollectionNotFound, StorageError."""
    generation = _current(deployment, name)
    done = _steady(lambda: collect_generation(generation, dry_run=dry_run))
    if done is None:
        return Collected(name, 0, 0, 0)
    return Collected(name, done.named, done.removed, done.bytes)


def collect_all(deployment: Deployment, *, dry_run: bool = False) -> list[Collected]:
    """Collects the garbage of every collection, and generations that nobody serves. Tries all, then
    raises the first error.
    """
    failure: Exception | None = None
    found: list[Collected] = []
    try:
        found = _each(deployment, lambda name: collect(deployment, name, dry_run=dry_run))
    except Exception as error:  # noqa: BLE001  # raised below
        failure = error
    for generation in deployment.catalog.unreachable():
        stats = abandoned(generation, unfinished_s=UNFINISHED_S)
        if stats:
            size = sum(stat.size for stat in stats)
            removed = len(stats) if dry_run else delete_all(generation, stats)
            found.append(Collected(generation.name, 0, removed, size))
    if failure is not None:
        raise failure
    return found


def scrub(deployment: Deployment, name: str, *, repair: bool = False) -> Scrubbed:
    """Verifies everything of collection `name`; writes nothing, unless `repair`: then damaged
    graphs are built anew. Records cannot be.

    Raises CollectionNotFound, StorageError.
    """
    generation = _current(deployment, name)
    found = scrub_generation(generation)
    done = Scrubbed(
        name, found.objects, found.rows, found.bytes, found.problems, len(found.bad_graphs)
    )
    if not repair or not found.bad_graphs:
        return done
    _steady(lambda: prune(generation, set(found.bad_graphs)))
    with contextlib.suppress(CorruptObject):  # damaged rows, and these are among the problems
        while _steady(lambda: grow(generation)) is not None:
            continue
    left = {
        ref.graph.id for ref in generation.manifest().manifest.segments if ref.graph is not None
    }
    return replace(done, repaired=len(found.bad_graphs - left))


def _current(deployment: Deployment, name: str) -> Generation:
    return deployment.catalog.open(name).current()


def _steady(step: Callable[[], _T | None]) -> _T | None:
    """What `step` did; a lost compare-and-swap is tried again. None too where others won every
    time: they did the work.
    """
    for _ in attempts(CONTENDED):
        try:
            return step()
        except VersionConflict:
            continue
    return None


def _each(deployment: Deployment, one: Callable[[str], _T]) -> list[_T]:
    """What `one` answers of every collection; all are tried, then the first StorageError is
    raised.
    """
    found: list[_T] = []
    failure: Exception | None = None
    for name in deployment.catalog.names():
        try:
            found.append(one(name))
        except CollectionNotFound:
            continue  # dropped meanwhile
        except Exception as error:  # noqa: BLE001  # raised below: one collection must not cost the others
            failure = failure or error
    if failure is not None:
        raise failure
    return found
