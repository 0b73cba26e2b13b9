"""The package unpacked, and its functions on an account."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.contract.messages import CreateCollection
from chalicelib.jobs.bindings import Binding, bind
from chalicelib.service import Service
from chalicelib.usecases.keys import create_key
from chalicelib.usecases.manage import create_collection
from chalicelib.vision.analyze import Analyzer
from tests.infra.account import PICTURES, account
from tests.infra.deployed import Stack
from tests.moto_server import locked_moto
from tools.package import ROOT, Order, package


@pytest.fixture(scope="session")
def folder() -> Path:
    """Where the package lies. LOOKALIKE_PACKAGE names one that is made already."""
    made = os.environ.get("LOOKALIKE_PACKAGE")
    return Path(made) if made else package(Order())


@pytest.fixture(scope="session")
def artefact(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package unpacked; nothing else in the folder."""
    task = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(folder / "deployment.zip") as archive:
        archive.extractall(task)
    return task


@pytest.fixture(scope="session")
def environment(folder: Path) -> Path:
    """The packaging environment of the package's Python."""
    return ROOT / "build" / f"venv-{folder.name.split('-')[1]}"


@pytest.fixture(scope="session")
def python(environment: Path) -> Path:
    return (environment / "bin/python").resolve()


@pytest.fixture(scope="session")
def ric(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real runtime client, where the registry has one; else an empty folder."""
    target = tmp_path_factory.mktemp("ric")
    command = [
        environment / "bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--target",
        target,
        "awslambdaric==4.2.2",
    ]
    subprocess.run([str(part) for part in command], check=False, capture_output=True)
    return target


@pytest.fixture(scope="module")
def stack(artefact: Path, python: Path, ric: Path) -> Iterator[Stack]:
    with locked_moto() as url, account(url) as cloud, ExitStack() as start:
        with cloud.acting_as_owner() as bare:
            analyzer = Analyzer()
            deployment = replace(bare, analyzer=lambda: analyzer)
            create_collection(CreateCollection("shop", Service.GENERIC), deployment)
            key = create_key(deployment)
            bind(Binding(PICTURES, "/spring", "shop"), deployment.store)
        yield Stack(cloud, key, start, artefact, python, ric)
