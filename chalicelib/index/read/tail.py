"""What the unabsorbed part of the log adds, and what it does to older rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.index.format.digests import Digests, find
from chalicelib.index.format.positions import Position, Positions
from chalicelib.index.format.segment import positions_of
from chalicelib.index.format.table import Override, RowIds, Table, overrides
from chalicelib.index.format.tombstones import Tombstone, effect

Find = Callable[[Digests], tuple[RowIds, Positions]]
"""The row of each key in a segment, -1 where there is none, and the positions of those that are
there.
"""


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

    def on(self, find: Find) -> Effect:
        """What this tail does to the rows of a segment, whose keys `find` finds."""
        rows, since = find(self.fatal)
        hits = np.flatnonzero(rows >= 0)
        older = since.take(hits).before(self.fatal_positions.take(hits))
        dead = np.unique(rows[hits[older]])
        # an equal position is the same change, absorbed already: the segment's row stands
        beaten = self.fatal_rows[hits[~older]]
        changes = self._patches(find, set(dead.tolist()))
        return Effect(dead, overrides(changes), np.unique(beaten[beaten >= 0]))

    def _patches(self, find: Find, dead: set[int]) -> dict[int, Attributes]:
        """What is set in rows of a segment that are not `dead`, and not deleted since."""
        rows, since = find(self.marked)
        changes: dict[int, Attributes] = {}
        for number in np.flatnonzero(rows >= 0).tolist():
            row = int(rows[number])
            until, change = effect(self.marked_tombstones[number], since[number])
            if until == since[number] and change is not None and row not in dead:
                changes[row] = change
        return changes


def find_with_positions(table: Table, wanted: Digests) -> tuple[RowIds, Positions]:
    """`find_in_table`, with the positions of the rows found (Find); `table` is a segment of
    format 1.
    """
    rows = find_in_table(table, wanted)
    held = np.flatnonzero(rows >= 0)
    times, ties = np.zeros((2, len(rows)), dtype=np.uint64)
    if len(held):
        found = positions_of(table.keys, rows[held])
        times[held], ties[held] = found.time, found.tie
    return rows, Positions(times, ties)


def find_in_table(table: Table, wanted: Digests) -> RowIds:
    """[len(wanted)]: rows, -1 where the key is not in `table`."""
    found = np.full(len(wanted), -1, dtype=np.int64)
    digests = table.digests
    for span in table.ranges:
        keys = Digests(digests.high[span.start : span.stop], digests.low[span.start : span.stop])
        places = find(keys, wanted)
        found[places >= 0] = places[places >= 0] + span.start
    return found
