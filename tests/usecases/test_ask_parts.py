from __future__ import annotations

import itertools
import threading
import time
from collections import Counter

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.usecases.ask_parts import ask_parts

QUESTIONS = [b"a", b"b", b"c", b"d"]


class Executor:
    """Answers in capitals; goes wrong at the tries it is told to."""

    def __init__(
        self, *, fails: dict[bytes, int] | None = None, hangs: dict[bytes, int] | None = None
    ) -> None:
        self.asked: Counter[bytes] = Counter()
        self.release = threading.Event()
        self._fails = fails or {}
        self._hangs = hangs or {}
        self._lock = threading.Lock()

    def __call__(self, question: bytes) -> bytes:
        with self._lock:
            self.asked[question] += 1
            number = self.asked[question]
        if number <= self._hangs.get(question, 0):
            self.release.wait(30)
        if number <= self._fails.get(question, 0):
            raise StoreUnavailable(f"try {number} of {question.decode()} failed")
        return question.upper()


def test_answers_come_in_the_order_of_the_questions() -> None:
    executor = Executor()
    assert ask_parts(QUESTIONS, executor, patience_s=30) == [b"A", b"B", b"C", b"D"]
    assert set(executor.asked.values()) == {1}


def test_nothing_asked_is_nothing_answered() -> None:
    assert ask_parts([], Executor(), patience_s=30) == []


def test_a_part_that_fails_once_is_asked_once_more() -> None:
    executor = Executor(fails={b"c": 1})
    assert ask_parts(QUESTIONS, executor, patience_s=30) == [b"A", b"B", b"C", b"D"]
    assert executor.asked == {b"a": 1, b"b": 1, b"c": 2, b"d": 1}


def test_a_part_that_fails_twice_fails_the_whole() -> None:
    executor = Executor(fails={b"b": 2})
    with pytest.raises(StoreUnavailable, match="try 2 of b failed"):
        ask_parts(QUESTIONS, executor, patience_s=30)
    assert executor.asked[b"b"] == 2


def test_a_part_that_hangs_is_asked_again() -> None:
    executor = Executor(hangs={b"d": 1})
    assert ask_parts(QUESTIONS, executor, patience_s=0.05) == [b"A", b"B", b"C", b"D"]
    assert executor.asked[b"d"] == 2
    executor.release.set()


def test_a_part_that_hangs_twice_fails_the_whole() -> None:
    executor = Executor(hangs={b"d": 2})
    with pytest.raises(StoreUnavailable, match=r"part 4 of 4 was silent for 0\.05 s, twice"):
        ask_parts(QUESTIONS, executor, patience_s=0.05)
    executor.release.set()


def test_a_late_failure_of_the_first_try_does_not_spoil_the_second() -> None:
    released = threading.Event()
    first = threading.Lock()

    def ask(question: bytes) -> bytes:
        if first.acquire(blocking=False):
            released.wait(30)
            raise StoreUnavailable("late")
        released.set()
        threading.Event().wait(0.1)  # lets the first try's failure arrive before this answer
        return question.upper()

    assert ask_parts([b"a"], ask, patience_s=0.5) == [b"A"]


def test_of_two_answers_the_first_counts_and_the_other_is_ignored() -> None:
    both = threading.Barrier(2)
    seen = threading.Event()
    answers = iter([b"1", b"2"])

    def ask(
        question: bytes,
    ) -> bytes:  # both tries of "a" answer; "b" keeps the gathering alive until they have
        if question == b"a":
            both.wait(30)
            answer = next(answers)
            if answer == b"2":
                seen.set()
            return answer
        seen.wait(30)
        return b"B"

    first, second = ask_parts([b"a", b"b"], ask, patience_s=0.5)
    assert first in {b"1", b"2"}
    assert second == b"B"


def test_hanging_threads_do_not_hold_up_the_end_of_the_process() -> None:
    executor = Executor(hangs={b"a": 2})
    with pytest.raises(StoreUnavailable):
        ask_parts([b"a"], executor, patience_s=0.02)
    left = [thread for thread in threading.enumerate() if thread.name.startswith("part-")]
    assert all(thread.daemon for thread in left)
    executor.release.set()


def test_each_part_is_asked_again_when_its_own_patience_ends() -> None:
    """Part 0 failed late and has more time; that must not lengthen part 1's."""
    asked_again, ended = threading.Event(), threading.Event()
    tries: Counter[bytes] = Counter()

    def ask(question: bytes) -> bytes:
        tries[question] += 1
        if question == b"0" and tries[question] == 1:
            time.sleep(0.3)
            raise StoreUnavailable("late")
        if question == b"1" and tries[question] == 1:
            ended.wait(30)
        if question == b"1":
            asked_again.set()
        assert asked_again.wait(30)
        return question

    assert ask_parts([b"0", b"1"], ask, patience_s=1.0) == [b"0", b"1"]
    ended.set()


def test_the_second_try_has_all_of_the_patience() -> None:
    tries, ended = itertools.count(), threading.Event()

    def ask(question: bytes) -> bytes:
        ended.wait(30 if next(tries) == 0 else 0.5)
        return question

    assert ask_parts([b"0"], ask, patience_s=1.5) == [b"0"]
    ended.set()
