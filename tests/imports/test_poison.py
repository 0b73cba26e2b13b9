"""One bad message, name or file costs itself and nothing behind it."""

from __future__ import annotations

import errno
import json
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contract.messages import StartExport
from chalicelib.errors import CorruptObject, StoreUnavailable
from chalicelib.gateway.import_events import wording
from chalicelib.jobs import records
from chalicelib.jobs.exports import start_export
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.recover import QUIET_S, REVIVALS, recover
from chalicelib.jobs.run_task import TRIES
from chalicelib.jobs.tasks import Task, UnreadableTask
from chalicelib.storage.folder_queue import FolderQueue
from chalicelib.storage.memory import MemoryStore
from cli.worker import work_one
from tests.imports.shop import Shop, add, open_shop


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.ns = 10**18

    def __call__(self) -> int:
        self.ns += 1
        return self.ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(tmp_path: Path, clock: Clock) -> FolderQueue:
    ids = iter(range(10**6))
    return FolderQueue(tmp_path / "queue", new_id=lambda: f"{next(ids):032x}", clock_ns=clock)


@pytest.fixture
def shop(tmp_path: Path, queue: FolderQueue) -> Shop:
    made = open_shop(tmp_path)
    made.deployment = replace(made.deployment, queue=queue)
    return made


def work(shop: Shop, queue: FolderQueue, clock: Clock) -> None:
    """Works until nothing is left, a minute a step."""
    for _ in range(200):
        if not queue.pending():
            return
        work_one(shop.deployment, queue, over=lambda: False)
        clock.ns += 60 * 10**9
    raise AssertionError("still at it")


