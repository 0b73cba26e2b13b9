"""One append: what a log object holds (docs/FORMAT.md §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chalicelib.attributes import Attributes
from chalicelib.errors import CorruptObject
from chalicelib.index.format.build import table_of
from chalicelib.index.format.bundle import Bundle, Memory, encode
from chalicelib.index.format.positions import Position
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put, Record
from chalicelib.index.format.table import Range, Shape, Table
from chalicelib.index.format.tombstones import (
    Tombstone,
    decode_tombstones,
    encode_tombstones,
    patched,
)

KEY_ARRAYS = ("high", "low")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Changes with one position; at most one per key."""

    position: Position
    table: Table
    tombstones: tuple[Tombstone, ...]


def encode_batch(
    changes: Sequence[Change], position: Position, *, shape: Shape, fingerprint: str
) -> bytes:
    """The log object of `changes`, which happen one after the other and become visible together.

    Raises ValueError for a record that does not fit the collection or is not Unicode.
    """
    records, deleted, patches = _net(changes)
    table = table_of(list(records.values()), shape)
    tombstones = [Tombstone(key, position, None) for key in deleted] + [
        Tombstone(key, position, change) for key, change in patches.items()
    ]
    meta = {
        "size": table.size,
        "ranges": table.ranges,
        "dimension": shape.dimension,
        "bits": shape.bits,
        "fingerprint": fingerprint,
    }
    data, _ = encode(
        "batch", meta, {**table.keys, **table.rows, "marks": encode_tombstones(tombstones)}
    )
    return data


def decode_batch(key: str, data: memoryview, *, shape: Shape, fingerprint: str) -> Batch:
    """The batch of the log object `key`. Verifies all of it. Raises CorruptObject, FormatTooNew."""
    bundle = Bundle(key, data, "batch")
    bundle.check()
    meta = bundle.meta
    if (meta["dimension"], meta["bits"], meta["fingerprint"]) != (
        shape.dimension,
        shape.bits,
        fingerprint,
    ):
        raise CorruptObject(
            key,
            f"its features are of the models {meta['fingerprint']}, the collection's are of"
            f" {fingerprint}",
        )
    arrays = Memory(bundle)
    keys = Memory({name: arrays.pop(name) for name in KEY_ARRAYS})
    tombstones = decode_tombstones(arrays.pop("marks"))
    table = Table(meta["size"], tuple(Range(*row) for row in meta["ranges"]), shape, keys, arrays)
    return Batch(Position.parse(key.rpartition("/")[2]), table, tombstones)


def _net(changes: Iterable[Change]) -> tuple[dict[Key, Record], set[Key], dict[Key, Attributes]]:
    """What remains of changes made one after the other: records put, keys deleted, attributes
    patched; each key in one of them.
    """
    records: dict[Key, Record] = {}
    deleted: set[Key] = set()
    patches: dict[Key, Attributes] = {}
    for change in changes:
        if isinstance(change, Put):
            key = change.record.key
            records[key] = change.record
            deleted.discard(key)
            patches.pop(key, None)
        elif isinstance(change, Delete):
            records.pop(change.key, None)
            patches.pop(change.key, None)
            deleted.add(change.key)
        else:
            _patch(change, records, deleted, patches)
    return records, deleted, patches


def _patch(
    change: Patch, records: dict[Key, Record], deleted: set[Key], patches: dict[Key, Attributes]
) -> None:
    """Applies a patch to what the changes before it left: a record that is put here gets it at
    once, one that was deleted here has nothing to patch.
    """
    if change.key in records:
        found = records[change.key]
        records[change.key] = replace(found, attributes=patched(found.attributes, change.changes))
    elif change.key not in deleted:
        patches[change.key] = patched(patches.get(change.key, Attributes()), change.changes)
