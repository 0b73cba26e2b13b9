"""What was written to a collection while a rebuild ran is replayed in the new generation, so that a
rebuild loses no acknowledged write.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from chalicelib.errors import ObjectMissing
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Put, Record
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.storage.attempts import create_once
from chalicelib.storage.object_store import ObjectStore

_BYTES: Final = 10
"""Of a digest: among a million records, two differ by chance alike once in 10^12 rebuilds."""
_BATCH: Final = 1000


class _Print(NamedTuple):
    """A record by digests; three of them, 30 MB for a million records."""

    key: bytes
    words: bytes
    """Category, region, attributes."""
    vector: bytes


@dataclass(frozen=True, slots=True)
class Missed:
    """What a rebuild does not know of."""

    changes: tuple[Change, ...]
    """To be appended to the new generation."""
    stuck: int
    """Pictures added or replaced meanwhile whose features are of the old models, so that they
    cannot be replayed.
    """


def remember(snapshot: Snapshot, key: str, store: ObjectStore) -> None:
    """Writes down what there is before the rebuild begins."""
    create_once(store, key, b"".join(b"".join(_print_of(record)) for record in snapshot.records()))


def missed(before_key: str, old: Snapshot, new: Snapshot, store: ObjectStore) -> Missed:
    """What was added, changed or deleted in `old` since `remember`, and is not so in `new`."""
    before = dict(_read(before_key, store))
    mixes = old.fingerprint == new.fingerprint
    changes: list[Change] = []
    stuck = 0
    for record in old.records():
        found = _print_of(record)
        known = before.pop(found.key, None)
        if known == found:
            continue
        brought = _brought(record, found, known, new.find(record.key), mixes=mixes)
        if brought is None:
            stuck += 1
        else:
            changes += brought
    # What is left of `before` was deleted meanwhile.
    changes += [Delete(row.key) for row in new.rows() if before and _digest(*row.key) in before]
    return Missed(tuple(changes), stuck)


def _brought(
    record: Record, found: _Print, known: _Print | None, fresh: Record | None, *, mixes: bool
) -> list[Put] | None:
    """What brings `record` into the new generation, where it is `fresh`; None where it cannot be.

    `mixes`: whether its feature may stand beside those of the new models. Else the new feature is
    kept where the old one is as it was `known`, and takes the record's words.
    """
    if mixes:
        return [] if fresh and _print_of(fresh) == found else [Put(record)]
    if not (known and known.vector == found.vector and fresh):
        return None
    wanted = replace(fresh, category_id=record.category_id, attributes=record.attributes)
    return [] if _print_of(fresh).words == _print_of(wanted).words else [Put(wanted)]


def replay(found: Missed, target: Collection) -> None:
    """Appends what was missed. Raises StorageError."""
    for first in range(0, len(found.changes), _BATCH):
        target.append(found.changes[first : first + _BATCH])


def _print_of(record: Record) -> _Print:
    """See _Print."""
    vector = record.vector
    words = repr((record.category_id, tuple(record.region), record.attributes))
    return _Print(
        _digest(*record.key),
        _digest(words),
        hashlib.blake2b(
            vector.code.tobytes() + vector.feature.tobytes() + repr(float(vector.scale)).encode(),
            digest_size=_BYTES,
        ).digest(),
    )


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=_BYTES).digest()


def _read(key: str, store: ObjectStore) -> Iterator[tuple[bytes, _Print]]:
    """What `remember` wrote: by the key's digest, each record's; nothing where it wrote nothing."""
    try:
        data = store.get(key).data
    except ObjectMissing:
        return
    for at in range(0, len(data), 3 * _BYTES):
        found = _Print(*(data[at + part * _BYTES : at + (part + 1) * _BYTES] for part in range(3)))
        yield found.key, found
