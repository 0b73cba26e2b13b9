from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chalicelib.wiring
from chalicelib.config import Settings
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import build_deployment
from tests.command import Run, runner
from tests.doubles import TinyAnalyzer


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A deployment on a folder, as the environment of the commands names it, with the tiny
    analyzer.
    """
    settings = Settings(
        store=str(tmp_path / "home" / "data"), secrets=str(tmp_path / "home" / "keys.json")
    )
    analyzer = TinyAnalyzer()
    made = replace(build_deployment(settings), analyzer=lambda: analyzer)
    monkeypatch.setattr(chalicelib.wiring, "deployment", lambda: made)
    return made


@pytest.fixture
def run(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def told(run: Run) -> Callable[..., Any]:
    """Runs one command line that must succeed, with --json, and reads what it printed."""

    def one(*arguments: str) -> Any:  # JSON
        code, text, _ = run(*arguments, "--json")
        assert code == 0, text
        return json.loads(text)

    return one
