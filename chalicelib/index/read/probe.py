"""The nearest codes of a segment of format 2: of its clusters those that are near are read, and of
their rows those with the nearest codes are given.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.table import RowIds
from chalicelib.index.read.clustered import Clustered
from chalicelib.index.read.matching import Matching
from chalicelib.index.read.scan import row_distances, smallest

SHARE = 0.04
"""Of the matching rows, those whose clusters are chosen (docs/adr/0076)."""

RENTED_SHARE = 0.08
"""The same once all codes of the segment are in memory, where they cost no read."""

LEAST = 8_192
"""At least so many rows."""

LEAST_FILTERED = 4_096
"""The same under a filter, whose rows lie thinner (docs/adr/0078)."""

PROBED_PER_HIT = 64
"""The same for each hit that is wanted: farther ranks lie in farther clusters."""

GAP = 8
"""Clusters between two chosen ones that are taken too: one read spares another."""


class Probe:
    """The clusters of a segment that hold matching rows, the nearest first."""

    def __init__(
        self, segment: Clustered, matching: Matching, feature: npt.NDArray[np.int8]
    ) -> None:
        """`feature` [dimension] is the query's."""
        self._segment = segment
        self._allowed = matching.allowed
        self._starts = segment.head.starts.astype(np.int64)
        counts = np.diff(self._starts)
        if matching.allowed is not None:
            counts = np.add.reduceat(
                matching.allowed.view(np.uint8), self._starts[:-1], dtype=np.int64
            )
        self._wanted = np.zeros(len(counts), dtype=np.bool_)
        for start, stop in matching.spans:  # no cluster lies across a span's end
            first, last = np.searchsorted(self._starts, (start, stop))
            self._wanted[first:last] = True
        clusters = np.flatnonzero(self._wanted)
        order = np.argsort(-segment.likeness(feature)[clusters], kind="stable")
        self._clusters = clusters[order]
        self._gap = 0 if segment.body.is_whole("codes") else GAP
        self._reached = np.cumsum(counts[self._clusters])
        """Matching rows of the first clusters."""

    def nearest(self, words: npt.NDArray[np.uint64], width: int, need: int) -> RowIds:
        """The `width` matching rows with the codes nearest to `words` [words], and all as near as
        the last of them, of the clusters that hold `need` matching rows and of those between;
        ascending.
        """
        count = int(np.searchsorted(self._reached, need)) + 1
        rows = self._rows(np.sort(self._clusters[:count]))
        codes = self._segment.body.gather("codes", rows)
        return rows[smallest(row_distances(codes, words), width)]

    def _rows(self, chosen: npt.NDArray[np.int64]) -> RowIds:
        """Matching rows of these clusters, and of wanted ones in the gaps between them."""
        breaks = np.flatnonzero(np.diff(chosen) > self._gap + 1) + 1
        firsts = chosen[np.append(0, breaks)]
        lasts = chosen[np.append(breaks, len(chosen)) - 1] + 1
        pieces = [
            np.arange(self._starts[first], self._starts[last])
            for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
        ]
        rows = np.concatenate(pieces)
        if not self._wanted.all():
            rows = rows[np.repeat(self._wanted, np.diff(self._starts))[rows]]
        return rows if self._allowed is None else rows[self._allowed[rows]]
