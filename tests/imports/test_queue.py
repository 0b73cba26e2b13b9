"""Queues deliver at least once, late when asked, and again when a worker died."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from chalicelib.errors import StoreUnavailable, Unsupported
from chalicelib.storage.folder_queue import FolderQueue
from chalicelib.storage.queue import NoQueue, SqsQueue
from tests.imports.aws import Aws


class Clock:
    def __init__(self) -> None:
        self.ns = 10**18

    def __call__(self) -> int:
        self.ns += 1
        return self.ns

    def pass_s(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock) -> FolderQueue:
    numbers = itertools.count()
    return FolderQueue(tmp_path / "queue", new_id=lambda: f"{next(numbers):032x}", clock_ns=clock)


def test_messages_come_in_the_order_they_were_put_and_once(queue: FolderQueue) -> None:
    queue.send(["a", "b"])
    queue.send(["c"])
    got = [queue.receive(lease_s=60) for _ in range(4)]
    assert [each.body if each else None for each in got] == ["a", "b", "c", None]


def test_a_deleted_message_is_gone(queue: FolderQueue, clock: Clock) -> None:
    queue.send(["a"])
    delivery = queue.receive(lease_s=60)
    assert delivery
    queue.delete(delivery)
    clock.pass_s(3600)
    assert queue.receive(lease_s=60) is None
    assert queue.pending() == 0


def test_a_message_whose_worker_died_comes_again_after_the_lease_and_counts(
    queue: FolderQueue, clock: Clock
) -> None:
    queue.send(["a"])
    for times in (1, 2, 3):
        delivery = queue.receive(lease_s=60)
        assert delivery
        assert delivery.receives == times
        assert queue.receive(lease_s=60) is None
        clock.pass_s(61)


def test_a_released_message_comes_at_once(queue: FolderQueue) -> None:
    queue.send(["a"])
    delivery = queue.receive(lease_s=600)
    assert delivery
    queue.release(delivery)
    assert queue.due()
    again = queue.receive(lease_s=600)
    assert again
    assert (again.body, again.receives) == ("a", 2)


def test_a_delayed_message_waits(queue: FolderQueue, clock: Clock) -> None:
    queue.send(["later"], delay_s=30)
    assert not queue.due()
    assert queue.receive(lease_s=60) is None
    clock.pass_s(31)
    assert queue.due()
    assert queue.receive(lease_s=60)


def test_messages_survive_the_process(queue: FolderQueue, tmp_path: Path, clock: Clock) -> None:
    queue.send(["a"])
    other = FolderQueue(tmp_path / "queue", new_id=lambda: "f" * 32, clock_ns=clock)
    delivery = other.receive(lease_s=60)
    assert delivery
    assert delivery.body == "a"


def test_no_queue_says_so() -> None:
    with pytest.raises(Unsupported, match="LOOKALIKE_QUEUE"):
        NoQueue().send(["a"])


@pytest.fixture
def sqs(cloud: Aws) -> tuple[Any, str]:
    client = cloud.client("sqs")
    return client, client.create_queue(QueueName="slices")["QueueUrl"]


def test_sqs_takes_more_than_one_batch(sqs: tuple[Any, str]) -> None:
    client, url = sqs
    SqsQueue(lambda: client, url).send([f"{number}" for number in range(23)])
    got: list[str] = []
    while messages := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0
    ).get("Messages"):
        got += [message["Body"] for message in messages]
    assert sorted(map(int, got)) == list(range(23))


def test_sqs_delays(sqs: tuple[Any, str]) -> None:
    client, url = sqs
    SqsQueue(lambda: client, url).send(["later"], delay_s=900)
    assert "Messages" not in client.receive_message(QueueUrl=url)


def test_a_queue_that_is_not_there_is_a_store_that_does_not_answer(sqs: tuple[Any, str]) -> None:
    client, url = sqs
    with pytest.raises(StoreUnavailable, match="did not take"):
        SqsQueue(lambda: client, url + "x").send(["a"])


def test_an_answer_that_names_no_message_took_none() -> None:
    class Empty:
        def send_message_batch(self, **_: object) -> dict[str, object]:
            return {}

    class Half:
        def send_message_batch(self, **_: object) -> dict[str, object]:
            return {"Successful": [{"Id": "0"}]}

    for client, words in ((Empty(), "2 of 2"), (Half(), "1 of 2")):
        with pytest.raises(StoreUnavailable, match=f"did not take {words}"):
            SqsQueue(lambda client=client: client, "url").send(["a", "b"])  # type: ignore[misc]
