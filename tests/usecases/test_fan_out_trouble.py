"""Parts that fail, hang, come twice or are not what was asked for."""

from __future__ import annotations

import json
import random
import threading
from dataclasses import replace

import pytest

from chalicelib.errors import CollectionNotFound, ObjectMissing, StoreUnavailable
from chalicelib.index.collection import Collection
from chalicelib.index.read.fan_out import split
from chalicelib.usecases import fan_out
from chalicelib.usecases.deployment import Deployment
from tests.usecases.parts import SEGMENTS, Executor, as_bytes, fanned_out, random_query


@pytest.mark.parametrize(("trouble", "patience_s"), [({"fails": 1}, 30.0), ({"hangs": 1}, 0.5)])
def test_parts_that_fail_or_hang_once_do_not_show(
    setting: tuple[Deployment, Collection], trouble: dict[str, int], patience_s: float
) -> None:
    deployment, collection = setting
    executor = Executor(deployment, **trouble)
    query = random_query(random.Random(4))
    snapshot = collection.snapshot()
    answer = fan_out.search(
        collection, snapshot, query, fanned_out(deployment, executor, patience_s=patience_s)
    )
    assert as_bytes(answer) == as_bytes(snapshot.search(query))
    assert 2 in executor.asked.values()
    executor.release.set()


@pytest.mark.parametrize(("trouble", "patience_s"), [({"fails": 2}, 30.0), ({"hangs": 2}, 0.1)])
def test_parts_that_fail_or_hang_twice_fail_the_search(
    setting: tuple[Deployment, Collection], trouble: dict[str, int], patience_s: float
) -> None:
    deployment, collection = setting
    executor = Executor(deployment, of=SEGMENTS, **trouble)
    with pytest.raises(StoreUnavailable):
        fan_out.search(
            collection,
            collection.snapshot(),
            random_query(random.Random(5)),
            fanned_out(deployment, executor, patience_s=patience_s),
        )
    executor.release.set()


def test_an_answer_that_comes_twice_counts_once(setting: tuple[Deployment, Collection]) -> None:
    deployment, collection = setting
    executor = Executor(deployment)
    late = threading.Event()

    def ask(
        question: bytes,
    ) -> bytes:  # the first try of each part comes in after the second has been asked
        answer = executor(question)
        if executor.asked[question] == 1:
            late.wait(1.2)
        return answer

    query = replace(
        random_query(random.Random(6)),
        count=500,
        min_similarity=-1.0,
        categories=None,
        predicate=None,
    )
    snapshot = collection.snapshot()
    answer = fan_out.search(
        collection, snapshot, query, fanned_out(deployment, ask, patience_s=1.0)
    )
    assert as_bytes(answer) == as_bytes(snapshot.search(query))


def test_the_answer_of_another_part_is_not_taken_for_this_one(
    setting: tuple[Deployment, Collection],
) -> None:
    deployment, collection = setting
    executor = Executor(deployment)
    first: list[bytes] = []
    lock = threading.Lock()

    def mixed(question: bytes) -> bytes:
        answer = executor(question)
        with lock:
            first.append(answer)
            return first[0]

    with pytest.raises(StoreUnavailable, match="another question"):
        fan_out.search(
            collection,
            collection.snapshot(),
            random_query(random.Random(7)),
            fanned_out(deployment, mixed),
        )


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"[]", b'{"to": 1}', b"\xff", b'{"errorMessage": "x"}']
)
def test_nonsense_is_an_error_not_an_empty_part(
    setting: tuple[Deployment, Collection], answer: bytes
) -> None:
    deployment, collection = setting
    with pytest.raises(StoreUnavailable):
        fan_out.search(
            collection,
            collection.snapshot(),
            random_query(random.Random(8)),
            fanned_out(deployment, lambda _: answer),
        )


def test_a_segment_that_is_gone_is_told_apart_from_a_failure(
    setting: tuple[Deployment, Collection],
) -> None:
    deployment, collection = setting
    asked: list[bytes] = []

    def gone(question: bytes) -> bytes:
        asked.append(question)
        name = json.loads(fan_out.answer_part(question, deployment))["to"]
        return json.dumps({"to": name, "gone": "collections/shop/segments/x"}).encode()

    with pytest.raises(ObjectMissing, match="segments/x"):
        fan_out.search(
            collection,
            collection.snapshot(),
            random_query(random.Random(9)),
            fanned_out(deployment, gone),
        )
    assert len(asked) > SEGMENTS, "a second snapshot was tried"


def test_a_question_for_a_collection_that_is_not_there_is_refused(
    setting: tuple[Deployment, Collection],
) -> None:
    deployment, collection = setting
    part, *_ = split(collection.snapshot(), 2)
    question = fan_out.encode_question("other", part, random_query(random.Random(10)))
    with pytest.raises(CollectionNotFound):
        fan_out.answer_part(question, deployment)
