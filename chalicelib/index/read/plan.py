"""Which way to a segment's nearest rows costs less: the scan of all codes, or the graph.

Estimates in seconds of one core (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.index.read.graph import Graph

SCAN_ROW_WORD_S = 1.9e-9
"""Per row and 64-bit word, threshold included."""

GRAPH_BASE_S = 100e-6
GRAPH_ROW_S = 1.5e-6
"""Per row asked for."""

OPEN_BYTE_S = 1.7e-9
"""Hashing, checking and mapping a graph, per byte."""

IMPORT_S = 0.15
"""Importing usearch and what it needs, for the first graph of a process."""

MARGIN = 1.25
"""Over-fetch beyond what the share of matching rows suggests."""


@dataclass(frozen=True, slots=True)
class Route:
    """The graph way, where it is worth it."""

    width: int
    """Rows to ask the graph for."""
    saved_s: float
    """Over the scan."""


def route(*, rows: int, searched: int, matching: int, words: int, width: int) -> Route | None:
    """How to get `width` of the `matching` rows by the graph of a segment of `rows`; None where
    scanning `searched` rows is as cheap.
    """
    asked = math.ceil(width * rows / max(1, matching) * (1.0 if matching == rows else MARGIN))
    saved_s = searched * words * SCAN_ROW_WORD_S - GRAPH_BASE_S - asked * GRAPH_ROW_S
    return Route(asked, saved_s) if saved_s > 0 and asked <= rows // 4 else None


@dataclass(slots=True)
class SkiRental:
    """Decides when a graph is worth opening: when it would have saved what opening costs. So a cold
    process scans, and never pays more than twice of what knowing the future would cost (the
    ski-rental rule).
    """

    _saved_s: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pays(self, graph_id: str, cost_s: float, saved_s: float) -> bool:
        """Counts one search that would have saved `saved_s` with this graph, which costs `cost_s`
        to open; True: open it now.
        """
        with self._lock:
            total = self._saved_s.get(graph_id, 0.0) + saved_s
            self._saved_s[graph_id] = total
            return total >= cost_s


def opening_s(size: int) -> float:
    """What opening a graph of `size` bytes costs in this process."""
    return size * OPEN_BYTE_S + (0.0 if "usearch" in sys.modules else IMPORT_S)


OpenGraph = Callable[[float], Graph | None]
"""The graph, or None where there is none, it is damaged, or opening it is not worth the seconds
given.
"""
