"""Derives the invariants of a segment of format 2 anew from its bytes (docs/FORMAT.md §5.6, §9)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES
from chalicelib.index.format.clustered import ENTRY_ROWS, HIGH, LOW, ROW, Head
from chalicelib.index.format.digests import Digests
from chalicelib.index.format.key_filter import may_hold
from chalicelib.index.format.manifest import SegmentRef
from chalicelib.index.format.packed import unpack_column
from chalicelib.index.format.pages import PAGE_ROWS
from chalicelib.index.format.segment import ranges_of
from chalicelib.index.format.table import Shape, Table
from chalicelib.index.read.clustered import Clustered, ClusteredKeys, ClusteredRows
from chalicelib.index.read.ranged import Ranged


def opened(ref: SegmentRef, head: Head, key: str, data: memoryview) -> Clustered:
    """The segment with this head and the body `data`, all of which is verified. Raises
    CorruptObject.
    """

    def read(spans: Sequence[tuple[int, int]]) -> list[memoryview]:
        return [data[start:stop] for start, stop in spans]

    body = Ranged(key, head.sections, head.checks, read, lambda _: None)
    for name in head.sections:
        body.array(name)
    return Clustered(ref.rows, head, body, lambda load: load()[0])


def table_of(ref: SegmentRef, shape: Shape, segment: Clustered) -> Table:
    """The segment as a table."""
    rows, keys = ClusteredRows(lambda: segment), ClusteredKeys(lambda: segment)
    return Table(ref.rows, ranges_of(ref), shape, keys, rows)


def problems(ref: SegmentRef, shape: Shape, segment: Clustered) -> Iterator[str]:
    """What is wrong with the segment, beside what every table must be."""
    yield from _clusters(ref, shape, segment)
    yield from _keys(ref, segment)
    yield from _columns(segment)


def _clusters(ref: SegmentRef, shape: Shape, segment: Clustered) -> Iterator[str]:
    head = segment.head
    starts = head.starts.astype(np.int64)
    if not len(starts) or starts[0] or starts[-1] != ref.rows or (np.diff(starts) <= 0).any():
        yield "its clusters do not cover its rows"
    if not np.isin([span.start for span in ranges_of(ref)], starts).all():
        yield "a cluster holds rows of two categories"
    width = head.projection.shape[-1]
    if (head.projection.shape, head.centroids.shape) != (
        (shape.dimension, width),
        (len(starts) - 1, width),
    ):
        yield "its centroids do not fit its clusters"
    if len(head.page_ends) != -(-ref.rows // PAGE_ROWS):
        yield "its pages do not cover its rows"


def _keys(ref: SegmentRef, segment: Clustered) -> Iterator[str]:
    entries = segment.body.array("entries")
    high, low = entries[:, HIGH], entries[:, LOW]
    if not ((high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))).all():
        yield "its entries are not in order"
    if not np.array_equal(np.sort(entries[:, ROW]), np.arange(ref.rows)):
        yield "its entries do not name each row once"
    if not np.array_equal(segment.head.fences, high[::ENTRY_ROWS]):
        yield "its fences are not those of its entries"
    keys = Digests(np.ascontiguousarray(high), np.ascontiguousarray(low))
    if not may_hold(segment.body.array("filter"), keys).all():
        yield "its filter denies a key that it holds"


def _columns(segment: Clustered) -> Iterator[str]:
    """Attributes lie in the columns, for filters, and in the pages, for answers."""
    head = segment.head
    pages = segment.pages(range(len(head.page_ends)))
    for name in INT_ATTRIBUTES + STR_ATTRIBUTES:
        column = unpack_column(name, segment.size, head.bases, head.sections, segment.body.array)
        shown = [value for page in pages for value in page.get(name, [None] * len(page["region"]))]
        if shown != [column.value(row) for row in range(segment.size)]:
            yield f"{name} differs between its column and its pages"
