"""Real worker processes: killed with -9, stopped by their parent, started again; nothing is lost
and nothing is done twice.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.progress import Progress, Watch
from chalicelib.jobs.records import Job, JobStatus
from chalicelib.service import Service
from chalicelib.storage.source import Location
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import local_queue
from cli.workers import ImportWorkers
from tests.imports.shop import add, answers, drawn
from tests.imports.tiny_deployment import build

COUNT = 160


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        store=str(tmp_path / "data"), secrets=str(tmp_path / "keys.json"), import_workers=2
    )


@pytest.fixture
def deployment(settings: Settings) -> Deployment:
    made = build(settings)
    for name in ("shop", "calm"):
        made.catalog.create(name, Service.PRODUCT, fingerprint="tiny-1", dimension=64, bits=64)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Location:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n in range(COUNT):
        (pictures / f"{n}.jpg").write_bytes(drawn(n))
    lines = [str(add(str(n % 13), f"{n}.jpg", IntAttr=n)).replace("'", '"') for n in range(COUNT)]
    (pictures / "increment.meta").write_text("\n".join([*lines, '{"broken']))
    return Location("folder", "", str(pictures))


def until(deployment: Deployment, job: Job, enough: Callable[[Progress], bool]) -> Progress:
    """Looks at `job` until it is as wanted."""
    watch = Watch(job.collection, "imports", job.id)
    end = time.monotonic() + 300
    while time.monotonic() < end:
        seen = watch.look(deployment)
        if enough(seen):
            return seen
        time.sleep(0.02)
    raise AssertionError(f"five minutes later: {seen}")


@pytest.mark.timeout(1200)
def test_workers_killed_and_stopped_lose_nothing(
    settings: Settings, deployment: Deployment, folder: Location
) -> None:
    job = start_folder_import("shop", folder, deployment)
    killed = 0
    with ImportWorkers(settings, build=build) as workers:
        for done in (10, 40):
            until(deployment, job, lambda seen, done=done: seen.done > done)  # type: ignore[misc]
            for pid in workers.pids[:1]:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        until(deployment, job, lambda seen: seen.done > 60)
    stopped = Watch("shop", "imports", job.id).look(deployment)
    assert killed == 2
    assert not stopped.job.finished
    assert local_queue(settings).pending() > 0

    with ImportWorkers(settings, build=build):
        ended = until(deployment, job, lambda seen: seen.job.finished)
        calm_job = start_folder_import("calm", folder, deployment)
        until(deployment, calm_job, lambda seen: seen.job.finished)
    assert (ended.job.status, ended.job.added, ended.job.failed) == (JobStatus.SUCCESS, COUNT, 1)
    assert [(error.line, error.code) for error in ended.errors] == [(COUNT + 1, "BadRequest")]
    assert local_queue(settings).pending() == 0
    queries = [drawn(n) for n in range(0, COUNT, 5)]
    models = deployment.analyzer()
    assert answers(deployment.catalog.open("shop"), models, queries) == answers(
        deployment.catalog.open("calm"), models, queries
    )


@pytest.mark.timeout(600)
def test_a_few_pictures_are_imported_without_starting_a_process(
    settings: Settings, deployment: Deployment, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for n in range(3):
        (few / f"{n}.jpg").write_bytes(drawn(n))
    (few / "increment.meta").write_text(
        "\n".join(json.dumps(add("p", f"{n}.jpg")) for n in range(3))
    )
    with ImportWorkers(settings, build=unbuildable, deployment=deployment):
        job = start_folder_import("shop", Location("folder", "", str(few)), deployment)
        ended = until(deployment, job, lambda seen: seen.job.finished)
    assert ended.job.added == 3


def unbuildable(settings: Settings) -> Deployment:
    raise AssertionError("no process should have been started")
