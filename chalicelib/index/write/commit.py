"""The two ways in which a generation changes: an object of a new name, and the manifest replaced by
compare-and-swap (docs/FORMAT.md §7).
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from chalicelib.errors import AlreadyExists, OutcomeUnknown, VersionConflict
from chalicelib.index.format.manifest import Garbage, Manifest, encode_manifest
from chalicelib.index.read.generation import Generation, Versioned
from chalicelib.storage.attempts import create_settled, written_before
from chalicelib.storage.object_store import ObjectStore


def begin(generation: Generation, manifest: Manifest) -> None:
    """Writes the first manifest. Raises StorageError."""
    create(generation.tools.store, generation.manifest_key, encode_manifest(manifest))


def put(generation: Generation, path: str, data: bytes) -> None:
    """Writes an immutable object of a new name within the generation's folder. Raises
    StorageError.
    """
    create(generation.tools.store, generation.folder + path, data)


def commit(generation: Generation, old: Versioned, new: Manifest) -> None:
    """Puts `new` in the place of `old`: the commit point of everything but appends. What only `old`
    refers to is named as garbage in it.

    Raises VersionConflict (it did not happen, or others have built on it already: look anew),
    StorageError.
    """
    key, store = generation.manifest_key, generation.tools.store
    dropped = sorted(old.manifest.objects() - new.objects())
    now = generation.tools.clock()
    garbage = new.garbage + tuple(Garbage(path, now) for path in dropped)
    data = encode_manifest(replace(new, garbage=garbage))
    try:
        store.replace(key, data, version=old.version)
    except OutcomeUnknown:
        with written_before():
            found = store.get(key).data
        if found != data:
            raise VersionConflict(f"writing {key} may not have happened; look again") from None


def create(store: ObjectStore, key: str, data: bytes) -> None:
    """Creates an object of a name that is ours alone: finding it there means that an earlier
    attempt landed. Raises OutcomeUnknown, StoreUnavailable: nothing was written.
    """
    with contextlib.suppress(AlreadyExists):
        create_settled(store, key, data)
