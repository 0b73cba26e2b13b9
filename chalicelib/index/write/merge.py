"""Merging: segments of one size become one of the next size, and rows that died or changed are left
behind (docs/FORMAT.md §7.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from chalicelib.index.format.join import joined
from chalicelib.index.format.manifest import Manifest, SegmentRef
from chalicelib.index.format.positions import Positions
from chalicelib.index.format.segment import positions_of
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.read.generation import Generation, Versioned
from chalicelib.index.write.commit import commit
from chalicelib.index.write.segments import GRAPH_ROWS, MAX_ROWS, write_segments

FAN_IN = 4
"""Segments of a tier that are merged: each row is rewritten about log₄(rows / 1,024) times, and at
most 3 segments of a tier stay.
"""

SMALLEST_TIER = 1_024
DIRTY = 0.25
"""Share of dead or changed rows from which a segment is rewritten."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What one commit merged."""

    segments: int
    """Taken."""
    rows: int
    """Written."""


def merge(
    generation: Generation, *, everything: bool = False, stale_before: float | None = None
) -> Merged | None:
    """Merges the group that needs it most; with `everything`, all segments. `stale_before`: see
    `due`. None: there was nothing to do.

    Raises VersionConflict (somebody else committed; nothing happened), StorageError.
    """
    old = generation.manifest()
    chosen = due(old.manifest.segments, everything=everything, stale_before=stale_before)
    return _replaced(generation, old, chosen) if chosen else None


def rewrite(generation: Generation, segment_id: str) -> Merged | None:
    """Rewrites one segment without what is dead or changed in it. None: it is not there any more.
    Raises VersionConflict (somebody else committed; nothing happened), StorageError.
    """
    old = generation.manifest()
    chosen = [ref for ref in old.manifest.segments if ref.id == segment_id]
    return _replaced(generation, old, chosen) if chosen else None


def _replaced(
    generation: Generation, old: Versioned, chosen: Sequence[SegmentRef]
) -> Merged | None:
    """Commits new segments in the place of `chosen`. None: another generation took this one's
    place.
    """
    manifest = old.manifest
    if manifest.successor is not None:
        return None
    with generation.overtaken(old):
        added, rows = _rewritten(generation, chosen, manifest)
    rest = tuple(ref for ref in manifest.segments if ref not in chosen)
    commit(generation, old, manifest.next(segments=rest + tuple(added)))
    return Merged(len(chosen), rows)


def _rewritten(
    generation: Generation, chosen: Sequence[SegmentRef], manifest: Manifest
) -> tuple[list[SegmentRef], int]:
    """New segments of the live rows of `chosen`, on the store, and how many rows these are."""
    taken: list[tuple[Table, RowIds]] = []
    times, ties = [], []
    for ref in chosen:
        revision = generation.objects.revision(ref)
        table = generation.objects.table(ref, manifest)
        rows = np.setdiff1d(np.arange(ref.rows), revision.dead)
        taken.append((replace(table, changed=revision.changed), rows))
        positions = positions_of(table.keys, rows)
        times.append(positions.time)
        ties.append(positions.tie)
    table, places = joined(taken, manifest.shape)
    if not table.size:
        return [], 0
    positions = Positions(np.concatenate(times), np.concatenate(ties)).take(places)
    return write_segments(generation, table, positions, manifest.fingerprint), table.size


def due(
    segments: Sequence[SegmentRef], *, everything: bool = False, stale_before: float | None = None
) -> list[SegmentRef]:
    """The segments to merge next: dirty ones first, then one alone whose first dead or changed row
    is older than `stale_before` (seconds) or of unknown age, else the smallest tier that is full;
    large categories merge among themselves. With `everything`, all of them, unless that would
    change nothing.
    """
    if everything:
        return list(segments) if len(segments) > 1 or any(ref.revision for ref in segments) else []
    dirty = [ref for ref in segments if ref.dead + ref.changed > DIRTY * ref.rows]
    if dirty:
        return _within_limit(sorted(dirty, key=lambda ref: (ref.live, ref.id)))
    if stale_before is not None and (old := stale(segments, stale_before)):
        return old[:1]
    return _within_limit(sorted(_full_tier(segments), key=lambda ref: (ref.newest, ref.id)))


def stale(segments: Sequence[SegmentRef], before: float) -> list[SegmentRef]:
    """Segments in which a row died or changed before that time, seconds, or it is not known when;
    the longest stale first.
    """
    old = [
        ref for ref in segments if ref.revision is not None and (ref.stale_since or 0.0) < before
    ]
    return sorted(old, key=lambda ref: (ref.stale_since or 0.0, ref.id))


def _full_tier(segments: Sequence[SegmentRef]) -> list[SegmentRef]:
    """The segments of the smallest tier that is full; none, if no tier is."""
    tiers: dict[tuple[int, int], list[SegmentRef]] = {}
    for ref in segments:
        if ref.live < MAX_ROWS // 2:
            tiers.setdefault((_tier(ref.live), _own_category(ref)), []).append(ref)
    full = [key for key, refs in tiers.items() if len(refs) >= FAN_IN]
    return tiers[min(full)] if full else []


def _tier(rows: int) -> int:
    tier = 0
    while rows >= SMALLEST_TIER * FAN_IN**tier:
        tier += 1
    return tier


def _own_category(ref: SegmentRef) -> int:
    """The category that has this segment to itself, or -1."""
    return ref.categories[0][0] if len(ref.categories) == 1 and ref.rows >= GRAPH_ROWS else -1


def _within_limit(segments: Sequence[SegmentRef]) -> list[SegmentRef]:
    """The first of `segments` that fit one merge's memory: two at least of those merged for their
    size, since each is below half of it.
    """
    chosen: list[SegmentRef] = []
    rows = 0
    for ref in segments:
        rows += ref.live
        if chosen and rows > MAX_ROWS:
            break
        chosen.append(ref)
    return chosen
