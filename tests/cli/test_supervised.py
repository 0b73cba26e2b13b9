"""Background loops: nothing ends them, and what goes wrong is seen."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import pytest

from chalicelib.health import Health, read_health
from cli import supervised
from cli.supervised import Supervised

ERRORS = [ValueError("x" * 1000), SystemExit(1), MemoryError(), OSError(28, "No space left")]


def test_whatever_a_step_raises_the_next_one_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "LONGEST_S", 0.01)
    health, ended, done = Health(), threading.Event(), threading.Event()
    path = tmp_path / "beside" / "health.json"
    health.keep(path)
    left = list(ERRORS)
    seen: list[int] = []

    def step() -> None:
        seen.extend(loop.failures for loop in health.loops())
        if left:
            raise left.pop(0)
        done.set()

    loop = Supervised("chore", step, every_s=0.001, health=health, ended=ended)
    with caplog.at_level(logging.WARNING):
        loop.start()
        assert done.wait(60)
        ended.set()
        loop.join()
    assert seen[: len(ERRORS)] == [1, 2, 3, 4]
    assert [each.failures for each in health.loops()] == [0]
    assert "chore failed 4 times in a row" in caplog.text
    kept = read_health(path)
    assert kept
    assert [(each.name, each.failures) for each in kept.loops] == [("chore", 0)]


def test_health_is_kept_short_and_a_disk_that_takes_nothing_is_no_reason_to_end(
    tmp_path: Path,
) -> None:
    health = Health(clock=lambda: 5.0)
    (tmp_path / "file").write_text("")
    health.keep(tmp_path / "file" / "health.json")
    assert health.failed("a", "y" * 5000) == 1
    assert health.failed("a", "z") == 2
    health.keep(tmp_path / "health.json")
    assert json.loads((tmp_path / "health.json").read_text())["loops"] == [
        {"name": "a", "failures": 2, "since": 5.0, "error": "z"}
    ]
    assert read_health(tmp_path / "nothing") is None
    (tmp_path / "health.json").write_text("[]")
    assert read_health(tmp_path / "health.json") is None


def test_pauses_grow_and_end_growing() -> None:
    health = Health()
    loop = Supervised("a", lambda: None, every_s=1.0, health=health, ended=threading.Event())
    logging.getLogger("cli.supervised").disabled = True
    try:
        pauses = [loop._after(ValueError()) for _ in range(20)]
    finally:
        logging.getLogger("cli.supervised").disabled = False
    assert all(1.0 <= pause <= supervised.LONGEST_S for pause in pauses)
    assert max(pauses[:2]) <= 4.0
    assert min(pauses[10:]) >= supervised.LONGEST_S / 2
