"""One generation of a collection on the store: its log, its manifest, its snapshots (docs/FORMAT.md
§2).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chalicelib.errors import (
    AlreadyExists,
    CollectionNotFound,
    CorruptObject,
    FormatTooNew,
    ObjectMissing,
    OutcomeUnknown,
    StorageError,
    VersionConflict,
)
from chalicelib.index.format.batch import Batch, decode_batch, encode_batch
from chalicelib.index.format.bundle import Bundle, Lazy
from chalicelib.index.format.manifest import (
    FORMAT,
    Manifest,
    SegmentRef,
    TombstonesRef,
    decode_manifest,
    encode_manifest,
    sealed,
    unsealed,
)
from chalicelib.index.format.positions import Position, next_position
from chalicelib.index.format.records import Change
from chalicelib.index.format.revision import Revision, decode_revision
from chalicelib.index.format.segment import (
    keys_path,
    open_keys,
    open_rows,
    rows_path,
    table_of_segment,
)
from chalicelib.index.format.table import Table
from chalicelib.index.format.tombstones import Tombstone, decode_tombstones
from chalicelib.index.read.cache import Cache
from chalicelib.index.read.graph import Graph, graph_path
from chalicelib.index.read.plan import OpenGraph, SkiRental, opening_s
from chalicelib.index.read.puts import Puts, newest_puts, puts_of
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.index.read.snapshot_table import SegmentTable
from chalicelib.index.read.tail import resolve
from chalicelib.storage.object_store import ObjectStore, Stat

_READ_ATTEMPTS = 20
"""Snapshots begun anew because compaction removed a log object that was listed; each time at least
one compaction went by.
"""

_WRITE_ATTEMPTS = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What every generation of a process shares."""

    store: ObjectStore
    cache: Cache
    clock: Callable[[], float]
    """Seconds since the epoch."""
    new_id: Callable[[], str]
    """Hex text that nobody else will make."""
    pool: Callable[[], ThreadPoolExecutor]
    """For reading several objects at once."""
    grace_s: float
    """How long what nobody needs is kept; longer than any request or retry lasts."""


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
        self._lock = threading.Lock()
        self._known: Versioned | None = None
        self._batches: dict[str, Batch] = {}
        self._snapshot: Snapshot | None = None
        self._puts: tuple[frozenset[str], Puts | None] = (frozenset(), None)
        self._rental = SkiRental()
        self._damaged: set[str] = set()

    def create(self, manifest: Manifest) -> None:
        """Writes the first manifest. Raises StorageError."""
        self.put("manifest.json", encode_manifest(manifest))

    def known(self) -> Versioned:
        """The manifest as last read; read now if never. For what never changes in it. Raises
        CollectionNotFound, StorageError.
        """
        return self._known or self.manifest()

    def manifest(self) -> Versioned:
        """The manifest as it is now: one conditional read. Raises CollectionNotFound when it is
        gone, StorageError.
        """
        key = self.folder + "manifest.json"
        known = self._known
        try:
            if known is None:
                blob = self.tools.store.get(key)
            else:
                changed = self.tools.store.get_if_changed(key, version=known.version)
                if changed is None:
                    return known
                blob = changed
        except ObjectMissing:
            raise CollectionNotFound(f"there is no collection {self.name} any more") from None
        found = Versioned(decode_manifest(key, blob.data), blob.version)
        with self._lock:
            if self._known is None or self._known.manifest.version < found.manifest.version:
                self._known = found
        return found

    def replace_manifest(self, old: Versioned, new: Manifest) -> None:
        """The commit point of everything but appends.

        Raises VersionConflict (it did not happen, or others have built on it already: look anew),
        StorageError.
        """
        key = self.folder + "manifest.json"
        data = encode_manifest(new)
        try:
            self.tools.store.replace(key, data, version=old.version)
        except OutcomeUnknown:
            if self.tools.store.get(key).data != data:
                raise VersionConflict(f"writing {key} may not have happened; look again") from None

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
            raise CorruptObject(
                error.key,
                "the manifest or the log names it, but it is not there; restore it from a backup",
            ) from error

    def log(self, *, limit: int | None = None) -> Iterator[Stat]:
        """The log's objects, the newest first, at most `limit`; absorbed ones may be among them."""
        return self.tools.store.list(self.folder + "log/", limit=limit)

    def put(self, path: str, data: bytes) -> None:
        """Writes an immutable object of a new name within this generation's folder. Raises
        StorageError.
        """
        self._create(self.folder + path, data)

    def append(self, changes: Sequence[Change], manifest: Manifest, *, token: str | None) -> None:
        """Writes one log object; durable when it returns. Visible if this generation is still the
        current one: the caller looks.

        Raises ValueError for changes that do not fit, OutcomeUnknown, StoreUnavailable.
        """
        newest = next((_position(stat) for stat in self.log(limit=1)), None)
        position = next_position(newest, now=self.tools.clock(), new_id=self.tools.new_id())
        data = encode_batch(
            changes, position, shape=manifest.shape, fingerprint=manifest.fingerprint
        )
        if token is not None:
            fixed = self._fixed(token, position)
            if fixed != position:
                data = encode_batch(
                    changes, fixed, shape=manifest.shape, fingerprint=manifest.fingerprint
                )
            position = fixed
        self._create(f"{self.folder}log/{position.text()}", data)

    def snapshot(self) -> Snapshot:
        """Sees every acknowledged append. Raises CollectionNotFound, CorruptObject, FormatTooNew,
        StoreUnavailable.
        """
        missing: ObjectMissing | None = None
        for _ in range(_READ_ATTEMPTS):
            names = tuple(
                _name(stat) for stat in self.log()
            )  # before the manifest: what leaves the log is in the manifest by then
            manifest = self.manifest().manifest
            try:
                return self._snapshot_of(manifest, names)
            except ObjectMissing as error:  # absorbed and removed since it was listed
                missing = error
        assert missing is not None  # noqa: S101  # the loop ran
        raise CorruptObject(
            missing.key,
            "the manifest or the log names it, but it is not there; restore it from a backup",
        ) from missing

    def tombstones(self, refs: Sequence[TombstonesRef]) -> list[Tombstone]:
        """Of these objects. Raises ObjectMissing, CorruptObject."""
        found: list[Tombstone] = []
        for ref in refs:
            found += self.tools.cache.get(
                self.folder + tombstones_path(ref),
                lambda ref=ref: self._load_tombstones(ref),  # type: ignore[misc]
            )
        return found

    def table(self, ref: SegmentRef, manifest: Manifest) -> Table:
        """A segment as written; its objects are read when they are needed."""
        return table_of_segment(
            ref, manifest.shape, Lazy(lambda: self._keys(ref)), Lazy(lambda: self._rows(ref))
        )

    def revision(self, ref: SegmentRef) -> Revision:
        """What became of a segment's rows. Raises ObjectMissing, CorruptObject."""
        found = ref.revision
        if found is None:
            return Revision()
        key = self.folder + revision_path(found.id)
        return self.tools.cache.get(
            key, lambda: (decode_revision(key, self._view(key), found.sha256), found.size)
        )

    def load_revision(self, ref: SegmentRef, data: memoryview) -> Revision:
        """The revision of `ref` from its bytes. Raises CorruptObject."""
        # narrows the type; the caller has read its bytes
        assert ref.revision is not None  # noqa: S101
        return decode_revision(
            self.folder + revision_path(ref.revision.id), data, ref.revision.sha256
        )

    def batches(self, names: Sequence[str], manifest: Manifest) -> list[Batch]:
        """Those log objects, read in parallel and kept until they leave the log. Raises
        ObjectMissing, CorruptObject.
        """
        with self._lock:
            known = dict(self._batches)
        wanted = [name for name in names if name not in known]
        load = self._batch_loader(manifest)
        loaded = (
            list(self.tools.pool().map(load, wanted))
            if len(wanted) > 1
            else [load(name) for name in wanted]
        )
        known.update(zip(wanted, loaded, strict=True))
        return [known[name] for name in names]

    def assemble(self, manifest: Manifest, names: Sequence[str]) -> Snapshot:
        """The snapshot of a manifest and unabsorbed log objects. Reads these and no segment. Raises
        ObjectMissing, CorruptObject.
        """
        batches = self.batches(names, manifest)
        oldest = min((batch.position for batch in batches), default=None)
        late = [ref for ref in manifest.tombstones if oldest is not None and oldest <= ref.newest]
        tail = resolve(
            batches,
            manifest.shape,
            kept=self.tombstones(late),
            puts=self._newest_puts(names, batches, manifest),
        )
        segments = [
            SegmentTable(
                ref,
                self.table(ref, manifest),
                lambda ref=ref: self.revision(ref),  # type: ignore[misc]
                tail,
                self._graph_opener(ref, manifest),
            )
            for ref in manifest.segments
        ]
        with self._lock:
            self._batches = dict(zip(names, batches, strict=True))
        return Snapshot(manifest, tail, segments, log_names=tuple(names), fetch=self._fetch)

    def _newest_puts(
        self, names: Sequence[str], batches: Sequence[Batch], manifest: Manifest
    ) -> Puts:
        """The newest puts of `batches`: those of the last snapshot joined with what came since,
        which is little.
        """
        known, puts = self._puts
        parts = [puts] if puts is not None and known <= set(names) else []
        parts += [
            puts_of(batch)
            for name, batch in zip(names, batches, strict=True)
            if not parts or name not in known
        ]
        found = (
            parts[0] if len(parts) == 1 and parts[0] is puts else newest_puts(parts, manifest.shape)
        )
        self._puts = (frozenset(names), found)
        return found

    def _fetch(self, parts: Sequence[SegmentTable]) -> None:
        """Reads the rows of several segments at once, as far as the cache holds them all; the rest
        is read when it is searched.
        """
        missing = [
            part.ref
            for part in parts
            if self.folder + rows_path(part.ref.id) not in self.tools.cache
        ]
        if (
            len(missing) > 1
            and sum(part.ref.body.size for part in parts) <= self.tools.cache.capacity
        ):
            list(self.tools.pool().map(self._rows, missing))

    def _snapshot_of(self, manifest: Manifest, names: tuple[str, ...]) -> Snapshot:
        absorbed = set(manifest.absorbed)
        tail_names = tuple(name for name in names if name not in absorbed)
        cached = self._snapshot
        if (
            cached is not None
            and cached.manifest.version == manifest.version
            and cached.log_names == tail_names
        ):
            return cached
        snapshot = self.assemble(manifest, tail_names)
        self._snapshot = snapshot
        return snapshot

    def graph(self, ref: SegmentRef, manifest: Manifest, saved_s: float) -> Graph | None:
        """The graph of a segment, if it is open or opening it is worth it. A damaged one is
        reported once and then done without.
        """
        found = ref.graph
        if found is None or found.id in self._damaged:
            return None
        key = self.folder + graph_path(ref, found.id)
        if key not in self.tools.cache and not self._rental.pays(
            found.id, opening_s(found.size), saved_s
        ):
            return None
        try:
            return self.tools.cache.get(
                key, lambda: (Graph(ref, manifest.shape, key, self._view(key)), found.size)
            )
        except (CorruptObject, FormatTooNew, ObjectMissing) as error:
            self._damaged.add(found.id)
            _log.warning("searching without a graph: %s; run `lookalike scrub --repair`", error)
            return None

    def _graph_opener(self, ref: SegmentRef, manifest: Manifest) -> OpenGraph | None:
        return (
            (lambda saved_s: self.graph(ref, manifest, saved_s)) if ref.graph is not None else None
        )

    def _batch_loader(self, manifest: Manifest) -> Callable[[str], Batch]:
        def load(name: str) -> Batch:
            key = f"{self.folder}log/{name}"
            return decode_batch(
                key, self._view(key), shape=manifest.shape, fingerprint=manifest.fingerprint
            )

        return load

    def _keys(self, ref: SegmentRef) -> Bundle:
        key = self.folder + keys_path(ref.id)
        return self.tools.cache.get(
            key, lambda: (open_keys(ref, key, self._view(key)), ref.keys.size)
        )

    def _rows(self, ref: SegmentRef) -> Bundle:
        key = self.folder + rows_path(ref.id)
        return self.tools.cache.get(
            key, lambda: (open_rows(ref, key, self._view(key)), ref.body.size)
        )

    def _load_tombstones(self, ref: TombstonesRef) -> tuple[tuple[Tombstone, ...], int]:
        key = self.folder + tombstones_path(ref)
        bundle = Bundle(key, self._view(key), "marks", sha256=ref.object.sha256)
        return decode_tombstones(bundle["marks"]), ref.object.size

    def _view(self, key: str) -> memoryview:
        return self.tools.store.view(key)

    def _fixed(self, token: str, position: Position) -> Position:
        """The position of the first attempt with this token."""
        key = f"{self.folder}tokens/{hashlib.sha256(token.encode()).hexdigest()[:32]}"
        self._create(key, sealed({"format": FORMAT, "position": position.text()}))
        return Position.parse(unsealed(key, self.tools.store.get(key).data)["position"])

    def _create(self, key: str, data: bytes) -> None:
        """Creates an object of a name that is ours alone: finding it there means that an earlier
        attempt landed.
        """
        for attempt in range(_WRITE_ATTEMPTS):
            try:
                self.tools.store.create(key, data)
            except AlreadyExists:
                return
            except OutcomeUnknown:
                if attempt == _WRITE_ATTEMPTS - 1:
                    raise
            else:
                return


def revision_path(revision_id: str) -> str:
    """Within the generation's folder."""
    return f"revisions/{revision_id}"


def tombstones_path(ref: TombstonesRef) -> str:
    """Within the generation's folder."""
    return f"marks/{ref.object.id}"


def _name(stat: Stat) -> str:
    return stat.key.rpartition("/")[2]


def _position(stat: Stat) -> Position:
    try:
        return Position.parse(_name(stat))
    except ValueError:
        raise StorageError(
            f"{stat.key} is no log object; something else writes into this folder: remove it"
        ) from None
