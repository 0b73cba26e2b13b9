"""Torture with real processes that are killed: nothing acknowledged is lost, nothing deleted comes
back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.storage.clients import client
from tests.index.mutants import MUTANTS
from tests.moto_server import locked_moto

ROOT = Path(__file__).resolve().parents[2]


def torture(environment: Mapping[str, str], **plan: object) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.index.torture", json.dumps(plan)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    print(found)
    return found


def assert_clean(found: dict[str, Any]) -> None:
    assert found["failures"] == []
    assert (found["lost"], found["resurrected"], found["violations"]) == ([], [], [])
    assert found["changed by compaction"] == []
    assert found["problems"] == []
    assert found["deaths"] > 0


def test_a_short_torture_in_a_folder(tmp_path: Path) -> None:
    found = torture(
        {},
        folder=str(tmp_path),
        writers=3,
        compactors=2,
        readers=1,
        operations=40,
        snapshots=10,
        kill_p=0.02,
        kill_every_s=0.2,
    )
    assert_clean(found)
    assert (found["adds"], found["deletes"]) == (3 * 36, 3 * 4)
    assert found["snapshots"] >= 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_long_torture_in_a_folder(tmp_path: Path) -> None:
    found = torture({}, folder=str(tmp_path))
    assert_clean(found)
    assert found["adds"] >= 5_000
    assert found["deletes"] >= 500
    assert found["snapshots"] >= 200
    assert found["deaths"] >= 100


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_torture_notices_a_broken_rule(tmp_path: Path, mutant: str) -> None:
    """Workers live longer than in the others and storage calls stall more, so that one overtakes
    another at the rule's weak spot.
    """
    plan = {
        "writers": 4,
        "readers": 4,
        "operations": 2_000,
        "kill_p": 0.0003,
        "kill_every_s": 10,
        "echo_p": 0.5,
        "backlog": 1_000_000,
    }
    plan |= {"stall_p": 0.01, "reader_stall_p": 0.5, "stall_s": 3}
    found = torture({}, folder=str(tmp_path), mutant=mutant, **plan)
    with pytest.raises(AssertionError):
        assert_clean(found)
    assert found["deaths"] > 0
    if mutant == "manifest_before_list":
        assert "missing ['" in found["violations"][0]
    elif mutant == "no_if_match":
        assert found["violations"] or found["lost"] or found["failures"]
    else:
        assert found["resurrected"]


def in_a_bucket(monkeypatch: pytest.MonkeyPatch, **plan: object) -> dict[str, Any]:
    with locked_moto() as url:
        environment = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        client("s3", "us-east-1").create_bucket(Bucket="torture")
        return torture(
            environment, bucket="torture", pause_s=0.5, **plan
        )  # the server answers one request at a time


def test_a_short_torture_in_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    found = in_a_bucket(
        monkeypatch, writers=2, compactors=1, readers=1, operations=20, snapshots=5, kill_p=0.02
    )
    assert_clean(found)
    assert (found["adds"], found["deletes"]) == (2 * 18, 2 * 2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_long_torture_in_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    found = in_a_bucket(
        monkeypatch, kill_p=0.001, kill_every_s=2.0
    )  # a client costs 0.3 s of CPU at every birth
    assert_clean(found)
    assert found["adds"] >= 5_000
    assert found["deletes"] >= 500
    assert found["snapshots"] >= 200
