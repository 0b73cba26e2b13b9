"""Asking many at once: each gets two tries, the first good answer counts, and either all are
answered or the whole fails.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from chalicelib.errors import StoreUnavailable

Ask = Callable[[bytes], bytes]
"""Takes a question and returns its answer; raises when there is none."""

PATIENCE_S: Final = 8.0
"""Silence after which a part is asked again, and after which the search then fails: twice fits the
API's 29 s and the SDKs' 10 s once.
"""


@dataclass(frozen=True, slots=True)
class FanOut:
    """How a deployment fans searches out."""

    rows: int = 0
    """Rows that one function searches at most; 0: searches are never fanned out."""
    ask: Ask | None = None
    """Who searches a part; None: threads of this process."""
    patience_s: float = PATIENCE_S


@dataclass(slots=True)
class _Waiting:
    deadline: float
    tries: int = 1
    under_way: int = 1


def ask_parts(
    questions: Sequence[bytes],
    ask: Ask,
    *,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> list[bytes]:
    """The answer to each question, in order. A try that fails or is silent for `patience_s` is
    followed by a second one.

    Raises the last error of a question whose tries both failed, StoreUnavailable for one that
    stayed silent.
    """
    arrived: SimpleQueue[tuple[int, bytes | Exception]] = SimpleQueue()
    waiting = {number: _Waiting(clock() + patience_s) for number in range(len(questions))}
    answers: dict[int, bytes] = {}
    for number in waiting:
        _try(ask, questions[number], number, arrived)
    while waiting:
        next_deadline = waiting[_most_overdue(waiting)].deadline
        try:
            number, answer = arrived.get(timeout=max(0.0, next_deadline - clock()))
        except Empty:
            number = _most_overdue(waiting)
            if waiting[number].tries == 2:
                raise StoreUnavailable(
                    f"part {number + 1} of {len(questions)} was silent for {patience_s:g} s, "
                    "twice; repeat later"
                ) from None
            _again(waiting[number], clock() + patience_s)
            _try(ask, questions[number], number, arrived)
            continue
        entry = waiting.get(number)
        if entry is None:  # answered before: this is the other try
            continue
        if not isinstance(answer, Exception):
            answers[number] = answer
            del waiting[number]
        elif _try_again(entry, answer, clock() + patience_s):
            _try(ask, questions[number], number, arrived)
    return [answers[number] for number in range(len(questions))]


def _most_overdue(waiting: Mapping[int, _Waiting]) -> int:
    return min(waiting, key=lambda number: waiting[number].deadline)


def _try_again(entry: _Waiting, error: Exception, deadline: float) -> bool:
    """Whether the try that failed is to be followed by another. Raises `error` after the last."""
    entry.under_way -= 1
    if entry.tries == 1:
        _again(entry, deadline)
        return True
    if entry.under_way == 0:
        raise error
    return False


def _again(entry: _Waiting, deadline: float) -> None:
    entry.tries += 1
    entry.under_way += 1
    entry.deadline = deadline


def _try(
    ask: Ask, question: bytes, number: int, arrived: SimpleQueue[tuple[int, bytes | Exception]]
) -> None:
    """Asks from a thread of its own, which nobody waits for: one that hangs must not hold up the
    answer or the end of the process.
    """

    def run() -> None:
        try:
            arrived.put((number, ask(question)))
        # raised by whoever waits for the answers, or outweighed by the other try
        except Exception as error:  # noqa: BLE001
            arrived.put((number, error))

    threading.Thread(target=run, name=f"part-{number}", daemon=True).start()
