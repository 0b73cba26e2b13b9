"""What a collection is made of: its segments, its log, and how it grew. Costs what opening it costs; no row is read."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.usecases.house import House


@dataclass(frozen=True, slots=True)
class Piece:
    """A segment."""

    rows: int
    """That count; replaced and deleted ones do not."""
    size: int
    """Bytes on the store."""
    newest: float
    """When its newest row was added, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A collection at one moment."""

    pieces: tuple[Piece, ...]
    """Oldest first."""
    log_objects: int
    """Not in a segment yet."""
    rows: int
    """Of segments and log; replaced ones in the log may be counted twice."""
    growth: tuple[tuple[float, int], ...]
    """(seconds since the epoch, rows), rising: as far as the segments tell it, so rows of a merged segment appear with its newest."""


def anatomy(collection: str, house: House) -> Anatomy:
    """Raises CollectionNotFound, StorageError."""
    opened = house.catalog.open(collection)
    snapshot = opened.snapshot()
    pieces = tuple(
        sorted((Piece(ref.live, ref.size, ref.newest.time / 1e6) for ref in snapshot.manifest.segments), key=lambda piece: piece.newest)
    )
    stats = snapshot.stats
    points = [(opened.info.created, 0)]
    for piece in pieces:
        points.append((piece.newest, points[-1][1] + piece.rows))
    if stats.rows != points[-1][1]:
        points.append((house.clock(), stats.rows))
    return Anatomy(pieces, stats.log_objects, stats.rows, tuple(points))
