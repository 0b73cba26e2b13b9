"""Keeps deletions and patches until no put can arrive that is older than they are (docs/FORMAT.md
§5.4).
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.index.format.bundle import encode
from chalicelib.index.format.manifest import Manifest, ObjectRef, TombstonesRef
from chalicelib.index.format.tombstones import Tombstone, encode_tombstones, tombstones_path
from chalicelib.index.read.generation import Generation
from chalicelib.index.write.commit import put

_MANY = 32
"""Objects of deletions and patches from which they are joined."""


def kept_tombstones(generation: Generation, manifest: Manifest, now: float) -> list[TombstonesRef]:
    """Tombstones younger than the grace period; where they are many objects, those of about the
    same age are joined.
    """
    grace_s = generation.tools.grace_s
    young = [ref for ref in manifest.tombstones if now - ref.since <= grace_s]
    if len(young) < _MANY:
        return young
    ages: dict[int, list[TombstonesRef]] = {}
    for ref in young:
        ages.setdefault(int(ref.since // max(1.0, grace_s / _MANY * 2)), []).append(ref)
    kept: list[TombstonesRef] = []
    for refs in ages.values():
        if len(refs) == 1:
            kept += refs
        else:
            joined = generation.objects.tombstones(refs)
            kept += written_tombstones(generation, joined, max(ref.since for ref in refs))
    return kept


def written_tombstones(
    generation: Generation, tombstones: Sequence[Tombstone], since: float
) -> list[TombstonesRef]:
    """One object of them, on the store; none of none. `since`: when they were absorbed, seconds."""
    if not tombstones:
        return []
    data, sha256 = encode(
        "marks", {"count": len(tombstones)}, {"marks": encode_tombstones(tombstones)}
    )
    made = ObjectRef(generation.tools.new_id(), sha256, len(data))
    newest = max(tombstone.position for tombstone in tombstones)
    ref = TombstonesRef(made, len(tombstones), newest, since)
    put(generation, tombstones_path(ref), data)
    return [ref]
