"""A collection at one moment: it never changes, whatever happens to the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.index.digests import key_digests, product_digests
from chalicelib.index.manifest import Manifest
from chalicelib.index.part import Part, SegmentPart, TailPart
from chalicelib.index.query import Hit, Hits, Predicate, Query, Row
from chalicelib.index.reader import Reader
from chalicelib.index.records import Key, Record
from chalicelib.index.search import Found, best, search_table
from chalicelib.index.tail import Tail


@dataclass(frozen=True, slots=True)
class Stats:
    """The size of a snapshot."""

    segments: int
    log_objects: int
    """Not absorbed yet."""
    rows: int
    """An upper bound that costs nothing: rows that the unabsorbed log replaces or deletes are counted still. `len` is exact."""
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

    def __init__(self, manifest: Manifest, tail: Tail, segments: Sequence[SegmentPart], *, log_objects: int) -> None:
        self.manifest = manifest
        self._tail = tail
        self._segments = tuple(segments)
        self._log_objects = log_objects
        self._parts: tuple[Part, ...] = (TailPart(tail, self._segments), *self._segments) if tail.table.size else self._segments

    @property
    def version(self) -> str:
        """Equal for equal content: generation, manifest version and the newest log object."""
        newest = self._tail.newest
        return f"{self.manifest.generation}.{self.manifest.version}.{newest.text() if newest else '-'}"

    @property
    def fingerprint(self) -> str:
        """Of the models that made the features."""
        return self.manifest.fingerprint

    @property
    def stats(self) -> Stats:
        """Costs nothing."""
        segments = self.manifest.segments
        rows = self.manifest.rows + self._tail.table.size
        return Stats(len(segments), self._log_objects, rows, sum(segment.size for segment in segments))

    def segments(self) -> tuple[SegmentStats, ...]:
        """Costs nothing."""
        return tuple(SegmentStats(ref.live, ref.size, ref.newest.time / 1e6, ref.graph is not None) for ref in self.manifest.segments)

    def __len__(self) -> int:
        """Records; reads keys of segments if the log is not empty."""
        return sum(len(part) for part in self._parts)

    def search(self, query: Query) -> Hits:
        """The nearest rows: min(query.count, matching rows) of them, less those under the threshold.

        Raises CorruptObject for damaged data; never a short answer.
        """
        parts = [part for part in self._parts if _may_match(part, query)]
        return merge([(part, search_table(part.table, part.alive, query)) for part in parts], query)

    def find(self, key: Key) -> Record | None:
        """The record of `key`."""
        wanted = key_digests([key])
        for part in self._parts:
            row = int(part.find(wanted)[0])
            if row >= 0:
                return Reader(part.table).record(row)
        return None

    def of_product(self, product_id: str) -> list[Row]:
        """All rows of a product, by key."""
        digest = product_digests([product_id])[0]
        found = []
        for part in self._parts:
            hits = part.table.rows["products"] == digest
            rows = np.flatnonzero(hits if part.alive is None else hits & part.alive)
            reader = Reader(part.table)
            found += [reader.row(row) for row in rows.tolist()]
        return sorted((row for row in found if row.key.product_id == product_id), key=lambda row: row.key)

    def select(self, predicate: Predicate) -> list[Row]:
        """All rows that match, by key."""
        found = []
        for part in self._parts:
            fits = predicate(part.table.columns())
            rows = np.flatnonzero(fits if part.alive is None else fits & part.alive)
            reader = Reader(part.table)
            found += [reader.row(row) for row in rows.tolist()]
        return sorted(found, key=lambda row: row.key)

    def rows(self) -> Iterator[Row]:
        """All rows, in no order."""
        for part in self._parts:
            reader = Reader(part.table)
            for row in part.live_rows().tolist():
                yield reader.row(row)

    def records(self) -> Iterator[Record]:
        """All records with their vectors, in no order."""
        for part in self._parts:
            reader = Reader(part.table)
            for row in part.live_rows().tolist():
                yield reader.record(row)


def merge(found: Sequence[tuple[Part, Found]], query: Query) -> Hits:
    """One answer of those of several parts."""
    similarity = np.concatenate([one.similarity for _, one in found] or [np.empty(0, np.float32)])
    products = np.concatenate([one.products for _, one in found] or [np.empty(0, np.uint64)])
    source = np.repeat(np.arange(len(found)), [len(one.rows) for _, one in found])
    rows = np.concatenate([one.rows for _, one in found] or [np.empty(0, np.int64)])
    differing = np.concatenate([one.hamming for _, one in found] or [np.empty(0, np.int64)])
    places = best(similarity, products if query.distinct else None, query.count)
    places = places[similarity[places] >= query.min_similarity]
    readers = [Reader(part.table) for part, _ in found]
    hits = [Hit(readers[source[place]].row(int(rows[place])), float(similarity[place]), int(differing[place])) for place in places.tolist()]
    hits.sort(key=lambda hit: (-hit.similarity, hit.row.key))
    return Hits(
        hits=tuple(_first_of_products(hits) if query.distinct else hits)[: query.count],
        found=_found([one for _, one in found], query),
        scanned=sum(one.scanned for _, one in found),
    )


def _may_match(part: Part, query: Query) -> bool:
    if query.categories is None:
        return True
    if isinstance(part, SegmentPart):
        return any(category in query.categories for category, _ in part.ref.categories)
    return any(span.category_id in query.categories for span in part.table.ranges)


def _first_of_products(hits: Sequence[Hit]) -> list[Hit]:
    seen: set[str] = set()
    kept = []
    for hit in hits:
        if hit.row.key.product_id not in seen:
            seen.add(hit.row.key.product_id)
            kept.append(hit)
    return kept


def _found(found: Sequence[Found], query: Query) -> int:
    if not query.distinct:
        return sum(one.matching for one in found)
    products = [one.matching_products for one in found if one.matching_products is not None]
    return len(np.unique(np.concatenate(products))) if products else 0
