"""Absorbing: the log becomes segments (docs/FORMAT.md §7.1). Safe to kill at any line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.index.format.join import joined
from chalicelib.index.format.manifest import Manifest, ObjectRef, SegmentRef
from chalicelib.index.format.revision import encode_revision, revision_path
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.log import LogObject
from chalicelib.index.read.resolve import resolve
from chalicelib.index.read.snapshot_table import SegmentTable, TailTable
from chalicelib.index.read.tail import Tail
from chalicelib.index.write.commit import commit, put
from chalicelib.index.write.segments import write_segments
from chalicelib.index.write.tombstones import kept_tombstones, written_tombstones

BATCH_OBJECTS = 1_024
"""Log objects absorbed in one commit: progress even for a compactor that is often killed."""

BATCH_BYTES = 128 * 1024 * 1024
"""The same in bytes: absorbing takes about four times as much memory, and a small function must
have it.
"""


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
    log = list(generation.log.objects())
    old = generation.manifest()
    manifest = old.manifest
    absorbed = set(manifest.absorbed)
    _sweep(generation, log, absorbed)
    names = _oldest([found for found in log if found.name not in absorbed])
    if not names or manifest.successor is not None:
        return None
    with generation.overtaken(old):
        new, done = _absorbed(generation, manifest, names)
    listed = {found.name for found in log}
    new = replace(new, absorbed=tuple(sorted((absorbed & listed) | set(names))))
    commit(generation, old, new)
    _sweep(generation, log, set(new.absorbed))
    return done


def _absorbed(
    generation: Generation, manifest: Manifest, names: Sequence[str]
) -> tuple[Manifest, Absorbed]:
    """The manifest that has absorbed these log objects; all that it refers to is on the store."""
    objects = generation.objects
    batches = generation.log.batches(names, manifest)
    first = min(batch.position for batch in batches)
    kept = objects.tombstones([ref for ref in manifest.tombstones if first <= ref.newest])
    tail = resolve(batches, manifest.shape, kept=kept)
    tables = [objects.segment(ref, manifest, tail, graph=False) for ref in manifest.segments]
    now = generation.tools.clock()
    segments = [_revised(generation, table, min(first.seconds, now)) for table in tables]
    added = _added(generation, TailTable(tail, tables), tail, manifest)
    tombstones = kept_tombstones(generation, manifest, now) + written_tombstones(
        generation, tail.tombstones, now
    )
    dead = sum(len(table.effect.dead) for table in tables if table.effect)
    done = Absorbed(len(names), sum(segment.rows for segment in added), dead)
    return manifest.next(segments=tuple(segments + added), tombstones=tuple(tombstones)), done


def _sweep(generation: Generation, log: Sequence[LogObject], absorbed: set[str]) -> None:
    """Deletes absorbed log objects, but never the newest object of the log: the next append takes
    its place from it (docs/adr/0011).
    """
    names = [found.name for found in log[1:] if found.name in absorbed]
    generation.tools.store.delete_many([f"{generation.folder}log/{name}" for name in names])


def _oldest(log: Sequence[LogObject]) -> list[str]:
    """Names of the oldest of `log` (newest first) that one commit may take, the oldest first."""
    names: list[str] = []
    total = 0
    for found in reversed(log):
        total += found.size
        if names and (len(names) == BATCH_OBJECTS or total > BATCH_BYTES):
            break
        names.append(found.name)
    return names


def _revised(generation: Generation, table: SegmentTable, since: float) -> SegmentRef:
    """How the manifest names the segment after the log, which began at `since` (seconds), did its
    work on it; a new revision is on the store by then.
    """
    effect = table.effect
    if effect is None or (not len(effect.dead) and not effect.changed):
        return table.ref
    revision = generation.objects.revision(table.ref).then(effect.dead, effect.changed)
    data, sha256 = encode_revision(revision)
    revision_id = generation.tools.new_id()
    put(generation, revision_path(revision_id), data)
    known = table.ref.revision is None or table.ref.stale_since is not None
    return replace(
        table.ref,
        revision=ObjectRef(revision_id, sha256, len(data)),
        dead=len(revision.dead),
        changed=revision.rows_changed,
        stale_since=min(table.ref.stale_since or since, since) if known else None,
    )


def _added(
    generation: Generation, added: TailTable, tail: Tail, manifest: Manifest
) -> list[SegmentRef]:
    """Segments of the rows that the log adds, on the store."""
    table, positions = added.table, tail.positions
    rows = added.live_rows()
    if not len(rows):
        return []
    if len(rows) < table.size or table.changed:
        table, places = joined([(table, rows)], manifest.shape)
        positions = positions.take(rows[places])
    return write_segments(generation, table, positions, manifest.fingerprint)
