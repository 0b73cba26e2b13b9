"""Garbage collection in two steps: name it in the manifest, and a grace period later delete it
(docs/FORMAT.md §8).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from chalicelib.errors import CollectionNotFound
from chalicelib.index.format.manifest import Garbage, Manifest, TombstonesRef
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.log import Listed
from chalicelib.index.write.commit import commit
from chalicelib.storage.object_store import Stat

_FOLDERS = ("segments/", "revisions/", "marks/")


@dataclass(frozen=True, slots=True)
class Collected:
    """What one collection did, or would do."""

    named: int
    """Objects found that nothing refers to; deleted after the grace period."""
    removed: int
    """Objects deleted."""
    bytes: int
    """Of the objects deleted."""


def collect(generation: Generation, *, dry_run: bool = False) -> Collected:
    """Deletes what was garbage for the grace period, and names new garbage. Raises VersionConflict
    (repeat), StorageError.
    """
    log = tuple(generation.log.objects())
    stats = present(generation)
    # after the listings: whatever was committed until now is known to be in use
    old = generation.manifest()
    manifest = old.manifest
    now = generation.tools.clock()
    orphans = sorted(_orphans(generation, stats, manifest, now))
    due = _due(generation, manifest, now)
    removed = [*map(stats.__getitem__, due & stats.keys()), *_tokens(generation, now)]
    found = Collected(len(orphans), len(removed), sum(stat.size for stat in removed))
    if dry_run:
        return found
    generation.tools.store.delete_many([stat.key for stat in removed])
    kept = _needed_tombstones(generation, Listed(log, manifest), now)
    if orphans or due or len(kept) < len(manifest.tombstones):
        # A compactor that wrote an orphan and has slept since loses its compare-and-swap against
        # this one; so it can never refer to it.
        named = _still_named(manifest, due) + tuple(Garbage(path, now) for path in orphans)
        commit(generation, old, manifest.next(garbage=named, tombstones=kept))
    return found


def _still_named(manifest: Manifest, due: Container[str]) -> tuple[Garbage, ...]:
    """Garbage that stays for the rest of its grace period."""
    return tuple(garbage for garbage in manifest.garbage if garbage.key not in due)


def _needed_tombstones(
    generation: Generation, listed: Listed, now: float
) -> tuple[TombstonesRef, ...]:
    """Those that are younger than the grace period or may decide over an object of the log.
    Absorbing leaves others behind too, but of a collection that nobody writes nothing is absorbed.
    """
    oldest = min((found.position for found in listed.waiting), default=None)
    return tuple(
        ref
        for ref in listed.manifest.tombstones
        if now - ref.since <= generation.tools.grace_s
        or (oldest is not None and oldest <= ref.newest)
    )


def present(generation: Generation) -> dict[str, Stat]:
    """All immutable objects on the store, by their path within the generation's folder."""
    found: dict[str, Stat] = {}
    for folder in _FOLDERS:
        for stat in generation.tools.store.list(generation.folder + folder):
            found[stat.key.removeprefix(generation.folder)] = stat
    return found


def _orphans(
    generation: Generation, present: Mapping[str, Stat], manifest: Manifest, now: float
) -> set[str]:
    """Paths of objects that nothing refers to or names as garbage, and that no compactor may still
    be about to refer to.
    """
    old = {path for path, stat in present.items() if now - stat.modified > generation.tools.grace_s}
    return old - manifest.objects() - {garbage.key for garbage in manifest.garbage}


def _due(generation: Generation, manifest: Manifest, now: float) -> set[str]:
    """Paths of what was garbage for the grace period."""
    grace_s = generation.tools.grace_s
    old = {garbage.key for garbage in manifest.garbage if now - garbage.since > grace_s}
    return old - manifest.objects()


def _tokens(generation: Generation, now: float) -> list[Stat]:
    """Tokens that no retry can bring any more."""
    stats = generation.tools.store.list(generation.folder + "tokens/")
    return [stat for stat in stats if now - stat.modified > generation.tools.grace_s]


def abandoned(generation: Generation, *, unfinished_s: float) -> list[Stat]:
    """All objects of a generation that is not the current one, if nobody needs them: it was
    replaced a grace period ago, or begun and not touched for `unfinished_s` seconds. Else nothing.
    """
    stats = generation.objects.stats()
    patience_s = generation.tools.grace_s
    try:
        if generation.manifest().manifest.successor is None:
            patience_s = max(patience_s, unfinished_s)
    except CollectionNotFound:
        pass  # the manifest goes last, so this is what a removal left behind
    youngest = max((stat.modified for stat in stats), default=0.0)
    return stats if generation.tools.clock() - youngest > patience_s else []


def delete_all(generation: Generation, stats: Iterable[Stat]) -> int:
    """Deletes `stats`, the manifest last: what a removal that broke off left behind can still be
    told from a generation. Returns how many.
    """
    keys = {stat.key for stat in stats}
    generation.tools.store.delete_many(sorted(keys - {generation.manifest_key}))
    generation.tools.store.delete_many(sorted(keys & {generation.manifest_key}))
    return len(keys)
