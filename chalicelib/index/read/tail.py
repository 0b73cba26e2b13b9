"""What the unabsorbed part of the log adds, and what it does to older rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.index.format.digests import Digests, find
from chalicelib.index.format.positions import Position, Positions
from chalicelib.index.format.table import Override, RowIds, Table, overrides
from chalicelib.index.format.tombstones import Tombstone, effect

ReadPositions = Callable[[RowIds], Positions]
"""Reads the positions of some rows of a segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """What a tail does to one segment."""

    dead: RowIds
    """Rows that the tail replaces or deletes; ascending."""
    changed: dict[str, Override]
    """Attributes that it sets."""
    stale: RowIds
    """Rows of the tail that lose against a later row of the segment."""


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """Net effect of some log objects: one entry per key."""

    table: Table
    """Rows added; they have what later patches of the tail changed."""
    positions: Positions
    """[table.size]."""
    fatal: Digests
    """Keys put or deleted: their older rows are dead."""
    fatal_positions: Positions
    fatal_rows: RowIds
    """The row of `table` that replaces them, -1 for deletions."""
    marked: Digests
    """Keys whose older rows may have to be patched."""
    marked_tombstones: tuple[tuple[Tombstone, ...], ...]
    """In order of position."""
    tombstones: tuple[Tombstone, ...]
    """All deletions and patches of these log objects."""
    oldest: Position | None
    newest: Position | None

    def on(
        self, keys: Digests, positions: ReadPositions, spans: Iterable[tuple[int, int]]
    ) -> Effect:
        """What this tail does to rows whose keys are sorted within each of `spans`."""
        dead = [np.empty(0, np.int64)]
        stale = [np.empty(0, np.int64)]
        changes: dict[int, Attributes] = {}
        for start, stop in spans:
            span = Digests(keys.high[start:stop], keys.low[start:stop])
            lost, beaten = self._contested(span, start, positions)
            dead.append(lost)
            stale.append(beaten)
            changes |= self._patches(span, start, positions)
        killed = np.unique(np.concatenate(dead))
        gone = set(killed.tolist())
        changed = overrides({row: change for row, change in changes.items() if row not in gone})
        return Effect(killed, changed, np.unique(np.concatenate(stale)))

    def _contested(
        self, span: Digests, start: int, positions: ReadPositions
    ) -> tuple[RowIds, RowIds]:
        """Rows of a segment's span, which begins at row `start`, that lose against this tail, and
        rows of this tail that lose against the span.
        """
        places = find(span, self.fatal)
        hits = np.flatnonzero(places >= 0)
        rows = places[hits] + start
        older = positions(rows).before(self.fatal_positions.take(hits))
        # an equal position is the same change, absorbed already: the segment's row stands
        beaten = self.fatal_rows[hits[~older]]
        return rows[older], beaten[beaten >= 0]

    def _patches(
        self, span: Digests, start: int, positions: ReadPositions
    ) -> dict[int, Attributes]:
        """What is set in rows of a segment's span, which begins at row `start`, and not deleted
        since.
        """
        places = find(span, self.marked)
        found = np.flatnonzero(places >= 0)
        rows = places[found] + start
        since = positions(rows)
        changes: dict[int, Attributes] = {}
        for place, (row, number) in enumerate(zip(rows.tolist(), found.tolist(), strict=True)):
            until, change = effect(self.marked_tombstones[number], since[place])
            if until == since[place] and change is not None:
                changes[row] = change
        return changes


def find_in_table(table: Table, wanted: Digests) -> RowIds:
    """[len(wanted)]: rows, -1 where the key is not in `table`."""
    found = np.full(len(wanted), -1, dtype=np.int64)
    digests = table.digests
    for span in table.ranges:
        keys = Digests(digests.high[span.start : span.stop], digests.low[span.start : span.stop])
        places = find(keys, wanted)
        found[places >= 0] = places[places >= 0] + span.start
    return found
