"""Poisons are thrown at a running server, while a healthy client's adds, searches, imports and
exports go on.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from chalicelib.config import Settings
from chalicelib.jobs.doctor import job_checks
from chalicelib.usecases.doctor import Check, checks
from chalicelib.usecases.doctor_machine import machine_checks
from chalicelib.wiring import local_folder, local_queue
from tests.imports.poisons import FILES, FOLDERS
from tests.imports.shop import add, drawn
from tests.imports.tiny_deployment import build
from tests.live import Live, live
from tests.troubled_store import CLOCK, FULL, READ_ONLY, offset_s

HEALTHY = 100
"""Pictures of a healthy import: more than the server does without worker processes."""


def healthy_folder(state: Path) -> None:
    folder = state / "buckets" / "healthy" / "shop"
    folder.mkdir(parents=True)
    for n in range(HEALTHY):
        (folder / f"{n}.jpg").write_bytes(drawn(n))
    lines = [json.dumps(add(f"h{n}", f"{n}.jpg")) for n in range(HEALTHY)]
    (folder / "increment.meta").write_text("\n".join(lines))


def imported(server: Live, state: Path, bucket: str, path: str, name: str) -> dict[str, Any]:
    """The row of an import, once it has ended."""
    given = {"InstanceName": name, "BucketName": bucket, "Path": path}
    ahead = offset_s(state)
    started = server.call("IncreaseInstance", given, ahead_s=ahead)["Data"]["Id"]
    return ended(server, state, "IncreaseList", {"InstanceName": name, "Id": started})


def exported(server: Live, state: Path, name: str) -> dict[str, Any]:
    """The row of an export, once it has ended."""
    given = {"InstanceName": name}
    started = server.call("DumpMeta", given, ahead_s=offset_s(state))["Data"]["Id"]
    return ended(server, state, "DumpMetaList", {**given, "Id": started})


def ended(server: Live, state: Path, action: str, given: dict[str, str]) -> dict[str, Any]:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        data = server.call(action, given, ahead_s=offset_s(state))["Data"]
        rows = data["Increments"]["Instance"] if "Increments" in data else data["DumpMetaList"]
        found: dict[str, Any] = rows[0]
        if found["Status"] not in {"PROCESSING", "RUNNING"}:
            return found
        time.sleep(0.05)
    raise AssertionError(f"two minutes later: {found}")


class Client:
    """Adds and searches all the time."""

    def __init__(self, server: Live, state: Path) -> None:
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self.may_fail = threading.Event()
        """While the disk takes nothing, adds are refused, as they must be."""
        self._server, self._state = server, state
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(0.02):
            number += 1
            content = base64.b64encode(drawn(1000 + number)).decode()
            base = {"InstanceName": "generic", "PicContent": content}
            put = {"ProductId": str(number), "PicName": "a.jpg"}
            self._call("AddImage", base | put)
            self._call("SearchImageByPic", base)

    def _call(self, action: str, params: dict[str, str]) -> None:
        excused = self.may_fail.is_set() and action == "AddImage"
        try:
            self._server.call(action, params, ahead_s=offset_s(self._state))
        except Exception as error:  # noqa: BLE001  # told to the test
            if not excused and not self.may_fail.is_set():
                self.failed.append(f"{action}: {error}")
        else:
            self.done[action] += 1


@contextmanager
def switched(state: Path, name: str, text: str = "") -> Iterator[None]:
    """Something is wrong with the machine for the length of a block."""
    part = state / f"{name}.part"
    part.write_text(text)
    part.replace(state / name)
    try:
        yield
    finally:
        (state / name).unlink()


def health(server: Live) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}health", timeout=10) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
        return found


def findings(state: Path) -> list[Check]:
    """What `lookalike doctor` prints of imports, jobs, collections and the machine."""
    settings = Settings(store=str(state / "data"), secrets=str(state / "keys.json"))
    deployment = build(settings)
    found = list(checks(deployment))
    found += job_checks(deployment)
    found += machine_checks(local_folder(settings), local_queue(settings), now=time.time())
    return [check for check in found if check.state != "ok"]


def poison(server: Live, state: Path) -> None:
    for name, made in FOLDERS.items():
        made(state)
        row = imported(server, state, "poison", f"/{name}", "product")
        assert row["Status"] == "SUCCESS", (name, row)
    for made in FILES.values():
        made(state)


@pytest.mark.timeout(900)
def test_poisons_cost_nothing_but_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVE_EVERY_S", "0.5")
    monkeypatch.setenv("PACE_S", "0.001")
    healthy_folder(tmp_path)
    with live(tmp_path) as server, Client(server, tmp_path) as client:
        poison(server, tmp_path)
        before = client.done.copy()
        row = imported(server, tmp_path, "healthy", "/shop", "product")
        assert row["Status"] == "SUCCESS", row
        assert exported(server, tmp_path, "product")["Status"] == "SUCCESS"
        assert client.done["AddImage"] > before["AddImage"]
        assert client.failed == []
        said = {check.name: check.message for check in findings(tmp_path)}
        assert health(server)["Loops"]
    everything = "\n".join(f"{name}: {text}" for name, text in said.items())
    assert "delete it" in said["collection fabric"]
    assert ".DS_Store" in said["collection fabric"]
    assert "lookalike scrub trademark" in said["collection trademark"]
    assert "no job record" in said["exports of fabric"], everything


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_healthy_client_goes_on_through_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVE_EVERY_S", "0.5")
    healthy_folder(tmp_path)
    with live(tmp_path) as server, Client(server, tmp_path) as client:
        imported(server, tmp_path, "healthy", "/shop", "product")  # starts what starts once
        usual_s = _seconds_of_a_healthy_import(server, tmp_path)
        poison(server, tmp_path)
        for step_s in (3600, -3600, 0):
            with switched(tmp_path, CLOCK, str(step_s)):
                time.sleep(1.0)
                before = client.done.copy()
                assert imported(server, tmp_path, "healthy", "/shop", "product")
                assert client.done["SearchImageByPic"] > before["SearchImageByPic"]
        for name in (FULL, READ_ONLY):
            client.may_fail.set()
            with switched(tmp_path, name):
                time.sleep(3.0)
                assert health(server)["Status"] in {"ok", "degraded"}
            client.may_fail.clear()
            assert exported(server, tmp_path, "product")["Status"] == "SUCCESS"
        assert _seconds_of_a_healthy_import(server, tmp_path) <= max(2 * usual_s, usual_s + 2.0)
        assert exported(server, tmp_path, "product")["Status"] == "SUCCESS"
        time.sleep(30.0)  # messages that nobody knows are set aside after five tries
        said = "\n".join(f"{check.name}: {check.message}" for check in findings(tmp_path))
        assert health(server)["Status"] == "degraded"
        assert client.failed == []
    for words in (
        "UnreadableTask",
        "cannot be read",
        "is none of the queue's files: delete it",
        "is none of its objects",
        "lookalike scrub trademark",
        "no job record",
        "background: compaction",
    ):
        assert words in said, said


def _seconds_of_a_healthy_import(server: Live, state: Path) -> float:
    began = time.monotonic()
    assert imported(server, state, "healthy", "/shop", "product")["Status"] == "SUCCESS"
    return time.monotonic() - began
