"""What `pip install` gives: one name that nobody else has, and a command that works anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib import __version__
from demo.client import Client
from tests.gateway.client import picture
from tools.package import ROOT, interpreter

ROOMS = ("chalicelib", "cli", "demo", "models")


def _pip(python: Path | str, *arguments: str) -> None:
    command = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, cwd=ROOT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), ".")
    (made,) = folder.iterdir()
    return made


def _shipped(room: str) -> set[str]:
    """The files of a room that run, as they lie in the wheel."""
    return {
        f"lookalike/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and "build" not in path.parts
    }


def test_the_wheel_takes_one_name_and_holds_all_that_runs_and_no_more(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    own = {name for name in names if ".dist-info/" not in name}
    assert {name.split("/")[0] for name in own} == {"lookalike"}
    assert own == {
        "lookalike/__init__.py",
        "lookalike/__main__.py",
        "lookalike/app.py",
    }.union(*map(_shipped, ROOMS))
    assert f"lookalike-{__version__}.dist-info/licenses/NOTICE" in names


def _pins(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r "))]


def test_what_is_declared_is_what_the_requirements_pin() -> None:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    running = set(project["dependencies"])
    own, *tools = extras["dev"]
    assert own == "lookalike[demo,deploy]"
    assert set(_pins("requirements.txt")) <= running
    assert extras["demo"] == _pins("requirements-demo.txt")
    assert running - set(_pins("requirements.txt")) | {*extras["deploy"], *tools} == set(
        _pins("requirements-dev.txt")
    )


class Installed:
    """A `lookalike` in an environment of its own, called from a folder that is not ours."""

    def __init__(self, home: Path, python: str, wheel: Path) -> None:
        subprocess.run([interpreter(python), "-m", "venv", str(home / "venv")], check=True)
        _pip(home / "venv/bin/python", "install", str(wheel))
        self._command = str(home / "venv/bin/lookalike")
        self._here = home / "here"
        self._here.mkdir()
        # what a stranger's folder may hold: names that are ours inside
        for name in ("cli.py", "models.py", "app.py", "chalicelib.py"):
            (self._here / name).write_text("raise RuntimeError('not ours')\n")
        outer = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self._environment = {**outer, "HOME": str(home), "COLUMNS": "100"}

    def run(self, *arguments: str, code: int = 0) -> str:
        """What a command prints."""
        done = subprocess.run(
            [self._command, *arguments],
            cwd=self._here,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[dict[str, str]]:
        """What `serve` says of itself, while it runs."""
        process = subprocess.Popen(
            [self._command, "serve", "--port", "0", "--json", *arguments],
            cwd=self._here,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout:
            yield json.loads(process.stdout.readline())
            process.terminate()
            assert process.wait(30) == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_installed_command_works_from_any_folder(
    wheel: Path, tmp_path: Path, python: str
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(3):
        (pictures / f"{number}.png").write_bytes(picture(number))
    ours = Installed(tmp_path, python, wheel)

    assert ours.run("--version") == f"lookalike {__version__}\n"
    assert "serve" in ours.run("--help")
    ours.run("collections", "create", "shop", "--type", "generic")
    # in worker processes, which must find the application too
    assert (
        json.loads(
            ours.run("import", str(pictures), "-c", "shop", "--yes", "--workers", "1", "--json")
        )["added"]
        == 3
    )
    found = json.loads(ours.run("search", str(pictures / "1.png"), "-c", "shop", "--json"))
    assert found["results"][0]["pic_name"] == "1.png"
    assert "lookalike[demo]" in ours.run("serve", "--demo", "--port", "0", code=3)
    with ours.serving("--demo", "--pictures", str(pictures)) as told:
        host = told["url"].removeprefix("http://").rstrip("/")
        client = Client(host, told["access_key_id"], told["access_key_secret"])
        assert client.call("Detail", InstanceName="demo")["Instance"]["TotalCount"] == 3
