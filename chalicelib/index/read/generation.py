"""One generation of a collection on the store: its manifest, its log, its snapshots
(docs/FORMAT.md §2). Reads; what changes a generation is in index/write.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.errors import CollectionNotFound, CorruptObject, ObjectMissing, VersionConflict
from chalicelib.index.format.manifest import Manifest, decode_manifest
from chalicelib.index.format.once_more import once_more
from chalicelib.index.read.log import Listed, Log
from chalicelib.index.read.objects import Objects
from chalicelib.index.read.resolve import resolve
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.index.read.tools import Tools

_READ_ATTEMPTS = 20
"""Snapshots begun anew because compaction removed a log object that was listed; each time at least
one compaction went by.
"""


@dataclass(frozen=True, slots=True)
class Versioned:
    """A manifest as it was read."""

    manifest: Manifest
    version: str
    """The store's."""


class Generation:
    """Objects under `collections/{name}/{id}/`. All methods may be called from several threads."""

    def __init__(self, tools: Tools, name: str, generation_id: str) -> None:
        self.name = name
        self.id = generation_id
        self.tools = tools
        self.folder = f"collections/{name}/{generation_id}/"
        self.manifest_key = self.folder + "manifest.json"
        self.log = Log(tools, self.folder)
        self.objects = Objects(tools, self.folder)
        self._lock = threading.Lock()
        self._known: Versioned | None = None
        self._known_at = 0.0
        self._snapshot: Snapshot | None = None

    def known(self, *, max_age_s: float = math.inf) -> Versioned:
        """The manifest as last read; read now if never, or longer ago than that. Without an age,
        for what never changes in it. Raises CollectionNotFound, StorageError.
        """
        known = self._known
        if known is None or self.tools.clock() - self._known_at > max_age_s:
            return self.manifest()
        return known

    def manifest(self) -> Versioned:
        """The manifest as it is now: one conditional read. Raises CollectionNotFound when it is
        gone, StorageError.
        """
        begun = self.tools.clock()
        try:
            found = once_more(self._read_manifest)
        except ObjectMissing:
            raise CollectionNotFound(f"there is no collection {self.name} any more") from None
        with self._lock:
            old = self._known
            if old is None or old.manifest.version < found.manifest.version:
                self._known = found
                self._drop(old, kept=found.manifest.objects())
            self._known_at = begun
        return found

    def _read_manifest(self) -> Versioned:
        """The manifest as it is now, or what is known while it is still at that version. Raises
        ObjectMissing, CorruptObject, FormatTooNew.
        """
        known, store = self._known, self.tools.store
        if known is None:
            blob = store.get(self.manifest_key)
        else:
            changed = store.get_if_changed(self.manifest_key, version=known.version)
            if changed is None:
                return known
            blob = changed
        return Versioned(decode_manifest(self.manifest_key, blob.data), blob.version)

    def forget(self) -> None:
        """Lets go of what is in memory; whoever still needs it reads it again."""
        self._snapshot = None
        self._drop(self._known, kept=set())

    def _drop(self, old: Versioned | None, *, kept: set[str]) -> None:
        """Takes what only `old` refers to out of the cache, where it would stay until others need
        the room.
        """
        for path in (old.manifest.objects() if old is not None else set()) - kept:
            self.tools.cache.drop(self.folder + path)

    @contextlib.contextmanager
    def overtaken(self, old: Versioned) -> Iterator[None]:
        """Inside, an object that is gone means that others committed since `old` was read
        (VersionConflict), or is lost (CorruptObject).
        """
        try:
            yield
        except ObjectMissing as error:
            if self.manifest().version != old.version:
                raise VersionConflict(
                    f"{error.key} was compacted by somebody else meanwhile; nothing was written"
                ) from error
            raise _lost(error) from error

    def listed(self) -> Listed:
        """The log and the manifest as they are: a listing and a conditional read. Raises
        CollectionNotFound, StorageError.
        """
        log = tuple(self.log.objects())
        return Listed(log, self.manifest().manifest)

    def snapshot(self) -> Snapshot:
        """Sees every acknowledged append. Raises CollectionNotFound, CorruptObject, FormatTooNew,
        StoreUnavailable.
        """
        missing: ObjectMissing | None = None
        for _ in range(_READ_ATTEMPTS):
            # before the manifest: what leaves the log is in the manifest by then
            names = tuple(found.name for found in self.log.objects())
            manifest = self.manifest().manifest
            try:
                return self._snapshot_of(manifest, names)
            except ObjectMissing as error:  # absorbed and removed since it was listed
                missing = error
        assert missing is not None  # noqa: S101  # the loop ran
        raise _lost(missing) from missing

    def assemble(self, manifest: Manifest, names: Sequence[str]) -> Snapshot:
        """The snapshot of a manifest and unabsorbed log objects. Reads these and no segment. Raises
        ObjectMissing, CorruptObject.
        """
        batches = self.log.batches(names, manifest)
        oldest = min((batch.position for batch in batches), default=None)
        late = [ref for ref in manifest.tombstones if oldest is not None and oldest <= ref.newest]
        tail = resolve(
            batches,
            manifest.shape,
            kept=self.objects.tombstones(late),
            puts=self.log.newest_puts(names, batches, manifest),
        )
        segments = [self.objects.segment(ref, manifest, tail) for ref in manifest.segments]
        self.log.keep(names, batches)
        return Snapshot(
            manifest, tail, segments, log_names=tuple(names), prepare=self.objects.prepare
        )

    def _snapshot_of(self, manifest: Manifest, names: tuple[str, ...]) -> Snapshot:
        """The snapshot of a manifest and a listing of the log; the last one, if nothing changed.
        Raises ObjectMissing, CorruptObject.
        """
        absorbed = set(manifest.absorbed)
        unabsorbed = tuple(name for name in names if name not in absorbed)
        last = self._snapshot
        if (
            last is not None
            and last.manifest.version == manifest.version
            and last.log_names == unabsorbed
        ):
            return last
        snapshot = self.assemble(manifest, unabsorbed)
        self._snapshot = snapshot
        return snapshot


def _lost(error: ObjectMissing) -> CorruptObject:
    return CorruptObject(
        error.key,
        "the manifest or the log names it, but it is not there; restore it from a backup",
    )
