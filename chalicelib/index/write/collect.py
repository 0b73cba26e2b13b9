"""Garbage collection in two steps: name it in the manifest, and a grace period later delete it
(docs/FORMAT.md §8).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.errors import CollectionNotFound
from chalicelib.index.format.manifest import Garbage
from chalicelib.index.read.generation import Generation
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
    tools = generation.tools
    present = {
        stat.key.removeprefix(generation.folder): stat
        for folder in _FOLDERS
        for stat in tools.store.list(generation.folder + folder)
    }
    old = (
        generation.manifest()
    )  # after the listing: whatever was committed until now is known to be in use
    manifest = old.manifest
    now = tools.clock()
    used = manifest.objects()
    named = {garbage.key for garbage in manifest.garbage}
    due = [
        garbage
        for garbage in manifest.garbage
        if now - garbage.since > tools.grace_s and garbage.key not in used
    ]
    orphans = [
        key
        for key, stat in present.items()
        if key not in used and key not in named and now - stat.modified > tools.grace_s
    ]
    removed = [present[garbage.key] for garbage in due if garbage.key in present]
    tokens = [
        stat
        for stat in tools.store.list(generation.folder + "tokens/")
        if now - stat.modified > tools.grace_s
    ]
    found = Collected(
        len(orphans), len(removed) + len(tokens), sum(stat.size for stat in [*removed, *tokens])
    )
    if dry_run:
        return found
    for stat in [*removed, *tokens]:
        tools.store.delete(stat.key)
    gone = {garbage.key for garbage in due}
    if orphans or gone:
        # A compactor that wrote an orphan and has slept since loses its compare-and-swap against
        # this one; so it can never refer to it.
        left = tuple(garbage for garbage in manifest.garbage if garbage.key not in gone)
        new = manifest.next(garbage=left + tuple(Garbage(key, now) for key in sorted(orphans)))
        generation.replace_manifest(old, new)
    return found


def abandoned(generation: Generation, *, unfinished_s: float) -> list[Stat]:
    """All objects of a generation that is not the current one, if nobody needs them: it was
    replaced a grace period ago, or begun and not touched for `unfinished_s` seconds. Else nothing.
    """
    stats = list(generation.tools.store.list(generation.folder))
    patience_s = generation.tools.grace_s
    try:
        if generation.manifest().manifest.successor is None:
            patience_s = max(patience_s, unfinished_s)
    except CollectionNotFound:
        pass  # the manifest goes last, so this is what a removal left behind
    youngest = max((stat.modified for stat in stats), default=0.0)
    return stats if generation.tools.clock() - youngest > patience_s else []


def delete_all(generation: Generation, stats: Iterable[Stat]) -> int:
    """Deletes `stats`, the manifest last. Returns how many."""
    ordered = sorted(stats, key=lambda stat: stat.key == generation.folder + "manifest.json")
    for stat in ordered:
        generation.tools.store.delete(stat.key)
    return len(ordered)
