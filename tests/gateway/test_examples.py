"""The examples of docs/API.md run as they stand, against a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.client import picture
from tests.live import ROOT, Live, live

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "红 dress.png"
    path.write_bytes(picture(5))
    return path


def run(server: Live, *command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    settings = {
        "LOOKALIKE_URL": server.url.rstrip("/"),
        "LOOKALIKE_KEY_ID": server.key_id,
        "LOOKALIKE_KEY_SECRET": server.secret,
    }
    done = subprocess.run(
        command,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_python_without_the_sdk(server: Live, photo: Path) -> None:
    lines = run(
        server, sys.executable, str(EXAMPLES / "python" / "plain.py"), "generic", str(photo)
    ).splitlines()
    assert lines[0] == "added; the subject was seen at 0,120,0,110"
    assert lines[1].split(maxsplit=2) == [
        "1.000",
        "7.33136443711219e+24;0",
        f"example {photo.name}",
    ]


def test_node_without_the_sdk(server: Live, photo: Path) -> None:
    lines = run(
        server, "node", str(EXAMPLES / "node" / "plain.mjs"), "trademark", str(photo_of(photo, 210))
    ).splitlines()
    assert lines[0].startswith("1.000 7.33136443711219e+24;0 example")


def photo_of(photo: Path, side: int) -> Path:
    """A picture large enough for trademark search."""
    path = photo.with_name("mark.png")
    path.write_bytes(picture(6, (side, side)))
    return path


def test_curl_with_a_bearer_key(server: Live, photo: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    added, found = map(
        json.loads,
        run(server, str(EXAMPLES / "curl" / "bearer.sh"), "product", str(photo)).splitlines(),
    )
    assert added["Message"] == "success"
    assert found["Auctions"][0]["PicName"] == photo.name


@pytest.mark.parametrize("action", ["Detail", "SearchImageByFilter"])
def test_curl_with_a_signature(server: Live, action: str) -> None:
    if shutil.which("curl") is None or shutil.which("openssl") is None:
        pytest.skip("needs curl and openssl")
    body = "InstanceName=product" + (
        "" if action == "Detail" else "&Filter=int_attr%3E%3D1+AND+str_attr%3D%22a%22"
    )
    answer = json.loads(run(server, str(EXAMPLES / "curl" / "signed.sh"), action, body))
    assert answer["Success"] is True
