"""What is deleted leaves the store: what a generation still holds of records that are gone, since
when, and the steps that let it go (docs/FORMAT.md §8.1, docs/adr/0019).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chalicelib.index.format.digests import product_digests
from chalicelib.index.format.manifest import Manifest, SegmentRef
from chalicelib.index.format.tombstones import tombstones_path
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.log import Listed
from chalicelib.index.read.reader import reader_of
from chalicelib.index.write.collect import present
from chalicelib.index.write.commit import commit


@dataclass(frozen=True, slots=True)
class Remnant:
    """An object that may hold something of a record that was deleted, replaced or changed."""

    path: str
    """Within the generation's folder."""
    since: float
    """When that happened, seconds, or earlier; 0 where it is not known."""


def remnants(listed: Listed) -> list[Remnant]:
    """All that the log, the manifest and its list of garbage tell of, the oldest first."""
    manifest = listed.manifest
    found = [
        *_in_segments(manifest),
        *(Remnant(tombstones_path(ref), ref.since) for ref in manifest.tombstones),
        *(Remnant(garbage.key, garbage.since) for garbage in manifest.garbage),
        *(Remnant(one.path, one.position.seconds) for one in listed.absorbed),
    ]
    return sorted(found, key=lambda remnant: (remnant.since, remnant.path))


def orphans(generation: Generation) -> list[Remnant]:
    """Objects that nothing refers to: a compactor that died wrote them. Costs a listing of
    everything. Raises CollectionNotFound, StorageError.
    """
    stats = present(generation)
    manifest = generation.manifest().manifest
    known = manifest.objects() | {garbage.key for garbage in manifest.garbage}
    return [Remnant(path, stat.modified) for path, stat in stats.items() if path not in known]


def drop_head(generation: Generation, listed: Listed, *, before: float) -> bool:
    """Deletes the newest log object, which stays for its position, once it is absorbed and older
    than `before` (seconds): from then on the manifest says which position is the newest. Raises
    StoreUnavailable.
    """
    head = next(iter(listed.log), None)
    if head is None or head not in listed.absorbed or head.position.seconds >= before:
        return False
    generation.tools.store.delete(generation.folder + head.path)
    return True


def holding(generation: Generation, product_id: str, pic_name: str | None) -> list[SegmentRef]:
    """Segments in which dead or changed rows are of that product (and picture). Reads
    product digests of segments with a revision. Raises CollectionNotFound, StorageError.
    """
    manifest = generation.manifest().manifest
    product = product_digests([product_id])[0]
    found = []
    for ref in manifest.segments:
        if ref.revision is None:
            continue
        table, revision = generation.objects.table(ref, manifest), generation.objects.revision(ref)
        changed = [override.rows for override in revision.changed.values()]
        rows = np.unique(np.concatenate([revision.dead, *changed]))
        rows = rows[table.rows["products"][rows] == product]
        keys = [row.key for row in reader_of(table).rows(rows.tolist())]
        if any(key.product_id == product_id and pic_name in (None, key.pic_name) for key in keys):
            found.append(ref)
    return found


def forget_garbage(generation: Generation) -> int:
    """Deletes what the manifest names as garbage, without waiting for the grace period, and forgets
    it; how many objects. Raises VersionConflict (repeat), StorageError.
    """
    old = generation.manifest()
    garbage = {one.key for one in old.manifest.garbage} - old.manifest.objects()
    generation.tools.store.delete_many([generation.folder + path for path in sorted(garbage)])
    if garbage:
        commit(generation, old, old.manifest.next(garbage=()))
    return len(garbage)


def _in_segments(manifest: Manifest) -> Iterator[Remnant]:
    for ref in manifest.segments:
        if ref.revision is not None:
            yield Remnant(ref.body_path, ref.stale_since or 0.0)
