"""Where a change stands among all changes of a collection (docs/FORMAT.md §4)."""

from __future__ import annotations

from typing import NamedTuple

_LAST = (1 << 64) - 1


class Position(NamedTuple):
    """A change's place; the later one of a key wins. Two log objects never share one."""

    time: int
    """Microseconds since the epoch, at least one more than any acknowledged change had when this one began (docs/adr/0011)."""
    tie: int
    """64 random bits."""

    def text(self) -> str:
        """The log object's name: newest first in a listing."""
        return f"{_LAST - self.time:016x}-{self.tie:016x}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The inverse of `text`. Raises ValueError."""
        time, dash, tie = text[:16], text[16:17], text[17:]
        if len(text) != 33 or dash != "-":
            raise ValueError(f"{text!r} is not the name of a log object")
        return cls(_LAST - int(time, 16), int(tie, 16))


FIRST = Position(0, 0)
"""Before every change."""


def next_position(newest: Position | None, *, now: float, new_id: str) -> Position:
    """The position of a change that begins `now` (seconds) and sees `newest` at the head of the log; `new_id` is hex."""
    time = int(now * 1_000_000)
    return Position(time if newest is None else max(time, newest.time + 1), int(new_id[-16:], 16))
