"""The limiter lets through what it promises, however many ask at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Throttled
from chalicelib.gateway.limits import Limiter


def admitted(limiter: Limiter, now: float, collection: str = "c") -> bool:
    try:
        limiter.admit(collection, now=now)
    except Throttled:
        return False
    return True


class Dawdling(float):
    """A time whose reckoning lets other threads in between."""

    def __sub__(self, other: float) -> float:
        time.sleep(0.0002)
        return float(self) - other


def test_at_once_as_many_are_let_through_as_one_after_the_other() -> None:
    threads, each, rate = 8, 6, 17
    for _ in range(5):
        limiter, barrier = Limiter(rate), Barrier(threads)

        def ask(_: int, limiter: Limiter = limiter, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return sum(admitted(limiter, Dawdling(1000.0)) for _ in range(each))

        with ThreadPoolExecutor(threads) as pool:
            assert sum(pool.map(ask, range(threads))) == rate


@given(
    rate=st.integers(1, 50),
    steps=st.lists(st.floats(-1.0, 3.0, allow_nan=False), min_size=1, max_size=80),
)
def test_in_any_time_no_more_than_the_rate_and_one_full_bucket(
    rate: int, steps: list[float]
) -> None:
    limiter, now, let = Limiter(rate), 1000.0, 0
    forward = 0.0
    for step in steps:
        now += step
        forward += max(0.0, step)
        let += admitted(limiter, now)
    assert let <= rate + forward * rate + 1


def test_a_refusal_says_when_to_come_again() -> None:
    limiter = Limiter(4)
    assert [admitted(limiter, 0.0) for _ in range(5)] == [True] * 4 + [False]
    with pytest.raises(Throttled) as caught:
        limiter.admit("c", now=0.0)
    wait = caught.value.retry_after_ms / 1000
    assert not admitted(limiter, wait - 0.01)
    assert admitted(limiter, wait)
