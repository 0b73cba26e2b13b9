"""A segment on the store: immutable rows, in two objects (docs/FORMAT.md §5)."""

from __future__ import annotations

import numpy as np

from chalicelib.errors import CorruptObject
from chalicelib.index.format.bundle import Arrays, Bundle, encode
from chalicelib.index.format.manifest import ObjectRef, SegmentRef
from chalicelib.index.format.positions import Position, Positions
from chalicelib.index.format.table import Range, RowIds, Shape, Table

_FEATURE_BLOCK = 256 * 1024
"""Bytes of features per hash: a search that re-ranks 400 rows of a million verifies a tenth of them
(benchmarks/RESULTS.md).
"""


def keys_path(segment_id: str) -> str:
    """Within the generation's folder."""
    return f"segments/{segment_id}/keys"


def rows_path(segment_id: str) -> str:
    """Within the generation's folder."""
    return f"segments/{segment_id}/rows"


def encode_segment(
    table: Table, positions: Positions, *, segment_id: str, fingerprint: str
) -> tuple[SegmentRef, bytes, bytes]:
    """How the manifest names the segment, and its keys and rows objects. `positions` [table.size];
    the table is not empty.
    """
    order = np.lexsort((positions.tie, positions.time))
    time, tie = positions.time[order], positions.tie[order]
    first = np.ones(table.size, dtype=np.bool_)
    first[1:] = (time[1:] != time[:-1]) | (tie[1:] != tie[:-1])
    places = np.empty(table.size, dtype=np.uint32)
    places[order] = np.cumsum(first) - 1
    keys, keys_sha = encode(
        "keys",
        {"size": table.size, "fingerprint": fingerprint},
        {**table.keys, "positions": places, "times": time[first], "ties": tie[first]},
    )
    meta = {
        "size": table.size,
        "ranges": table.ranges,
        "dimension": table.shape.dimension,
        "bits": table.shape.bits,
        "fingerprint": fingerprint,
    }
    rows, rows_sha = encode("rows", meta, table.rows, blocks={"features": _FEATURE_BLOCK})
    newest = Position(int(time[-1]), int(tie[-1]))
    ref = SegmentRef(
        id=segment_id,
        rows=table.size,
        categories=tuple((span.category_id, span.stop - span.start) for span in table.ranges),
        newest=newest,
        keys=ObjectRef(segment_id, keys_sha, len(keys)),
        body=ObjectRef(segment_id, rows_sha, len(rows)),
    )
    return ref, keys, rows


def open_keys(ref: SegmentRef, key: str, data: memoryview) -> Bundle:
    """Raises CorruptObject, FormatTooNew."""
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
