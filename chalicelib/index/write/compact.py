"""Compaction: the log becomes segments, small segments become large ones (docs/FORMAT.md §7). Safe
to kill at any line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from chalicelib.index.format.build import joined
from chalicelib.index.format.bundle import encode
from chalicelib.index.format.manifest import Garbage, Manifest, ObjectRef, SegmentRef, TombstonesRef
from chalicelib.index.format.positions import Positions
from chalicelib.index.format.revision import encode_revision
from chalicelib.index.format.segment import encode_segment, keys_path, rows_path
from chalicelib.index.format.table import Range, RowIds, Table
from chalicelib.index.format.tombstones import Tombstone, encode_tombstones
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.snapshot_table import SegmentTable, TailTable
from chalicelib.index.read.tail import Tail, resolve

BATCH_OBJECTS = 1_024
"""Log objects absorbed in one commit: progress even for a compactor that is often killed."""

BATCH_BYTES = 128 * 1024 * 1024
"""The same in bytes: absorbing takes about four times as much memory, and a small function must
have it.
"""


MARKS_OBJECTS = 32
"""Objects of deletions and patches from which they are joined."""

MAX_ROWS = 262_144
"""Rows of a segment: a million are four graphs to ask, and one fits a small function's memory while
it is merged.
"""

GRAPH_ROWS = 32_768
"""Rows from which a segment gets a graph, and a category segments of its own (docs/adr/0013)."""


@dataclass(frozen=True, slots=True)
class Absorbed:
    """What one commit took from the log."""

    log_objects: int
    rows: int
    """Added."""
    dead: int
    """Older rows that died."""


def absorb(generation: Generation) -> Absorbed | None:
    """Turns the oldest part of the log into a segment. None: there was nothing to do.

    Raises VersionConflict (somebody else committed; nothing happened), OutcomeUnknown,
    StorageError.
    """
    log = [(stat.key.rpartition("/")[2], stat.size) for stat in generation.log()]
    old = generation.manifest()
    manifest = old.manifest
    absorbed = set(manifest.absorbed)
    _sweep(generation, [name for name, _ in log], absorbed)
    names = _oldest([(name, size) for name, size in log if name not in absorbed])
    if not names or manifest.successor is not None:
        return None
    with generation.overtaken(old):
        new, done = _absorbed(generation, manifest, names)
    listed = {name for name, _ in log}
    new = replace(
        new, absorbed=tuple(sorted({name for name in absorbed if name in listed} | set(names)))
    )
    generation.replace_manifest(old, with_garbage(manifest, new, generation.tools.clock()))
    _sweep(generation, [name for name, _ in log], set(new.absorbed))
    return done


def _absorbed(
    generation: Generation, manifest: Manifest, names: Sequence[str]
) -> tuple[Manifest, Absorbed]:
    """The manifest that has absorbed these log objects; all that it refers to is on the store."""
    batches = generation.batches(names, manifest)
    first = min(batch.position for batch in batches)
    kept = generation.tombstones([ref for ref in manifest.tombstones if first <= ref.newest])
    tail = resolve(batches, manifest.shape, kept=kept)
    parts = [
        SegmentTable(
            ref,
            generation.table(ref, manifest),
            partial(generation.revision, ref),
            tail,
        )
        for ref in manifest.segments
    ]
    segments = [_revised(generation, part) for part in parts]
    added = _added(generation, TailTable(tail, parts), tail, manifest)
    now = generation.tools.clock()
    tombstones = _kept_tombstones(generation, manifest, now) + _written_tombstones(
        generation, tail.tombstones, now
    )
    dead = sum(len(part.effect.dead) for part in parts if part.effect)
    done = Absorbed(len(names), sum(segment.rows for segment in added), dead)
    return manifest.next(segments=tuple(segments + added), tombstones=tuple(tombstones)), done


def _sweep(generation: Generation, log: Sequence[str], absorbed: set[str]) -> None:
    """Deletes absorbed log objects, but never the newest object of the log: the next append takes
    its place from it (docs/adr/0011).
    """
    for name in log[1:]:
        if name in absorbed:
            generation.tools.store.delete(f"{generation.folder}log/{name}")


def _oldest(log: Sequence[tuple[str, int]]) -> list[str]:
    names: list[str] = []
    total = 0
    for name, size in reversed(log):
        total += size
        if names and (len(names) == BATCH_OBJECTS or total > BATCH_BYTES):
            break
        names.append(name)
    return names


def _revised(generation: Generation, part: SegmentTable) -> SegmentRef:
    effect = part.effect
    if effect is None or (not len(effect.dead) and not effect.changed):
        return part.ref
    revision = generation.revision(part.ref).then(effect.dead, effect.changed)
    data, sha256 = encode_revision(revision)
    revision_id = generation.tools.new_id()
    generation.put(f"revisions/{revision_id}", data)
    return replace(
        part.ref,
        revision=ObjectRef(revision_id, sha256, len(data)),
        dead=len(revision.dead),
        changed=revision.rows_changed,
    )


def _added(
    generation: Generation, part: TailTable, tail: Tail, manifest: Manifest
) -> list[SegmentRef]:
    rows = part.live_rows()
    if not len(rows):
        return []
    if len(rows) == part.table.size and not part.table.changed:
        return write_segments(generation, part.table, tail.positions, manifest.fingerprint)
    table, places = joined([(part.table, rows)], manifest.shape)
    return write_segments(
        generation, table, tail.positions.take(rows[places]), manifest.fingerprint
    )


def write_segments(
    generation: Generation, table: Table, positions: Positions, fingerprint: str
) -> list[SegmentRef]:
    """Puts the rows on the store as one or more segments, which nobody sees before a manifest names
    them.
    """
    made = []
    for rows in cut(table.ranges):
        part, places = (
            (table, rows) if len(rows) == table.size else joined([(table, rows)], table.shape)
        )
        at = positions.take(rows[places]) if part is not table else positions
        ref, keys, body = encode_segment(
            part, at, segment_id=generation.tools.new_id(), fingerprint=fingerprint
        )
        generation.put(keys_path(ref.id), keys)
        generation.put(rows_path(ref.id), body)
        made.append(ref)
    return made


def cut(ranges: Sequence[Range]) -> list[RowIds]:
    """Which rows make one segment each: a large category has segments of its own, small ones share;
    none is over MAX_ROWS.
    """
    total = sum(part.stop - part.start for part in ranges)
    large = [part for part in ranges if total > GRAPH_ROWS and part.stop - part.start >= GRAPH_ROWS]
    small = [part for part in ranges if part not in large]
    groups = [[part] for part in large] + ([small] if small else [])
    pieces: list[RowIds] = []
    for group in groups:
        rows = np.concatenate([np.arange(part.start, part.stop) for part in group])
        pieces += np.array_split(rows, -(-len(rows) // MAX_ROWS))
    return pieces


def with_garbage(old: Manifest, new: Manifest, now: float) -> Manifest:
    """`new`, naming as garbage what only `old` refers to."""
    dropped = sorted(old.objects() - new.objects())
    return replace(new, garbage=old.garbage + tuple(Garbage(key, now) for key in dropped))


def _kept_tombstones(generation: Generation, manifest: Manifest, now: float) -> list[TombstonesRef]:
    """Tombstones younger than the grace period; where they are many objects, those of about the
    same age are joined.
    """
    grace_s = generation.tools.grace_s
    young = [ref for ref in manifest.tombstones if now - ref.since <= grace_s]
    if len(young) < MARKS_OBJECTS:
        return young
    ages: dict[int, list[TombstonesRef]] = {}
    for ref in young:
        ages.setdefault(int(ref.since // max(1.0, grace_s / MARKS_OBJECTS * 2)), []).append(ref)
    kept: list[TombstonesRef] = []
    for refs in ages.values():
        since = max(ref.since for ref in refs)
        kept += (
            refs
            if len(refs) == 1
            else _written_tombstones(generation, generation.tombstones(refs), since)
        )
    return kept


def _written_tombstones(
    generation: Generation, tombstones: Sequence[Tombstone], since: float
) -> list[TombstonesRef]:
    if not tombstones:
        return []
    tombstones_id = generation.tools.new_id()
    data, sha256 = encode(
        "marks", {"count": len(tombstones)}, {"marks": encode_tombstones(tombstones)}
    )
    generation.put(f"marks/{tombstones_id}", data)
    newest = max(tombstone.position for tombstone in tombstones)
    return [
        TombstonesRef(ObjectRef(tombstones_id, sha256, len(data)), len(tombstones), newest, since)
    ]
