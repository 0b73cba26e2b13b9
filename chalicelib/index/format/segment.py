"""A segment of format 1 as it is read: immutable rows, in two objects (docs/FORMAT.md §5)."""

from __future__ import annotations

from chalicelib.errors import CorruptObject
from chalicelib.index.format.bundle import Arrays, Bundle
from chalicelib.index.format.manifest import SegmentRef
from chalicelib.index.format.positions import Positions
from chalicelib.index.format.table import Range, RowIds, Shape, Table


def keys_path(segment_id: str) -> str:
    """Within the generation's folder."""
    return f"segments/{segment_id}/keys"


def rows_path(segment_id: str) -> str:
    """Within the generation's folder."""
    return f"segments/{segment_id}/rows"


def open_keys(ref: SegmentRef, key: str, data: memoryview) -> Bundle:
    """Raises CorruptObject, FormatTooNew."""
    # narrows the type; the caller looked
    assert ref.keys is not None  # noqa: S101
    return _sized(ref, Bundle(key, data, "keys", sha256=ref.keys.sha256))


def open_rows(ref: SegmentRef, key: str, data: memoryview) -> Bundle:
    """Raises CorruptObject, FormatTooNew."""
    return _sized(ref, Bundle(key, data, "rows", sha256=ref.body.sha256))


def positions_of(keys: Arrays, rows: RowIds | slice = slice(None)) -> Positions:
    """[rows]: all, unless `rows` says which."""
    places = keys["positions"][rows]
    return Positions(keys["times"][places], keys["ties"][places])


def _sized(ref: SegmentRef, bundle: Bundle) -> Bundle:
    if bundle.meta["size"] != ref.rows:
        raise CorruptObject(
            bundle.key, f"it has {bundle.meta['size']} rows, the manifest says {ref.rows}"
        )
    return bundle


def ranges_of(ref: SegmentRef) -> tuple[Range, ...]:
    """Which rows belong to which category."""
    ranges, start = [], 0
    for category_id, count in ref.categories:
        ranges.append(Range(category_id, start, start + count))
        start += count
    return tuple(ranges)


def table_of_segment(ref: SegmentRef, shape: Shape, keys: Arrays, rows: Arrays) -> Table:
    """The segment as a table; arrays are verified as they are read."""
    return Table(ref.rows, ranges_of(ref), shape, keys, rows)
