"""Which collection a bucket's folder belongs to, and by which role it is read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Final

from chalicelib.errors import (
    AlreadyExists,
    NotFound,
    ObjectMissing,
    OutcomeUnknown,
    VersionConflict,
)
from chalicelib.storage.attempts import tries
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.source import Location, Role

_KEY: Final = "bindings.json"


@dataclass(frozen=True, slots=True)
class Binding:
    """An increment.meta at or below `path` of `bucket` is imported into `collection`."""

    bucket: str
    path: str
    """Begins with `/` and does not end with one; `/` alone is the whole bucket."""
    collection: str
    role: Role | None = None
    """Of the bucket's owner, where that is another account."""

    def holds(self, path: str) -> bool:
        """Whether the folder `path` is bound by this."""
        return self.path == "/" or path == self.path or path.startswith(self.path + "/")


def bindings(store: ObjectStore) -> list[Binding]:
    """All, by bucket and path. Raises StorageError."""
    return _read(store)[0]


def bind(binding: Binding, store: ObjectStore) -> None:
    """Adds `binding`, or replaces the one of the same bucket and path. Raises StorageError."""
    _change(store, lambda others: [*(each for each in others if not _same(each, binding)), binding])


def unbind(bucket: str, path: str, store: ObjectStore) -> None:
    """Raises NotFound, StorageError."""
    gone = Binding(bucket, path, "")
    if not any(_same(each, gone) for each in bindings(store)):
        raise NotFound(f"s3://{bucket}{path} is not bound to a collection")
    _change(store, lambda others: [each for each in others if not _same(each, gone)])


def binding_of(bucket: str, path: str, store: ObjectStore) -> Binding | None:
    """The binding with the longest path that holds `path`."""
    return holder(bucket, path, bindings(store))


def holder(bucket: str, path: str, known: Iterable[Binding]) -> Binding | None:
    """Of `known`, the binding with the longest path that holds `path`."""
    held = [each for each in known if each.bucket == bucket and each.holds(path)]
    return max(held, key=lambda each: len(each.path), default=None)


def located(bucket: str, path: str, store: ObjectStore) -> Location:
    """The folder, to be read by the role of its binding if it has one, else by our own."""
    binding = binding_of(bucket, path, store)
    return Location("bucket", bucket, path, binding.role if binding else None)


def _same(one: Binding, other: Binding) -> bool:
    return (one.bucket, one.path) == (other.bucket, other.path)


def _read(store: ObjectStore) -> tuple[list[Binding], str | None]:
    """All bindings, and the version they were read at; None where none was ever made."""
    try:
        blob = store.get(_KEY)
    except ObjectMissing:
        return [], None
    found = [
        Binding(**values | {"role": Role(**values["role"]) if values["role"] else None})
        for values in json.loads(blob.data)
    ]
    return found, blob.version


def _change(store: ObjectStore, change: Callable[[list[Binding]], list[Binding]]) -> None:
    """Replaces the whole list by compare-and-swap, again while others change it."""
    more = tries(_KEY)
    while True:
        next(more)
        current, version = _read(store)
        wanted = sorted(
            change([replace(each) for each in current]), key=lambda each: (each.bucket, each.path)
        )
        data = json.dumps([asdict(each) for each in wanted], indent=1).encode()
        try:
            if version is None:
                store.create(_KEY, data)
            else:
                store.replace(_KEY, data, version=version)
        except (AlreadyExists, VersionConflict, OutcomeUnknown):
            continue
        return
