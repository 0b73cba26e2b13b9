"""What a collection is made of: its segments, its log, and how it grew. Costs what opening it
costs; no row is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.index.read.snapshot import SegmentStats
from chalicelib.usecases.deployment import Deployment


@dataclass(frozen=True, slots=True)
class StorageStatistics:
    """A collection at one moment."""

    segments: tuple[SegmentStats, ...]
    """Oldest first."""
    log_objects: int
    """Not in a segment yet."""
    rows: int
    """Of segments and log; replaced ones in the log may be counted twice."""
    growth: tuple[tuple[float, int], ...]
    """(seconds since the epoch, rows), rising: as far as it can be told without reading rows. Those
    of a merged segment appear with its newest, those of the log as if each of its objects brought
    as many.
    """


def storage_statistics(collection: str, deployment: Deployment) -> StorageStatistics:
    """Raises CollectionNotFound, StorageError."""
    opened = deployment.catalog.open(collection)
    snapshot = opened.snapshot()
    segments = tuple(sorted(snapshot.segments(), key=lambda segment: segment.newest))
    stats = snapshot.stats
    log = sorted(snapshot.log_times)
    return StorageStatistics(
        segments,
        stats.log_objects,
        stats.rows,
        tuple(_growth(opened.info.created, segments, log, stats.rows, deployment.clock())),
    )


def _growth(
    created: float, segments: tuple[SegmentStats, ...], log: list[float], rows: int, now: float
) -> Iterator[tuple[float, int]]:
    """See StorageStatistics; `log` are the seconds of its objects, ascending."""
    yield created, 0
    total = 0
    for segment in segments:
        total += segment.rows
        yield max(segment.newest, created), total
    for number, time in enumerate(log, 1):
        yield max(time, created), total + round((rows - total) * number / len(log))
    yield now, rows
