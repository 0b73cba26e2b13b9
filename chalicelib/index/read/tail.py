"""The unabsorbed part of the log, resolved: what it adds, and what it does to older rows. Readers
and compaction share this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.index.format.batch import Batch
from chalicelib.index.format.build import joined
from chalicelib.index.format.digests import Digests, find, key_digests
from chalicelib.index.format.positions import FIRST, Position, Positions
from chalicelib.index.format.records import Key
from chalicelib.index.format.table import Override, RowIds, Shape, Table, merged, overrides
from chalicelib.index.format.tombstones import Tombstone, effect
from chalicelib.index.read.puts import Puts, newest_puts, puts_of


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
        self,
        keys: Digests,
        positions: Callable[[RowIds], Positions],
        ranges: Iterable[tuple[int, int]],
    ) -> Effect:
        """What this tail does to rows whose keys are sorted within each of `ranges`; `positions`
        reads those of some rows.
        """
        dead: list[RowIds] = []
        stale: list[RowIds] = []
        changes: dict[int, Attributes] = {}
        for start, stop in ranges:
            part = Digests(keys.high[start:stop], keys.low[start:stop])
            places = find(part, self.fatal)
            hits = np.flatnonzero(places >= 0)
            rows = places[hits] + start
            older = positions(rows).before(self.fatal_positions.take(hits))
            dead.append(rows[older])
            beaten = self.fatal_rows[
                hits[~older]
            ]  # an equal position is the same change, absorbed already: the segment's row stands
            stale.append(beaten[beaten >= 0])
            places = find(part, self.marked)
            found = np.flatnonzero(places >= 0)
            since = positions(places[found] + start)
            for place, number in enumerate(found.tolist()):
                until, change = effect(self.marked_tombstones[number], since[place])
                if until == since[place] and change is not None:
                    changes[int(places[number]) + start] = change
        killed = np.unique(np.concatenate(dead)) if dead else np.empty(0, np.int64)
        gone = set(killed.tolist())
        changed = overrides({row: change for row, change in changes.items() if row not in gone})
        return Effect(
            killed, changed, np.unique(np.concatenate(stale)) if stale else np.empty(0, np.int64)
        )


def resolve(
    batches: Sequence[Batch],
    shape: Shape,
    *,
    kept: Iterable[Tombstone] = (),
    puts: Puts | None = None,
) -> Tail:
    """The net effect of `batches`, in any order. `kept` are tombstones of earlier log objects that
    may be later than some of these; `puts` the newest puts of `batches`, where they are known
    already.
    """
    batches = sorted(batches, key=lambda batch: batch.position)
    every = [tombstone for batch in batches for tombstone in batch.tombstones]
    newest = puts or newest_puts([puts_of(batch) for batch in batches], shape)
    table, positions = newest.table, newest.positions
    keys = {tombstone.key for tombstone in every}
    relevant = _relevant(kept, table, keys)
    by_key: dict[Key, list[Tombstone]] = {}
    for tombstone in sorted([*every, *relevant], key=lambda tombstone: tombstone.position):
        by_key.setdefault(tombstone.key, []).append(tombstone)
    marked = key_digests([tombstones[0].key for tombstones in by_key.values()])
    rows = find_in_table(table, marked)
    dead: list[int] = []
    changes: dict[int, Attributes] = {}
    deleted: list[int] = []
    deleted_at: list[Position] = []
    for number, (row, tombstones) in enumerate(zip(rows.tolist(), by_key.values(), strict=True)):
        since = positions[row] if row >= 0 else FIRST
        until, change = effect(tombstones, since)
        if until > since:  # deleted after it was put, if it was put
            if row >= 0:
                dead.append(row)
            deleted.append(number)
            deleted_at.append(until)
        elif row >= 0 and change is not None:
            changes[row] = change
    table, kept_rows = _without(table, np.array(dead, dtype=np.int64), overrides(changes), shape)
    positions = positions.take(kept_rows)
    gone = marked.take(np.array(deleted, dtype=np.int64))
    gone_at = Positions.of(deleted_at)
    return Tail(
        table=table,
        positions=positions,
        fatal=Digests(
            np.append(table.digests.high, gone.high), np.append(table.digests.low, gone.low)
        ),
        fatal_positions=Positions(
            np.append(positions.time, gone_at.time), np.append(positions.tie, gone_at.tie)
        ),
        fatal_rows=np.append(np.arange(table.size), np.full(len(gone), -1)),
        marked=marked,
        marked_tombstones=tuple(tuple(tombstones) for tombstones in by_key.values()),
        tombstones=tuple(every),
        oldest=batches[0].position if batches else None,
        newest=batches[-1].position if batches else None,
    )


def find_in_table(table: Table, wanted: Digests) -> RowIds:
    """[len(wanted)]: rows, -1 where the key is not in `table`."""
    found = np.full(len(wanted), -1, dtype=np.int64)
    digests = table.digests
    for part in table.ranges:
        places = find(
            Digests(digests.high[part.start : part.stop], digests.low[part.start : part.stop]),
            wanted,
        )
        found[places >= 0] = places[places >= 0] + part.start
    return found


def _relevant(kept: Iterable[Tombstone], table: Table, keys: set[Key]) -> list[Tombstone]:
    """Those of `kept` whose key the tail touches."""
    candidates = list(kept)
    if not candidates:
        return []
    rows = find_in_table(table, key_digests([tombstone.key for tombstone in candidates]))
    return [
        tombstone
        for tombstone, row in zip(candidates, rows.tolist(), strict=True)
        if row >= 0 or tombstone.key in keys
    ]


def _without(
    table: Table, dead: RowIds, changed: dict[str, Override], shape: Shape
) -> tuple[Table, RowIds]:
    """`table` less the rows `dead`, with `changed` applied, and the old row of each of its rows."""
    if not len(dead) and not changed:
        return table, np.arange(table.size)
    rows = np.setdiff1d(np.arange(table.size), dead)
    new = Table(
        table.size, table.ranges, shape, table.keys, table.rows, merged(table.changed, changed)
    )
    made, places = joined([(new, rows)], shape)
    return made, rows[places]
