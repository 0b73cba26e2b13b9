"""The immutable objects of a generation, opened once and kept in the process's cache: segments,
revisions, tombstones, graphs (docs/FORMAT.md §5).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from chalicelib.errors import CorruptObject, FormatTooNew, ObjectMissing
from chalicelib.index.format.bundle import Bundle, Lazy
from chalicelib.index.format.manifest import Manifest, SegmentRef, TombstonesRef
from chalicelib.index.format.once_more import once_more
from chalicelib.index.format.revision import Revision, decode_revision, revision_path
from chalicelib.index.format.segment import (
    keys_path,
    open_keys,
    open_rows,
    rows_path,
    table_of_segment,
)
from chalicelib.index.format.table import Table
from chalicelib.index.format.tombstones import Tombstone, decode_tombstones, tombstones_path
from chalicelib.index.read.graph import Graph, graph_path
from chalicelib.index.read.plan import OpenGraph, SkiRental, opening_s
from chalicelib.index.read.tools import Tools
from chalicelib.storage.object_store import Stat

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
        return table_of_segment(
            ref,
            manifest.shape,
            Lazy(lambda: self._keys(ref), lambda: cache.drop(folder + keys_path(ref.id))),
            Lazy(lambda: self._rows(ref), lambda: cache.drop(folder + rows_path(ref.id))),
        )

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

    def fetch(self, refs: Sequence[SegmentRef]) -> None:
        """Reads the rows of several segments at once, as far as the cache holds them all; the rest
        is read when it is searched. Raises ObjectMissing, CorruptObject.
        """
        cache = self._tools.cache
        missing = [ref for ref in refs if self._folder + rows_path(ref.id) not in cache]
        if len(missing) > 1 and sum(ref.body.size for ref in refs) <= cache.capacity:
            list(self._tools.pool().map(self._rows, missing))

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
