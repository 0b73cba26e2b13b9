"""The immutable objects of a generation, opened once and kept in the process's cache: segments,
revisions, tombstones, graphs (docs/FORMAT.md §5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from chalicelib.errors import CorruptObject, FormatTooNew, ObjectMissing
from chalicelib.index.format.bundle import Bundle, Lazy
from chalicelib.index.format.clustered import body_path, head_path, open_head
from chalicelib.index.format.digests import Digests
from chalicelib.index.format.manifest import Manifest, SegmentRef, TombstonesRef
from chalicelib.index.format.once_more import once_more
from chalicelib.index.format.positions import Positions
from chalicelib.index.format.revision import Revision, decode_revision, revision_path
from chalicelib.index.format.segment import (
    keys_path,
    open_keys,
    open_rows,
    rows_path,
    table_of_segment,
)
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.format.tombstones import Tombstone, decode_tombstones, tombstones_path
from chalicelib.index.read.answer import Apply
from chalicelib.index.read.clustered import Clustered, ClusteredKeys, ClusteredRows
from chalicelib.index.read.graph import Graph, graph_path
from chalicelib.index.read.plan import OpenGraph, SkiRental, opening_s
from chalicelib.index.read.ranged import Ranged
from chalicelib.index.read.snapshot_table import SegmentTable
from chalicelib.index.read.tail import Tail, find_with_positions
from chalicelib.index.read.tools import Tools
from chalicelib.storage.object_store import Stat
from chalicelib.storage.ranges import ByteRange, get_ranges

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Objects:
    """All methods may be called from several threads."""

    def __init__(self, tools: Tools, folder: str) -> None:
        self._tools = tools
        self._folder = folder
        self._rental = SkiRental()
        self._damaged: set[str] = set()

    def stats(self) -> list[Stat]:
        """Everything in the generation's folder, log and manifest included. Raises StorageError."""
        return list(self._tools.store.list(self._folder))

    def table(self, ref: SegmentRef, manifest: Manifest) -> Table:
        """A segment as written; its objects are read when they are needed."""
        cache, folder = self._tools.cache, self._folder
        if ref.head is not None:
            opened = partial(self.clustered, ref)
            return table_of_segment(
                ref, manifest.shape, ClusteredKeys(opened), ClusteredRows(opened)
            )
        return table_of_segment(
            ref,
            manifest.shape,
            Lazy(lambda: self._keys(ref), lambda: cache.drop(folder + keys_path(ref.id))),
            Lazy(lambda: self._rows(ref), lambda: cache.drop(folder + rows_path(ref.id))),
        )

    def segment(
        self, ref: SegmentRef, manifest: Manifest, tail: Tail, *, graph: bool = True
    ) -> SegmentTable:
        """The segment under its revision and `tail`, to be searched by its graph too."""
        table = self.table(ref, manifest)

        def find(wanted: Digests) -> tuple[RowIds, Positions]:
            if ref.head is None:
                return find_with_positions(table, wanted)
            return self.clustered(ref).find(wanted)

        opener = self.graph_opener(ref, manifest) if graph else None
        return SegmentTable(ref, table, find, partial(self.revision, ref), tail, opener)

    def clustered(self, ref: SegmentRef) -> Clustered:
        """A segment of format 2. Raises ObjectMissing, CorruptObject, FormatTooNew."""
        # narrows the type; the caller looked
        assert ref.head is not None  # noqa: S101
        key = self._folder + head_path(ref.id)
        return self._opened(key, ref.head.size, lambda data: self._clustered(ref, key, data))

    def _clustered(self, ref: SegmentRef, key: str, data: memoryview) -> Clustered:
        """The segment with this head; of its body nothing is read before it is needed."""
        cache, store, pool = self._tools.cache, self._tools.store, self._tools.pool
        body = self._folder + body_path(ref.id)
        head = open_head(ref, key, data)

        def read(spans: Sequence[ByteRange]) -> list[memoryview]:
            apply = pool().map if len(spans) > 1 else map
            return get_ranges(store, body, spans, gap=0, apply=apply)

        ranged = Ranged(body, head.sections, head.checks, read, partial(cache.grow, key))
        return Clustered(ref.rows, head, ranged, partial(cache.get, body))

    def revision(self, ref: SegmentRef) -> Revision:
        """What became of a segment's rows. Raises ObjectMissing, CorruptObject."""
        found = ref.revision
        if found is None:
            return Revision()
        key = self._folder + revision_path(found.id)
        return self._opened(key, found.size, lambda data: decode_revision(key, data, found.sha256))

    def tombstones(self, refs: Sequence[TombstonesRef]) -> list[Tombstone]:
        """Of these objects. Raises ObjectMissing, CorruptObject."""
        return [tombstone for ref in refs for tombstone in self._tombstones(ref)]

    def prepare(self, refs: Sequence[SegmentRef]) -> Apply:
        """Before these segments are searched: reads the rows of those of format 1 at once, as far
        as the cache holds them all. What it returns searches several of format 2: at once while
        they have to be read, one after the other once they are in memory. Raises ObjectMissing,
        CorruptObject.
        """
        self._fetch([ref for ref in refs if ref.head is None])
        quiet = [self._is_quiet(ref) for ref in refs if ref.head is not None]
        return map if len(quiet) < 2 or all(quiet) else self._tools.tasks().map

    def _fetch(self, plain: Sequence[SegmentRef]) -> None:
        """Reads the rows of these segments of format 1, if the cache holds them all."""
        cache = self._tools.cache
        missing = [ref for ref in plain if self._folder + rows_path(ref.id) not in cache]
        if len(missing) > 1 and sum(ref.body.size for ref in plain) <= cache.capacity:
            list(self._tools.pool().map(self._rows, missing))

    def _is_quiet(self, ref: SegmentRef) -> bool:
        """Whether nothing had to be read of a segment since this was asked last."""
        key = self._folder + head_path(ref.id)
        return key in self._tools.cache and self.clustered(ref).body.quiet()

    def graph_opener(self, ref: SegmentRef, manifest: Manifest) -> OpenGraph | None:
        """How to open the graph of a segment; None: it has none."""
        if ref.graph is None:
            return None
        return lambda saved_s: self.graph(ref, manifest, saved_s)

    def graph(self, ref: SegmentRef, manifest: Manifest, saved_s: float) -> Graph | None:
        """The graph of a segment, if it is open or opening it is worth the `saved_s` seconds of one
        search. A damaged one is reported once and then done without.
        """
        found = ref.graph
        if found is None or found.id in self._damaged:
            return None
        key = self._folder + graph_path(ref, found.id)
        if key not in self._tools.cache and not self._rental.pays(
            found.id, opening_s(found.size), saved_s
        ):
            return None
        try:
            return self._opened(key, found.size, lambda data: Graph(ref, manifest.shape, key, data))
        except (CorruptObject, FormatTooNew, ObjectMissing) as error:
            self._damaged.add(found.id)
            _log.warning("searching without a graph: %s; run `lookalike scrub --repair`", error)
            return None

    def _keys(self, ref: SegmentRef) -> Bundle:
        key = self._folder + keys_path(ref.id)
        # narrows the type; a segment of format 1 has them
        assert ref.keys is not None  # noqa: S101
        return self._opened(key, ref.keys.size, lambda data: open_keys(ref, key, data))

    def _rows(self, ref: SegmentRef) -> Bundle:
        key = self._folder + rows_path(ref.id)
        return self._opened(key, ref.body.size, lambda data: open_rows(ref, key, data))

    def _tombstones(self, ref: TombstonesRef) -> tuple[Tombstone, ...]:
        """The deletions and patches of one object, from the cache where it is there."""
        key = self._folder + tombstones_path(ref)

        def decode(data: memoryview) -> tuple[Tombstone, ...]:
            bundle = Bundle(key, data, "marks", sha256=ref.object.sha256)
            return decode_tombstones(bundle["marks"])

        return self._opened(key, ref.object.size, decode)

    def _opened(self, key: str, size: int, decode: Callable[[memoryview], _T]) -> _T:
        """What `decode` makes of the object at `key`, of `size` bytes, from the cache where it is
        there. Raises ObjectMissing, CorruptObject, FormatTooNew; then nothing is kept.
        """
        store = self._tools.store
        return self._tools.cache.get(
            key, lambda: (once_more(lambda: decode(store.view(key))), size)
        )
