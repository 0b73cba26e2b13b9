"""`lookalike serve` with a store on S3 and no queue of SQS does the work of imports itself."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.records import load
from chalicelib.storage.source import Location
from chalicelib.wiring import local_queue
from cli.housekeeping import Housekeeping
from tests.imports.shop import add, drawn
from tests.imports.stack import Stack


def test_an_import_into_a_store_on_s3_is_done_by_the_server(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(drawn(1))
    (tmp_path / "increment.meta").write_text(json.dumps(add("p", "a.jpg")))
    settings = replace(stack.deployment.settings, store="s3://state", queue="")
    deployment = replace(stack.deployment, settings=settings, queue=local_queue(settings))
    job = start_folder_import("shop", Location("folder", "", str(tmp_path)), deployment)
    with Housekeeping(deployment):
        until = time.monotonic() + 120
        while not load("shop", "imports", job.id, deployment.store).finished:
            assert time.monotonic() < until, deployment.health.loops()
            time.sleep(0.05)
    assert load("shop", "imports", job.id, deployment.store).added == 1


def test_where_sqs_has_the_work_no_worker_is_started(stack: Stack, tmp_path: Path) -> None:
    settings = replace(stack.deployment.settings, store=str(tmp_path / "data"))
    with Housekeeping(replace(stack.deployment, settings=settings)) as keeping:
        assert not keeping.works
