"""The last put of each key among several log objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.index.format.batch import Batch
from chalicelib.index.format.join import joined
from chalicelib.index.format.positions import Positions
from chalicelib.index.format.table import Shape, Table


@dataclass(frozen=True, slots=True, eq=False)
class Puts:
    """Rows and when each was put."""

    table: Table
    positions: Positions
    """[table.size]."""


def puts_of(batch: Batch) -> Puts:
    """All puts of one log object."""
    size = batch.table.size
    return Puts(
        batch.table,
        Positions(
            np.full(size, batch.position.time, np.uint64),
            np.full(size, batch.position.tie, np.uint64),
        ),
    )


def newest_puts(several: Sequence[Puts], shape: Shape) -> Puts:
    """Of each key the last put. Joining what was joined before with what is new gives the same as
    joining all.
    """
    if not several:
        return Puts(joined([], shape)[0], Positions.of([]))
    high = np.concatenate([puts.table.keys["high"] for puts in several])
    low = np.concatenate([puts.table.keys["low"] for puts in several])
    time = np.concatenate([puts.positions.time for puts in several])
    tie = np.concatenate([puts.positions.tie for puts in several])
    # by key, then position: of equal keys the last one is the newest put
    order = np.lexsort((tie, time, low, high))
    last = np.ones(len(order), dtype=np.bool_)
    last[:-1] = (high[order][1:] != high[order][:-1]) | (low[order][1:] != low[order][:-1])
    wins = np.zeros(len(order), dtype=np.bool_)
    wins[order[last]] = True
    stops = np.cumsum([puts.table.size for puts in several])
    taken = [
        (puts.table, np.flatnonzero(wins[stop - puts.table.size : stop]))
        for puts, stop in zip(several, stops.tolist(), strict=True)
        if puts.table.size
    ]
    # the joined rows are in another order, by category: positions follow them
    table, places = joined(taken, shape)
    return Puts(table, Positions(time[wins], tie[wins]).take(places))
