"""Searches several tables, each on its own, so that any split of them gives the same answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chalicelib.index.format.manifest import SegmentRef
from chalicelib.index.read.answer import Apply, RowReader
from chalicelib.index.read.query import Query
from chalicelib.index.read.reader import reader_of
from chalicelib.index.read.search import TableHits, search_table
from chalicelib.index.read.snapshot_table import SegmentTable, SnapshotTable


def search_tables(
    tables: Sequence[SnapshotTable], query: Query, *, rows: int, apply: Apply = map
) -> list[tuple[RowReader, TableHits]]:
    """What each of `tables` finds, and what reads its rows. `rows` are in the segments of the whole
    snapshot; `apply` searches several tables at once. Raises ObjectMissing, CorruptObject.
    """

    def search(one: SnapshotTable) -> tuple[RowReader, TableHits]:
        table = one.table
        share = table.size / max(rows, table.size, 1)
        return reader_of(table), search_table(table, one.alive, query, one.graph, share=share)

    return list(apply(search, tables))


def matching_tables(tables: Iterable[SnapshotTable], query: Query) -> list[SnapshotTable]:
    """Those that hold rows of the query's categories."""
    return [table for table in tables if _may_match(table, query)]


def refs_of(tables: Iterable[SnapshotTable]) -> list[SegmentRef]:
    """The segments among `tables`."""
    return [table.ref for table in tables if isinstance(table, SegmentTable)]


def _may_match(table: SnapshotTable, query: Query) -> bool:
    if query.categories is None:
        return True
    if isinstance(table, SegmentTable):
        return any(category in query.categories for category, _ in table.ref.categories)
    return any(span.category_id in query.categories for span in table.table.ranges)
