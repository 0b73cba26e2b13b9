"""Makes the CloudFormation template and the zip that `make deploy` uploads.

    python -m tools.package --stage prod --python 3.12 --arch x86_64

Chalice takes the Lambda runtime from the interpreter that runs it and byte code must be that
runtime's, so a packaging environment of that Python is kept under build/. What goes in is copied
first: nothing that merely lies about in the working tree is shipped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools import sbom, size

ROOT: Final = Path(__file__).resolve().parents[1]
PYTHONS: Final = ("3.12", "3.13")
ARCHITECTURES: Final = ("x86_64", "arm64")
_LEFT_BEHIND: Final = shutil.ignore_patterns("__pycache__", "*.pyc", "build", ".*")


@dataclass(frozen=True, slots=True)
class Order:
    """What to package."""

    stage: str = "prod"
    python: str = "3.12"
    arch: str = "x86_64"
    snapstart: bool = False

    @property
    def folder(self) -> Path:
        """Where deployment.zip and template.json go."""
        return ROOT / "build" / f"package-py{self.python}-{self.arch}"


def package(order: Order) -> Path:
    """Makes the package and returns its folder. Raises SystemExit with the next step where
    something is missing.
    """
    environment = _environment(order.python)
    stage = ROOT / "build" / f"stage-py{order.python}-{order.arch}"
    shutil.rmtree(stage, ignore_errors=True)
    copy_project(stage, order)
    raw = stage / "out"
    merge = ROOT / "infra" / "template.yaml"
    _run(
        [
            environment / "bin/chalice",
            "package",
            "--stage",
            order.stage,
            "--template-format",
            "yaml",
            "--merge-template",
            merge,
            raw,
        ],
        cwd=stage,
        # The region changes nothing in the package, but Chalice asks for one. The constraint pins
        # what requirements.txt leaves open.
        extra={
            "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", "us-east-1"),
            "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
        },
    )
    shutil.rmtree(order.folder, ignore_errors=True)
    order.folder.mkdir(parents=True)
    python = environment / "bin/python"
    _run(
        [python, "-m", "tools.trim", raw / "deployment.zip", order.folder / "deployment.zip"],
        cwd=ROOT,
    )
    sbom.write(
        raw / "deployment.zip",
        order.folder / "deployment.zip",
        order.folder / "sbom.cdx.json",
    )
    command = [python, "-m", "tools.template", raw / "sam.yaml", order.folder / "template.json"]
    _run([*command, *(["--snapstart"] if order.snapstart else [])], cwd=ROOT)
    shutil.rmtree(stage)
    return order.folder


def copy_project(stage: Path, order: Order) -> None:
    """Copies what Chalice packages to `stage`: code, models as a vendored package, pins,
    configuration.
    """
    stage.mkdir(parents=True)
    shutil.copy(ROOT / "app.py", stage)
    shutil.copy(ROOT / "requirements.txt", stage)
    shutil.copytree(ROOT / "chalicelib", stage / "chalicelib", ignore=_LEFT_BEHIND)
    shutil.copytree(ROOT / "models", stage / "vendor" / "models", ignore=_LEFT_BEHIND)
    shutil.copytree(
        ROOT / ".chalice",
        stage / ".chalice",
        ignore=shutil.ignore_patterns("deployments", "deployed", "venv"),
    )
    config = stage / ".chalice" / "config.json"
    config.write_text(json.dumps(configured(json.loads(config.read_text()), order)))


def configured(config: dict[str, Any], order: Order) -> dict[str, Any]:
    """Chalice's configuration for `order`: any stage that is not described is made like prod."""
    stages = config["stages"]
    stages.setdefault(order.stage, stages["prod"])
    return {**config, "lambda_architecture": order.arch}


def _environment(version: str) -> Path:
    """A virtual environment of Python `version` with Chalice and the runtime requirements, under
    build/.
    """
    home = ROOT / "build" / f"venv-py{version}"
    marker = home / "ready"
    wanted = "\n".join(
        (ROOT / name).read_text() for name in ("requirements.txt", "constraints.txt")
    )
    if not marker.exists() or marker.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        _run([interpreter(version), "-m", "venv", home])
        pins = ["-c", ROOT / "constraints.txt", "-r", ROOT / "requirements.txt"]
        _run(
            [
                home / "bin/python",
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "chalice",
                "setuptools",
                "wheel",
                *pins,
            ]
        )
        marker.write_text(wanted)
    return home


def interpreter(version: str) -> str:
    """A Python of `version` that runs. Raises SystemExit with how to get one."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        return sys.executable
    candidates = [
        shutil.which(f"python{version}"),
        *sorted((Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python{version}")),
    ]
    for candidate in candidates:  # the first may be a shim of pyenv that leads nowhere
        if candidate and _runs(candidate):
            return str(candidate)
    raise SystemExit(
        f"Python {version} was not found, and a package for it can only be made by it.\n"
        f"Install it (pyenv install {version}) or choose another: make package LAMBDA_PYTHON=3.13"
    )


def _runs(candidate: str | Path) -> bool:
    """Whether it is a Python that starts."""
    done = subprocess.run([candidate, "-c", ""], check=False, capture_output=True)  # noqa: S603
    return done.returncode == 0


def _run(
    command: Sequence[object], *, cwd: Path | None = None, extra: dict[str, str] | None = None
) -> None:
    """Runs `command`, whose messages are shown. Raises SystemExit where it fails."""
    finished = subprocess.run(  # noqa: S603
        [str(part) for part in command], cwd=cwd, env={**os.environ, **(extra or {})}, check=False
    )  # fixed commands
    if finished.returncode:
        raise SystemExit(f"{Path(str(command[0])).name} {command[1]} failed; its message is above")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stage", default="prod")
    parser.add_argument("--python", choices=PYTHONS, default="3.12")
    parser.add_argument("--arch", choices=ARCHITECTURES, default="x86_64")
    parser.add_argument("--snapstart", action="store_true", help="start the API from snapshots")
    folder = package(Order(**vars(parser.parse_args(arguments))))
    size.check(folder / "deployment.zip")
    print(
        f"\n{folder.relative_to(ROOT)}/template.json and deployment.zip are ready,"
        " with its bill of materials, sbom.cdx.json;"
        " next: make deploy REGION=… BUCKET=…"
    )


if __name__ == "__main__":
    main()
