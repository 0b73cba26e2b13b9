"""What doctor says of this machine's queue and of the loops of its server."""

from __future__ import annotations

import os
import time
from pathlib import Path

from chalicelib.health import Health
from chalicelib.storage.folder_queue import FolderQueue
from chalicelib.usecases.doctor_machine import HEALTH, machine_checks


def found(folder: Path, *, now: float | None = None) -> dict[str, tuple[str, str]]:
    queue = FolderQueue(folder / "queue", new_id=lambda: "0")
    made = machine_checks(folder, queue, now=time.time() if now is None else now)
    return {check.name: (check.state, check.message) for check in made}


def test_a_machine_where_nothing_ever_ran(tmp_path: Path) -> None:
    assert found(tmp_path) == {"import queue": ("ok", "0 messages wait or are being done")}


def test_a_message_that_was_set_aside_is_named_with_what_to_do(tmp_path: Path) -> None:
    queue = FolderQueue(tmp_path / "queue", new_id=lambda: "0")
    queue.send(["from the future"])
    delivery = queue.receive(lease_s=60)
    assert delivery
    queue.set_aside(delivery, "UnreadableTask: newer")
    state, message = found(tmp_path)["import queue"]
    assert state == "warn"
    assert "UnreadableTask: newer" in message
    assert "'from the future'" in message
    assert str(queue.asides()[0].path) in message


def test_loops_that_fail_are_named_while_their_server_runs(tmp_path: Path) -> None:
    health = Health()
    health.keep(tmp_path / HEALTH)
    health.well("uploads")
    assert found(tmp_path)["background"][0] == "ok"
    health.failed("compaction", "CorruptObject: collections/shop/x: damaged")
    state, message = found(tmp_path)["background: compaction"]
    assert state == "fail"
    assert "1 times in a row" in message
    assert "collections/shop/x" in message
    text = (tmp_path / HEALTH).read_text()
    (tmp_path / HEALTH).write_text(text.replace(f'"pid": {os.getpid()}', '"pid": 999999999'))
    assert list(found(tmp_path)) == ["import queue"], "what ended is history"


def test_a_clock_that_was_set_back_is_named(tmp_path: Path) -> None:
    health = Health()
    health.keep(tmp_path / HEALTH)
    health.well("uploads")
    state, message = found(tmp_path, now=time.time() - 3600)["clock"]
    assert state == "warn"
    assert "3600 s ahead" in message


def test_a_queue_that_cannot_be_read_is_broken(tmp_path: Path) -> None:
    (tmp_path / "queue").write_text("")
    assert found(tmp_path)["import queue"][0] == "fail"