@pytest.mark.parametrize(
    "message",
    [
        '{"do":"slice","collection":"shop","job":1,"slice":0,"attempt":"a","shard":7}',
        '{"do":"compact","collection":"shop","job":1}',
        '{"do":"plan","collection":"shop","job":"1"}',
        '{"do":"plan"}',
        "[]",
        "{",
        "[" * 100_000,
        "",
    ],
)
def test_a_message_of_another_version_is_set_aside_after_a_few_tries(
    shop: Shop, queue: FolderQueue, clock: Clock, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    queue.send([message])
    shop.draw("a.jpg")
    shop.write_meta(add("p", "a.jpg"))
    job = start_folder_import("shop", shop.location, shop.deployment)
    with caplog.at_level(logging.CRITICAL):
        work(shop, queue, clock)
    assert shop.job(job).added == 1
    (aside,) = queue.asides()
    assert "UnreadableTask" in aside.reason
    assert aside.path.name.endswith(f"-{TRIES}")


def test_a_task_reads_what_it_writes() -> None:
    task = Task("slice", "shop", 17, 3, "abc")
    assert Task.parse(task.text()) == task
    with pytest.raises(UnreadableTask, match="after an upgrade"):
        Task.parse(json.dumps({**json.loads(task.text()), "newer": 1}))


def test_names_that_the_file_system_cannot_have_are_errors_of_their_lines(
    shop: Shop, queue: FolderQueue, clock: Clock
) -> None:
    shop.draw("a.jpg")
    (shop.folder / "loop.jpg").symlink_to("loop.jpg")
    (shop.folder / "ring").symlink_to("ring")
    (shop.folder / "folder.jpg").mkdir()
    os.mkfifo(shop.folder / "pipe.jpg")
    long = "ü" * 137 + ".jpg"
    names = [long, "loop.jpg", "ring/b.jpg", "folder.jpg", "pipe.jpg", "a.jpg/b.jpg", "a.jpg"]
    shop.write_meta(*(add("p", name) for name in names))
    job = start_folder_import("shop", shop.location, shop.deployment)
    work(shop, queue, clock)
    ended = shop.progress(job)
    assert (ended.job.status, ended.added, ended.failed) == ("SUCCESS", 1, 6)
    assert {error.code for error in ended.errors} == {"PicNotExist"}
    assert "shorten it" in ended.errors[0].message
    assert "leads to itself" in ended.errors[1].message


def test_a_file_that_may_not_be_read_is_an_error_of_its_line(
    shop: Shop, queue: FolderQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests may run as root, for whom every folder can be read: so the error is put in."""
    for name in ("a.jpg", "closed/b.jpg", "broken/c.jpg"):
        shop.draw(name)
    shop.write_meta(*(add("p", name) for name in ("a.jpg", "closed/b.jpg", "broken/c.jpg")))
    real = Path.is_file
    numbers = {"closed": errno.EACCES, "broken": errno.EIO}

    def is_file(path: Path, **more: Any) -> bool:
        if number := numbers.get(path.parent.name):
            raise OSError(number, os.strerror(number))
        return real(path, **more)

    monkeypatch.setattr(Path, "is_file", is_file)
    job = start_folder_import("shop", shop.location, shop.deployment)
    work(shop, queue, clock)
    ended = shop.progress(job)
    assert (ended.added, ended.failed) == (1, 2)
    assert "may not be read: Permission denied" in ended.errors[0].message
    assert "may not be read: Input/output error" in ended.errors[1].message


class Refusing(FolderQueue):
    """Takes nothing."""

    def send(self, messages: Any, *, delay_s: int = 0) -> None:
        raise StoreUnavailable("the queue did not take it")


def test_a_job_whose_message_the_queue_refused_stands_in_nobodys_way(
    shop: Shop, tmp_path: Path, queue: FolderQueue, clock: Clock
) -> None:
    shop.draw("a.jpg")
    shop.write_meta(add("p", "a.jpg"))
    refusing = replace(shop.deployment, queue=Refusing(tmp_path / "x", new_id=lambda: "0"))
    with pytest.raises(StoreUnavailable):
        start_folder_import("shop", shop.location, refusing)
    with pytest.raises(StoreUnavailable):
        start_export(StartExport("shop"), refusing)
    assert records.ids("shop", "imports", shop.deployment.store) == []
    job = start_folder_import("shop", shop.location, shop.deployment)
    start_export(StartExport("shop"), shop.deployment)
    work(shop, queue, clock)
    assert shop.job(job).status == "SUCCESS"


class Full(MemoryStore):
    """A disk without room for exports, until `room`."""

    room = False

    def create(self, key: str, data: bytes) -> str:
        if key.endswith("export.meta") and not self.room:
            raise StoreUnavailable("no space left; make room")
        return super().create(key, data)


def test_an_export_waits_for_room_and_imports_go_on(
    tmp_path: Path, queue: FolderQueue, clock: Clock
) -> None:
    store = Full()
    shop = open_shop(tmp_path, store=store)
    shop.deployment = replace(shop.deployment, queue=queue)
    exporting = start_export(StartExport("shop"), shop.deployment)
    shop.draw("a.jpg")
    shop.write_meta(add("p", "a.jpg"))
    job = start_folder_import("shop", shop.location, shop.deployment)
    for _ in range(20):
        work_one(shop.deployment, queue, over=lambda: False)
        clock.ns += 10**9
    assert shop.job(job).status == "SUCCESS"
    assert not shop.job(exporting).finished
    store.room = True
    work(shop, queue, clock)
    assert shop.job(exporting).status == "SUCCESS"


def test_a_job_that_fails_as_nothing_should_ends_with_a_reason(
    shop: Shop, queue: FolderQueue, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.jobs import run_task

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(run_task, "plan", broken)
    shop.write_meta(add("p", "a.jpg"))
    job = start_folder_import("shop", shop.location, shop.deployment)
    work(shop, queue, clock)
    assert shop.job(job).status == "FAIL"
    assert "ZeroDivisionError" in shop.job(job).message
    assert queue.asides() == []


def test_a_damaged_job_record_keeps_no_other_job_from_being_looked_after(shop: Shop) -> None:
    store = shop.deployment.store
    shop.write_meta(add("p", "a.jpg"))
    lost = start_folder_import("shop", shop.location, shop.deployment)
    for key in ("0000000000000009.json", "9999999999999999.json", ".DS_Store", "readme/x"):
        store.create(f"collections/shop/jobs/imports/{key}", b"{}")
    with pytest.raises(CorruptObject, match="no job record"):
        recover(shop.deployment, wording(shop.deployment), quiet_s=0.0)
    assert shop.job(lost).revivals == 1


def test_a_job_that_gets_no_further_is_given_up(shop: Shop) -> None:
    shop.write_meta(add("p", "a.jpg"))
    job = start_folder_import("shop", shop.location, shop.deployment)
    later = shop.deployment.clock()
    for number in range(REVIVALS + 1):
        now = later + (number + 1) * (QUIET_S + 1)
        then = replace(shop.deployment, clock=lambda now=now: now)  # type: ignore[misc]
        recover(then, wording(shop.deployment))
    ended = shop.job(job)
    assert ended.status == "FAIL"
    assert "got no further" in ended.message
