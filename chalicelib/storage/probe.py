"""Finds out whether a store keeps its conditions. Some S3-compatible gateways answer 200 to a write
that must fail, and lose data.
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.errors import AlreadyExists, ObjectMissing, StoreUnfit, VersionConflict
from chalicelib.storage.object_store import ObjectStore

_FIRST, _SECOND, _THIRD = b"first", b"second", b"third"


def probe(store: ObjectStore, name: str, *, new_id: Callable[[], str]) -> None:
    """Tries every promise that the index relies on, on an object of its own, and removes it. `name`
    is what people call the store.

    Raises StoreUnfit saying which store it is and what it did, StorageError where it cannot be used
    at all.
    """
    key = f"probe/{new_id()}"
    try:
        try:
            _conditions(store, key)
        finally:
            store.delete(key)
        if any(stat.key == key for stat in store.list("probe/")):
            raise StoreUnfit(
                f"it lists {key} after it was deleted: its listings lag behind, and searches would "
                "miss new records"
            )
    except StoreUnfit as error:
        raise StoreUnfit(f"the store {name} is not fit for a collection: {error}") from None


def _conditions(store: ObjectStore, key: str) -> None:
    version = store.create(key, _FIRST)
    if not any(stat.key == key for stat in store.list("probe/")):
        raise StoreUnfit(
            f"it does not list {key} right after it was written: searches would miss new records"
        )
    try:
        store.create(key, _SECOND)
    except AlreadyExists:
        _expect(store, key, _FIRST, "a refused write with If-None-Match: *")
    else:
        raise StoreUnfit(
            f"it answered success to a second write of {key} with If-None-Match: *, which must "
            "fail with 412"
        )
    try:
        newer = store.replace(key, _SECOND, version=version)
    except VersionConflict:
        raise StoreUnfit(
            f"it refused to replace {key} with the If-Match that it gave itself ({version})"
        ) from None
    try:
        store.replace(key, _THIRD, version=version)
    except VersionConflict:
        _expect(store, key, _SECOND, "a refused write with If-Match")
    else:
        raise StoreUnfit(
            f"it answered success to a write of {key} with an If-Match of the past ({version}), "
            "which must fail with 412"
        )
    if store.get_if_changed(key, version=newer) is not None:
        raise StoreUnfit(
            f"it sent {key} again although If-None-Match named its version ({newer}), which must "
            "be answered with 304"
        )


def _expect(store: ObjectStore, key: str, data: bytes, after: str) -> None:
    try:
        found = store.get(key).data
    except ObjectMissing:
        raise StoreUnfit(f"{key} cannot be read right after it was written") from None
    if found != data:
        raise StoreUnfit(f"after {after}, {key} reads {found!r} instead of {data!r}")
