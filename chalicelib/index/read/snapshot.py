"""A collection at one moment: it never changes, whatever happens to the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.index.format.digests import key_digests, product_digests
from chalicelib.index.format.manifest import Manifest, SegmentRef
from chalicelib.index.format.positions import Position
from chalicelib.index.format.records import Key, Record
from chalicelib.index.read.answer import Apply, merge
from chalicelib.index.read.query import Hits, Predicate, Query, Row
from chalicelib.index.read.reader import reader_of
from chalicelib.index.read.search_tables import matching_tables, refs_of, search_tables
from chalicelib.index.read.snapshot_table import SegmentTable, SnapshotTable, TailTable
from chalicelib.index.read.tail import Tail

_CHUNK = 4_096
"""Rows read at once where all are read."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The size of a snapshot."""

    segments: int
    log_objects: int
    """Not absorbed yet."""
    rows: int
    """An upper bound that costs nothing: rows that the unabsorbed log replaces or deletes are
    counted still. `len` is exact.
    """
    bytes: int
    """Of the segments, on the store."""


@dataclass(frozen=True, slots=True)
class SegmentStats:
    """One segment."""

    rows: int
    """That count, before the unabsorbed log."""
    bytes: int
    newest: float
    """When its newest row was added, seconds since the epoch."""
    graph: bool
    """Whether it has one."""


class Snapshot:
    """All methods may be called from several threads."""

    def __init__(
        self,
        manifest: Manifest,
        tail: Tail,
        segments: Sequence[SegmentTable],
        *,
        log_names: tuple[str, ...],
        prepare: Callable[[Sequence[SegmentRef]], Apply],
    ) -> None:
        """`prepare`: see Objects."""
        self.manifest = manifest
        self.prepare = prepare
        self.log_names = log_names
        """Unabsorbed log objects."""
        self._tail = tail
        self.segment_tables = tuple(segments)
        self.tail_table = TailTable(tail, self.segment_tables)
        self._tables: tuple[SnapshotTable, ...] = (
            (self.tail_table, *self.segment_tables) if tail.table.size else self.segment_tables
        )

    @property
    def version(self) -> str:
        """Equal for equal content: generation, manifest version and the newest log object."""
        newest = self._tail.newest
        return (
            f"{self.manifest.generation}.{self.manifest.version}.{newest.text() if newest else '-'}"
        )

    @property
    def log_times(self) -> list[float]:
        """When each of the unabsorbed log objects was appended, seconds since the epoch, the newest
        first.
        """
        return [Position.parse(name).seconds for name in self.log_names]

    @property
    def fingerprint(self) -> str:
        """Of the models that made the features."""
        return self.manifest.fingerprint

    @property
    def stats(self) -> Stats:
        """Costs nothing."""
        segments = self.manifest.segments
        rows = self.manifest.rows + self._tail.table.size
        return Stats(
            len(segments), len(self.log_names), rows, sum(segment.size for segment in segments)
        )

    def segments(self) -> tuple[SegmentStats, ...]:
        """Costs nothing."""
        return tuple(
            SegmentStats(ref.live, ref.size, ref.newest.seconds, ref.graph is not None)
            for ref in self.manifest.segments
        )

    def __len__(self) -> int:
        """Records; reads keys of segments if the log is not empty."""
        return sum(len(table) for table in self._tables)

    def search(self, query: Query) -> Hits:
        """The nearest rows: min(query.count, matching rows) of them, less those under the
        threshold.

        Raises CorruptObject for damaged data; never a short answer.
        """
        tables = matching_tables(self._tables, query)
        apply = self.prepare(refs_of(tables))
        found = search_tables(tables, query, rows=self.manifest.rows, apply=apply)
        return merge(found, query, apply=apply)

    def find(self, key: Key) -> Record | None:
        """The record of `key`."""
        wanted = key_digests([key])
        for table in self._tables:
            row = int(table.find(wanted)[0])
            if row >= 0:
                return reader_of(table.table).records([row])[0]
        return None

    def of_product(self, product_id: str) -> list[Row]:
        """All rows of a product, by key."""
        digest = product_digests([product_id])[0]
        found = []
        for table in self._tables:
            hits = table.table.rows["products"] == digest
            rows = np.flatnonzero(hits if table.alive is None else hits & table.alive)
            found += reader_of(table.table).rows(rows.tolist())
        return sorted(
            (row for row in found if row.key.product_id == product_id), key=lambda row: row.key
        )

    def select(self, predicate: Predicate) -> list[Row]:
        """All rows that match, by key."""
        found = []
        for table in self._tables:
            fits = predicate(table.table.columns())
            rows = np.flatnonzero(fits if table.alive is None else fits & table.alive)
            found += reader_of(table.table).rows(rows.tolist())
        return sorted(found, key=lambda row: row.key)

    def rows(self) -> Iterator[Row]:
        """All rows, in no order."""
        for table in self._tables:
            reader, rows = reader_of(table.table), table.live_rows().tolist()
            for start in range(0, len(rows), _CHUNK):
                yield from reader.rows(rows[start : start + _CHUNK])

    def records(self) -> Iterator[Record]:
        """All records with their vectors, in no order."""
        for table in self._tables:
            reader, rows = reader_of(table.table), table.live_rows().tolist()
            for start in range(0, len(rows), _CHUNK):
                yield from reader.records(rows[start : start + _CHUNK])
