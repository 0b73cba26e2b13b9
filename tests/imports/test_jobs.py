"""Job records are changed by compare-and-swap; who changed one is known even when the store's
answer was lost.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.errors import OutcomeUnknown
from chalicelib.jobs.records import Job, JobKind, JobStatus, create, load, update
from chalicelib.storage.memory import MemoryStore


class LosesAnswers(MemoryStore):
    """Does not say whether the next replacement happened."""

    def __init__(self, *, happens: bool) -> None:
        super().__init__()
        self._happens = happens
        self._lost = False

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        if self._lost:
            return super().replace(key, data, version=version)
        self._lost = True
        if self._happens:
            super().replace(key, data, version=version)
        raise OutcomeUnknown("the connection broke")


def ended(job: Job) -> Job:
    return replace(job, status=JobStatus.SUCCESS, modified=2.0)


@pytest.mark.parametrize("happens", [True, False])
def test_an_ending_whose_answer_was_lost_is_ours_once(happens: bool) -> None:
    store = LosesAnswers(happens=happens)
    job = create(Job(1, JobKind.IMPORT, "shop", created=1.0, modified=1.0), store)
    assert update(job, store, ended) == (ended(job), True), (
        "whoever ends a job tells the callback and clears up"
    )
    assert update(job, store, ended) == (ended(job), False)
    assert load("shop", "imports", 1, store) == ended(job)


def test_a_finished_job_is_left_alone() -> None:
    store = MemoryStore()
    job = create(Job(1, JobKind.EXPORT, "shop", created=1.0, modified=1.0), store)
    update(job, store, ended)
    assert update(job, store, lambda current: replace(current, status=JobStatus.FAIL)) == (
        ended(job),
        False,
    )


def test_ids_go_up_until_one_is_free() -> None:
    store = MemoryStore()
    draft = Job(1, JobKind.IMPORT, "shop", created=1.0, modified=1.0)
    assert [create(draft, store).id, create(replace(draft, callback="x"), store).id] == [1, 2]
