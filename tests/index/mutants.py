"""The protocol with one of its rules broken: what tests of it must notice, to be worth anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.errors import ObjectMissing
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.index.write import absorb
from chalicelib.storage.files import FileStore
from chalicelib.storage.memory import MemoryStore


def manifest_before_list(patch: pytest.MonkeyPatch) -> None:
    """A snapshot reads the manifest before it lists the log: what is absorbed in between is in
    neither.
    """

    def snapshot(self: Generation) -> Snapshot:
        while True:
            manifest = self.manifest().manifest
            names = tuple(found.name for found in self.log.objects())
            try:
                return self._snapshot_of(manifest, names)
            except ObjectMissing:
                continue

    patch.setattr(Generation, "snapshot", snapshot)


def no_if_match(patch: pytest.MonkeyPatch) -> None:
    """The manifest is replaced whatever its version: of two compactors, one undoes what the other
    did.
    """
    for kind in (FileStore, MemoryStore):
        honest = kind.replace

        def replace(
            self: FileStore | MemoryStore,
            key: str,
            data: bytes,
            *,
            version: str,
            honest: Callable[..., str] = honest,
        ) -> str:
            del version
            return honest(self, key, data, version=self.get(key).version)

        patch.setattr(kind, "replace", replace)


def early_tombstone_drop(patch: pytest.MonkeyPatch) -> None:
    """Deletions are forgotten with the next compaction: a put that arrives later brings its record
    back.
    """
    patch.setattr(absorb, "kept_tombstones", lambda *_: [])


MUTANTS = {
    mutant.__name__: mutant for mutant in (manifest_before_list, no_if_match, early_tombstone_drop)
}
