"""Where a change stands among all changes of a collection (docs/FORMAT.md §4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.digests import U64
from chalicelib.index.format.table import RowIds

_LAST = (1 << 64) - 1
_NAME = re.compile(r"([0-9a-f]{16})-([0-9a-f]{16})")


class Position(NamedTuple):
    """A change's place; the later one of a key wins. Two log objects never share one."""

    time: int
    """Microseconds since the epoch, at least one more than any acknowledged change had when this
    one began (docs/adr/0011).
    """
    tie: int
    """64 random bits."""

    @property
    def seconds(self) -> float:
        """Its time, seconds since the epoch."""
        return self.time / 1e6

    def text(self) -> str:
        """The log object's name: newest first in a listing."""
        return f"{_LAST - self.time:016x}-{self.tie:016x}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The inverse of `text`. Raises ValueError."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not the name of a log object")
        return cls(_LAST - int(found[1], 16), int(found[2], 16))


FIRST = Position(0, 0)
"""Before every change."""


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Of many rows."""

    time: U64
    tie: U64

    def take(self, rows: RowIds) -> Positions:
        """Those of `rows`."""
        return Positions(self.time[rows], self.tie[rows])

    def then(self, more: Positions) -> Positions:
        """These, and `more` after them."""
        return Positions(np.append(self.time, more.time), np.append(self.tie, more.tie))

    def before(self, other: Positions) -> npt.NDArray[np.bool_]:
        """[rows]: whether this one is the earlier."""
        found: npt.NDArray[np.bool_] = (self.time < other.time) | (
            (self.time == other.time) & (self.tie < other.tie)
        )
        return found

    def __getitem__(self, row: int) -> Position:
        return Position(int(self.time[row]), int(self.tie[row]))

    @classmethod
    def of(cls, positions: Sequence[Position]) -> Positions:
        """Column form."""
        return cls(
            np.array([one.time for one in positions], np.uint64),
            np.array([one.tie for one in positions], np.uint64),
        )


def next_position(newest: Position | None, *, now: float, new_id: str) -> Position:
    """The position of a change that begins `now` (seconds) and sees `newest` at the head of the
    log; `new_id` is hex.
    """
    time = int(now * 1_000_000)
    return Position(time if newest is None else max(time, newest.time + 1), int(new_id[-16:], 16))
