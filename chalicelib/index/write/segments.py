"""Rows become segments on the store (docs/FORMAT.md §5, §7.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chalicelib.index.format.clustered import body_path, encode_clustered, head_path
from chalicelib.index.format.join import joined
from chalicelib.index.format.manifest import SegmentRef
from chalicelib.index.format.positions import Positions
from chalicelib.index.format.table import Range, RowIds, Table
from chalicelib.index.read.generation import Generation
from chalicelib.index.write.commit import put

MAX_ROWS = 262_144
"""Rows of a segment: a million are four graphs to ask, and one fits a small function's memory while
it is merged.
"""

GRAPH_ROWS = 32_768
"""Rows from which a segment gets a graph, and a category segments of its own (docs/adr/0013)."""


def write_segments(
    generation: Generation, table: Table, positions: Positions, fingerprint: str
) -> list[SegmentRef]:
    """Puts the rows on the store as one or more segments, which nobody sees before a manifest names
    them.
    """
    made = []
    for rows in cut(table.ranges):
        piece, at = table, positions
        if len(rows) < table.size:
            piece, places = joined([(table, rows)], table.shape)
            at = positions.take(rows[places])
        ref, head, body = encode_clustered(
            piece, at, segment_id=generation.tools.new_id(), fingerprint=fingerprint
        )
        put(generation, body_path(ref.id), body)
        put(generation, head_path(ref.id), head)
        made.append(ref)
    return made


def cut(ranges: Sequence[Range]) -> list[RowIds]:
    """Which rows make one segment each: a large category has segments of its own, small ones share;
    none is over MAX_ROWS.
    """
    rows = {span: np.arange(span.start, span.stop) for span in ranges}
    total = sum(len(found) for found in rows.values())
    large = [span for span in ranges if len(rows[span]) >= GRAPH_ROWS < total]
    small = [rows[span] for span in ranges if span not in large]
    groups = [rows[span] for span in large] + ([np.concatenate(small)] if small else [])
    pieces: list[RowIds] = []
    for group in groups:
        pieces += np.array_split(group, -(-len(group) // MAX_ROWS))
    return pieces
