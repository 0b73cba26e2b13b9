"""Writes segments of format 1, which the package reads and does not write any more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from chalicelib.index.format.bundle import encode
from chalicelib.index.format.manifest import ObjectRef, SegmentRef
from chalicelib.index.format.positions import Position, Positions
from chalicelib.index.format.segment import keys_path, rows_path
from chalicelib.index.format.table import Table
from chalicelib.index.write import segments

_FEATURE_BLOCK = 256 * 1024
"""Bytes of features per hash: a search that re-ranks 400 rows of a million verifies a tenth of them
(benchmarks/RESULTS.md).
"""


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
        {
            **{name: table.keys[name] for name in ("high", "low")},
            "positions": places,
            "times": time[first],
            "ties": tie[first],
        },
    )
    meta = {
        "size": table.size,
        "ranges": table.ranges,
        "dimension": table.shape.dimension,
        "bits": table.shape.bits,
        "fingerprint": fingerprint,
    }
    rows, rows_sha = encode("rows", meta, dict(table.rows), blocks={"features": _FEATURE_BLOCK})
    newest = Position(int(time[-1]), int(tie[-1]))
    ref = SegmentRef(
        id=segment_id,
        rows=table.size,
        categories=tuple((part.category_id, part.stop - part.start) for part in table.ranges),
        newest=newest,
        keys=ObjectRef(segment_id, keys_sha, len(keys)),
        body=ObjectRef(segment_id, rows_sha, len(rows)),
    )
    return ref, keys, rows


@contextmanager
def writing(number: int) -> Iterator[None]:
    """Inside, segments are written in format `number`, as the release did that began it."""
    with pytest.MonkeyPatch.context() as patch:
        if number == 1:
            patch.setattr(segments, "encode_clustered", encode_segment)
            patch.setattr(segments, "head_path", keys_path)
            patch.setattr(segments, "body_path", rows_path)
        yield
