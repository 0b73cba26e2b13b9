"""The queue of one machine, with what people and full disks do to it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.storage.folder_queue import FolderQueue
from tests.imports.test_queue import Clock, clock, queue

__all__ = ["clock", "queue"]


def bodies(queue: FolderQueue) -> list[str]:
    """Takes everything that is due."""
    found = []
    while delivery := queue.receive(lease_s=60):
        found.append(delivery.body)
    return found


def test_files_of_other_names_are_passed_over_and_named(queue: FolderQueue, tmp_path: Path) -> None:
    queue.send(["good"])
    for folder in ("waiting", "taken"):
        for name in (".DS_Store", "Thumbs.db", "1-2-3", "00000000000000000001-x-0.a.b", "ü"):
            (tmp_path / "queue" / folder / name).write_text("{}")
    (tmp_path / "queue" / "waiting" / "a folder").mkdir()
    assert queue.due()
    assert queue.pending() == 1
    assert bodies(queue) == ["good"]
    assert len(queue.strays()) == 11


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_a_message_that_cannot_be_read_is_set_aside(
    queue: FolderQueue, tmp_path: Path, kind: str
) -> None:
    queue.send(["good"])
    bad = tmp_path / "queue" / "waiting" / f"{1:020d}-{1:032x}-0"
    if kind == "folder":
        bad.mkdir()
    else:
        bad.write_bytes(b"\xff\xfe")
    assert bodies(queue) == ["good"]
    (aside,) = queue.asides()
    assert "cannot be read" in aside.reason


def test_what_is_set_aside_is_not_delivered_again_and_says_why(
    queue: FolderQueue, clock: Clock
) -> None:
    queue.send(["bad", "good"])
    delivery = queue.receive(lease_s=60)
    assert delivery
    queue.set_aside(delivery, "nobody knows it")
    clock.pass_s(10_000)
    assert bodies(queue) == ["good"]
    assert [(each.reason, each.body) for each in queue.asides()] == [("nobody knows it", "bad")]
    assert queue.strays() == []


def test_what_was_set_aside_long_ago_is_forgotten(queue: FolderQueue, clock: Clock) -> None:
    for body in ("old", "new"):
        queue.send([body])
        delivery = queue.receive(lease_s=60)
        assert delivery
        queue.set_aside(delivery, "nobody knows it")
        clock.pass_s(1000)
    queue.forget_asides(before=clock.ns / 1e9 - 1500)
    assert [each.body for each in queue.asides()] == ["new"]


def test_what_was_put_off_lets_others_before_it(queue: FolderQueue, clock: Clock) -> None:
    queue.send(["first", "second"])
    delivery = queue.receive(lease_s=60)
    assert delivery
    queue.release(delivery, delay_s=5.0)
    assert bodies(queue) == ["second"]
    assert not queue.fresh()
    clock.pass_s(6)
    assert bodies(queue) == ["first"]


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, -600.0])
def test_a_clock_that_is_set_holds_nothing_up(
    queue: FolderQueue, clock: Clock, step_s: float
) -> None:
    queue.send(["a"])
    clock.pass_s(step_s)
    queue.send(["b"])
    assert sorted(bodies(queue)) == ["a", "b"]


def test_a_full_disk_is_a_store_that_does_not_answer_and_leaves_no_part(
    queue: FolderQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreUnavailable, match="make room on the disk"):
            queue.send(["a"])
    assert [path for path in (tmp_path / "queue").rglob("*") if path.is_file()] == []
    queue.send(["b"])
    assert bodies(queue) == ["b"]


def test_a_folder_that_is_a_file_is_a_store_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "queue").write_text("")
    broken = FolderQueue(tmp_path / "queue", new_id=lambda: "0")
    with pytest.raises(StoreUnavailable):
        broken.send(["a"])
    with pytest.raises(StoreUnavailable):
        broken.pending()
