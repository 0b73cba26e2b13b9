"""What a collection is made of: its segments, its log, and how it grew. Costs what opening it costs; no row is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.index.position import Position
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
    """(seconds since the epoch, rows), rising: as far as it can be told without reading rows. Those of a merged segment appear with its
    newest, those of the log as if each of its objects brought as many."""


def anatomy(collection: str, house: House) -> Anatomy:
    """Raises CollectionNotFound, StorageError."""
    opened = house.catalog.open(collection)
    snapshot = opened.snapshot()
    pieces = tuple(
        sorted((Piece(ref.live, ref.size, ref.newest.time / 1e6) for ref in snapshot.manifest.segments), key=lambda piece: piece.newest)
    )
    stats = snapshot.stats
    absorbed = frozenset(snapshot.manifest.absorbed)
    names = (stat.key.rpartition("/")[2] for stat in opened.generation.log())
    log = sorted(Position.parse(name).time / 1e6 for name in names if name not in absorbed)
    return Anatomy(pieces, stats.log_objects, stats.rows, tuple(_growth(opened.info.created, pieces, log, stats.rows, house.clock())))


def _growth(created: float, pieces: tuple[Piece, ...], log: list[float], rows: int, now: float) -> Iterator[tuple[float, int]]:
    yield created, 0
    total = 0
    for piece in pieces:
        total += piece.rows
        yield max(piece.newest, created), total
    for number, time in enumerate(log, 1):
        yield max(time, created), total + round((rows - total) * number / len(log))
    yield now, rows
