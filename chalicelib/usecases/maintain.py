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
from chalicelib.index.read.log import Listed
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import abandoned, delete_all
from chalicelib.index.write.collect import collect as collect_generation
from chalicelib.index.write.erase import drop_head, orphans, remnants
from chalicelib.index.write.graphs import grow, lacking, prune
from chalicelib.index.write.merge import due, merge
from chalicelib.index.write.scrub import Problem
from chalicelib.index.write.scrub import scrub as scrub_generation
from chalicelib.storage.attempts import CONTENDED, attempts
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.erasure import overdue, promise_s, rewrite_before

_T = TypeVar("_T")

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
    overdue: int = 0
    """Objects that hold records for longer after their deletion than was promised."""


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What garbage collection did to one collection, or would do."""

    collection: str
    named: int
    """Objects found that nothing refers to; they go after the grace period."""
    removed: int
    """Objects deleted."""
    bytes: int
    """Of those."""


@dataclass(frozen=True, slots=True)
class ScrubReport:
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
    before = rewrite_before(deployment)
    if dry_run:
        state = look(deployment, name)
        segments = generation.known().manifest.segments
        merged = len(due(segments, everything=everything, stale_before=before))
        return replace(
            state,
            absorbed=state.log_objects,
            merged=merged,
            graphs=len(lacking(generation.known().manifest)),
        )
    taken = merges = graphs = 0
    while (done := steady(lambda: absorb(generation))) is not None:
        taken += done.log_objects
    while (
        deployment.clock() < until
        and (step := steady(lambda: merge(generation, stale_before=before))) is not None
    ):
        merges += step.segments
    if everything and (step := steady(lambda: merge(generation, everything=True))) is not None:
        merges += step.segments
    while deployment.clock() < until and steady(lambda: grow(generation)) is not None:
        graphs += 1
    return replace(look(deployment, name), absorbed=taken, merged=merges, graphs=graphs)


def compact_all(deployment: Deployment, *, until: float = math.inf) -> list[Compacted]:
    """Compacts every collection whose log is long or old, and goes on with merges and graphs that
    an earlier run had no time for.

    Tries all of them, then raises the first error. No merge or graph is begun after the time
    `until`, seconds.
    """

    def one(name: str) -> Compacted:
        generation = _current(deployment, name)
        listed = generation.listed()
        before = rewrite_before(deployment)
        drop_head(generation, listed, before=before)
        state = _state(deployment, name, listed)
        long = state.log_objects >= deployment.settings.compact_log_objects
        wanted = long or state.oldest_log_s >= OLD_LOG_S or _unfinished(listed, before)
        return compact(deployment, name, until=until) if wanted else state

    found, failure = _tried(deployment.catalog.names(), one)
    if failure is not None:
        raise failure
    return found


def _unfinished(listed: Listed, stale_before: float) -> bool:
    """Whether a run that was killed, or had no time, left something to do, or something of deleted
    records must go.
    """
    segments = listed.manifest.segments
    unswept = any(found is not listed.log[0] for found in listed.absorbed)
    return unswept or bool(due(segments, stale_before=stale_before) or lacking(listed.manifest))


def look(deployment: Deployment, name: str) -> Compacted:
    """The state of collection `name`; reads its listing and its manifest. Raises
    CollectionNotFound, StorageError.
    """
    return _state(deployment, name, _current(deployment, name).listed())


def _state(deployment: Deployment, name: str, listed: Listed) -> Compacted:
    """What a listing and a manifest say of the collection."""
    now, manifest, waiting = deployment.clock(), listed.manifest, listed.waiting
    return Compacted(
        collection=name,
        log_objects=len(waiting),
        oldest_log_s=max([0.0, *(now - found.position.seconds for found in waiting)]),
        segments=len(manifest.segments),
        rows=manifest.rows,
        bytes=sum(segment.size for segment in manifest.segments),
        overdue=len(overdue(deployment, remnants(listed))),
    )


def collect(deployment: Deployment, name: str, *, dry_run: bool = False) -> GarbageReport:
    """Collects the garbage of collection `name`. Raises CollectionNotFound, StorageError."""
    generation = _current(deployment, name)
    done = steady(lambda: collect_generation(generation, dry_run=dry_run))
    if done is None:
        return GarbageReport(name, 0, 0, 0)
    return GarbageReport(name, done.named, done.removed, done.bytes)


def collect_all(deployment: Deployment, *, dry_run: bool = False) -> list[GarbageReport]:
    """Collects the garbage of every collection, and generations that nobody serves. Tries all, then
    raises the first error.
    """
    catalog = deployment.catalog
    found, failure = _tried(
        catalog.names(), lambda name: collect(deployment, name, dry_run=dry_run)
    )
    abandoned, other = _tried(
        catalog.folders(), lambda name: _collect_abandoned(deployment, name, dry_run=dry_run)
    )
    if failure is not None or other is not None:
        raise failure or other  # type: ignore[misc]  # one of them is there
    return found + [one for several in abandoned for one in several]


def _collect_abandoned(deployment: Deployment, name: str, *, dry_run: bool) -> list[GarbageReport]:
    """Removes the generations under that name that nobody serves or builds any more."""
    patience_s = min(UNFINISHED_S, promise_s(deployment) / 2)
    found = []
    for generation in deployment.catalog.unreachable(name):
        stats = abandoned(generation, unfinished_s=patience_s)
        if stats:
            size = sum(stat.size for stat in stats)
            removed = len(stats) if dry_run else delete_all(generation, stats)
            found.append(GarbageReport(generation.name, 0, removed, size))
    return found


def scrub(deployment: Deployment, name: str, *, repair: bool = False) -> ScrubReport:
    """Verifies everything of collection `name`; writes nothing, unless `repair`: then damaged
    graphs are built anew. Records cannot be.

    Raises CollectionNotFound, StorageError.
    """
    generation = _current(deployment, name)
    found = scrub_generation(generation)
    problems = (*found.problems, *_overdue_problems(deployment, generation))
    rows = found.rows
    with contextlib.suppress(CorruptObject):  # among the problems then
        rows = len(deployment.catalog.open(name).snapshot())  # those in the log are live, too
    done = ScrubReport(name, found.objects, rows, found.bytes, problems, len(found.bad_graphs))
    if not repair or not found.bad_graphs:
        return done
    steady(lambda: prune(generation, set(found.bad_graphs)))
    with contextlib.suppress(CorruptObject):  # damaged rows, and these are among the problems
        while steady(lambda: grow(generation)) is not None:
            continue
    left = {
        ref.graph.id for ref in generation.manifest().manifest.segments if ref.graph is not None
    }
    return replace(done, repaired=len(found.bad_graphs - left))


def _overdue_problems(deployment: Deployment, generation: Generation) -> list[Problem]:
    """What is still there of records that were deleted longer ago than was promised."""
    listed, now = generation.listed(), deployment.clock()
    held = [*remnants(listed), *orphans(generation)]
    problems = [
        Problem(
            generation.folder + remnant.path,
            f"it holds what was deleted or replaced {(now - remnant.since) / 86_400:.1f} days ago;"
            " run `lookalike compact` and `lookalike gc`",
        )
        for remnant in overdue(deployment, held)
    ]
    for other in deployment.catalog.unreachable(generation.name):
        youngest = max((stat.modified for stat in other.objects.stats()), default=now)
        if now - youngest > promise_s(deployment):
            problems.append(Problem(other.folder, "nobody serves it any more; run `lookalike gc`"))
    return problems


def _current(deployment: Deployment, name: str) -> Generation:
    return deployment.catalog.open(name).current()


def steady(step: Callable[[], _T | None]) -> _T | None:
    """What `step` did; a lost compare-and-swap is tried again. None too where others won every
    time: they did the work.
    """
    for _ in attempts(CONTENDED):
        try:
            return step()
        except VersionConflict:
            continue
    return None


def _tried(names: list[str], one: Callable[[str], _T]) -> tuple[list[_T], Exception | None]:
    """What `one` answers of every collection, and the first error: one collection must not cost the
    others.
    """
    found: list[_T] = []
    failure: Exception | None = None
    for name in names:
        try:
            found.append(one(name))
        except CollectionNotFound:
            continue  # dropped meanwhile
        except Exception as error:  # noqa: BLE001  # the caller raises it when all were tried
            failure = failure or error
    return found, failure
