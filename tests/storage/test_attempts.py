"""What is tried again is tried a few times, after growing pauses, and says what is known."""

from __future__ import annotations

import pytest

from chalicelib.errors import AlreadyExists, OutcomeUnknown, StoreUnavailable
from chalicelib.storage.attempts import (
    ATTEMPTS,
    CONTENDED,
    attempts,
    create_once,
    create_settled,
    tries,
    written_before,
)
from chalicelib.storage.memory import MemoryStore


def test_pauses_grow_are_bounded_and_never_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    pauses: list[float] = []
    assert list(attempts(8, first_s=0.1, sleep=pauses.append)) == list(range(8))
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    monkeypatch.undo()
    pauses.clear()
    for _ in range(20):
        list(attempts(2, first_s=0.1, sleep=pauses.append))
    assert len(set(pauses)) == 20
    assert all(0 <= pause < 0.1 for pause in pauses)


def test_nothing_is_begun_for_those_who_have_left() -> None:
    now = 0.0

    def sleep(_: float) -> None:
        nonlocal now
        now += 9.0

    assert list(attempts(50, sleep=sleep, clock=lambda: now)) == [0, 1, 2]


def test_a_change_that_is_never_made_is_unknown_in_the_end() -> None:
    more = tries("the manifest", sleep=lambda _: None)
    assert [next(more) for _ in range(CONTENDED)] == list(range(CONTENDED))
    with pytest.raises(OutcomeUnknown, match="the manifest could not be written for sure"):
        next(more)


class _Scripted(MemoryStore):
    """Goes wrong at the writes it is told to."""

    def __init__(self, *steps: str) -> None:
        super().__init__()
        self.steps = list(steps)
        self.writes = 0

    def create(self, key: str, data: bytes) -> str:
        self.writes += 1
        step = self.steps.pop(0) if self.steps else ""
        if step == "busy":
            raise StoreUnavailable("the store is busy; nothing was written")
        if step == "lost before":
            raise OutcomeUnknown("lost")
        version = super().create(key, data)
        if step == "lost after":
            raise OutcomeUnknown("lost")
        return version


def test_a_lost_answer_is_asked_for_again() -> None:
    store = _Scripted("lost before", "lost before")
    create_once(store, "a", b"one")
    assert (store.get("a").data, store.writes) == (b"one", 3)
    store = _Scripted("lost after")
    create_once(store, "a", b"one")
    assert (store.get("a").data, store.writes) == (b"one", 2)


@pytest.mark.parametrize("first", ["lost before", "lost after"])
def test_after_a_lost_answer_nobody_says_that_nothing_was_written(first: str) -> None:
    with pytest.raises(OutcomeUnknown, match="may have been"):
        create_settled(_Scripted(first, *["busy"] * 9), "a", b"one")
    with pytest.raises(StoreUnavailable):
        create_settled(_Scripted("busy"), "a", b"one")


def test_a_store_that_answers_nothing_is_left_alone_soon() -> None:
    store = _Scripted(*["lost before"] * 500)
    with pytest.raises(OutcomeUnknown):
        create_once(store, "a", b"one")
    assert store.writes == ATTEMPTS


def test_other_bytes_are_not_taken_for_ours() -> None:
    store = _Scripted("lost after")
    MemoryStore.create(store, "a", b"theirs")
    with pytest.raises(AlreadyExists):
        create_once(store, "a", b"ours")
    create_once(store, "a", b"theirs")


def test_what_was_written_before_is_not_denied() -> None:
    with pytest.raises(OutcomeUnknown, match="then the store did not answer"), written_before():
        raise StoreUnavailable("down")
    with pytest.raises(AlreadyExists), written_before():
        raise AlreadyExists("there")
