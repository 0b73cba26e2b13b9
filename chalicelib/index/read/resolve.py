"""Resolves log objects: of each key what counts in the end. Readers and compaction share this
(docs/FORMAT.md §7.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.index.format.batch import Batch
from chalicelib.index.format.digests import Digests, key_digests
from chalicelib.index.format.join import joined
from chalicelib.index.format.positions import FIRST, Position, Positions
from chalicelib.index.format.records import Key
from chalicelib.index.format.table import Override, RowIds, Shape, Table, merged, overrides
from chalicelib.index.format.tombstones import Tombstone, effect
from chalicelib.index.read.puts import Puts, newest_puts, puts_of
from chalicelib.index.read.tail import Tail, find_in_table

ByKey = dict[Key, list[Tombstone]]
"""Tombstones in order of position."""


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
    # of the kept tombstones only those matter whose keys occur in the log
    by_key = _by_key(every, _relevant(kept, newest.table, every))
    marked = key_digests(list(by_key))
    outcome = _outcome(newest, marked, by_key)
    table, rows = _without(newest.table, outcome.dead, overrides(outcome.changes), shape)
    positions = newest.positions.take(rows)
    gone, gone_at = marked.take(outcome.deleted), Positions.of(outcome.deleted_at)
    return Tail(
        table=table,
        positions=positions,
        fatal=table.digests.then(gone),
        fatal_positions=positions.then(gone_at),
        fatal_rows=np.append(np.arange(table.size), np.full(len(gone), -1)),
        marked=marked,
        marked_tombstones=tuple(tuple(tombstones) for tombstones in by_key.values()),
        tombstones=tuple(every),
        oldest=batches[0].position if batches else None,
        newest=batches[-1].position if batches else None,
    )


def _by_key(every: Iterable[Tombstone], relevant: Iterable[Tombstone]) -> ByKey:
    found: ByKey = {}
    for tombstone in sorted([*every, *relevant], key=lambda tombstone: tombstone.position):
        found.setdefault(tombstone.key, []).append(tombstone)
    return found


def _relevant(
    kept: Iterable[Tombstone], table: Table, every: Iterable[Tombstone]
) -> list[Tombstone]:
    """Those of `kept` whose key the log objects put (`table`), delete or patch (`every`)."""
    candidates = list(kept)
    if not candidates:
        return []
    keys = {tombstone.key for tombstone in every}
    rows = find_in_table(table, key_digests([tombstone.key for tombstone in candidates]))
    return [
        tombstone
        for tombstone, row in zip(candidates, rows.tolist(), strict=True)
        if row >= 0 or tombstone.key in keys
    ]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What tombstones do to the newest puts."""

    dead: RowIds
    """Puts that were deleted later."""
    changes: dict[int, Attributes]
    """By row: what was set later."""
    deleted: RowIds
    """Which keys are deleted in the end, whether or not they are among the puts."""
    deleted_at: list[Position]
    """As many."""


def _outcome(puts: Puts, marked: Digests, by_key: ByKey) -> _Outcome:
    """`marked` are the digests of `by_key`, in its order."""
    rows = find_in_table(puts.table, marked)
    dead: list[int] = []
    deleted: list[int] = []
    deleted_at: list[Position] = []
    changes: dict[int, Attributes] = {}
    for number, (row, tombstones) in enumerate(zip(rows.tolist(), by_key.values(), strict=True)):
        since = puts.positions[row] if row >= 0 else FIRST
        until, change = effect(tombstones, since)
        if until > since:  # deleted after it was put, if it was put
            deleted.append(number)
            deleted_at.append(until)
            if row >= 0:
                dead.append(row)
        elif row >= 0 and change is not None:
            changes[row] = change
    return _Outcome(
        np.array(dead, dtype=np.int64), changes, np.array(deleted, dtype=np.int64), deleted_at
    )


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
