"""The official SDKs, unchanged, against a real server: only the endpoint, the key and the secret
are ours (`make test-sdk`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.client import picture
from tests.imports.aws import REGION, aws
from tests.live import ROOT, Live, live
from tests.moto_server import locked_moto
from tests.shared import shared

pytestmark = pytest.mark.sdk

PYTHON = Path(os.environ.get("SDK_PYTHON", ".venv-sdk/bin/python")).absolute()
NODE = Path(os.environ.get("SDK_NODE", ".venv-sdk/node")).absolute()
IDENTICAL = "7.33136443711219e+24;0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    if not PYTHON.exists():
        pytest.skip("needs the SDKs' environment, which `make test-sdk` makes")
    with live(tmp_path_factory.mktemp("state"), unsigned_bodies="true") as running:
        yield running


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for seed, name in enumerate("abc"):  # of two categories
        (folder / f"{name}.png").write_bytes(picture(seed, (160, 140), bright=seed != 0))
    return folder


def drive(server: Live, sdk: str, pictures: Path) -> dict[str, Any]:
    script = Path(__file__).with_name("drive.py")
    arguments = [
        str(PYTHON),
        str(script),
        sdk,
        server.host,
        server.key_id,
        server.secret,
        "product",
        str(pictures),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_the_current_sdk_adds_finds_deletes_uploads_and_reads_detail(
    server: Live, pictures: Path
) -> None:
    result = drive(server, "current", pictures)
    assert result["found"][0] == "sdk-1"
    assert (result["name"], result["sort"], result["score"]) == ("上衣 1+*.png", IDENTICAL, 1)
    assert result["attributes"] == [1, "sdk 4.4", '{"名":"值"}']
    assert result["count"] == 3
    assert result["uploaded"] == ["sdk-2"]
    assert result["refusal"] == ["ClientException", "SignatureDoesNotMatch", 400]
    assert result["left"] == 0


def every_action(server: Live, what: str) -> Any:
    """What every_action.py prints of the collection `product`."""
    script = str(Path(__file__).with_name("every_action.py"))
    key = (server.key_id, server.secret)
    command = [str(PYTHON), script, server.host, *key, "product", what]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_current_sdk_understands_every_action(server: Live, pictures: Path) -> None:
    assert every_action(server, str(pictures)) == {
        "added": [True, "0,160,0,140"],
        "head": [3, 2],
        "paged": 2,
        "filtered": ["1.png", "2.png"],
        "by name": ["p0", "p1"],
        "there": [True, -7, "new"],
        "absent": False,
        "compared": 1,
        "exported": "SUCCESS",
        "imports": 0,
        "refused": {
            "text": ["ServerException", "UnsupportedInstanceType", 500],
            "import": ["ClientException", "Console.BadRequest", 400],
            "filter": ["ClientException", "InvalidFilterClause", 400],
            "num": ["ClientException", "OverflowMaxReturnNum", 400],
            "picture": ["ClientException", "UnsupportedPicFormat", 400],
            "name": ["ClientException", "PicNotExist", 400],
        },
        "gone": ["0.png", "1.png", "2.png"],
        "left": 0,
    }


@pytest.mark.parametrize("sdk", ["legacy", "legacy-v2"])
def test_the_sdk_of_2019_adds_searches_both_ways_and_deletes(
    server: Live, pictures: Path, sdk: str
) -> None:
    result = drive(server, sdk, pictures)
    assert result["found"][0] == "sdk-1"
    assert result["sort"] == IDENTICAL
    assert result["by_name"] == ["sdk-2"]


def test_the_classic_sdk_adds_searches_deletes_and_survives_a_refusal(
    server: Live, pictures: Path
) -> None:
    result = drive(server, "classic", pictures)
    assert result["found"][0] == "sdk-1"
    assert result["sort"] == IDENTICAL
    assert result["refusal"] == ["SignatureDoesNotMatch", 400]


def test_the_node_sdk_adds_searches_and_deletes(server: Live, pictures: Path) -> None:
    if shutil.which("node") is None or not (NODE / "node_modules").exists():
        pytest.skip("needs Node and the Node SDK, which `make test-sdk` installs where Node is")
    script = Path(__file__).with_name("drive.js").read_text()
    (NODE / "drive.js").write_text(script)
    arguments = [
        "node",
        str(NODE / "drive.js"),
        server.host,
        server.key_id,
        server.secret,
        "product",
        str(pictures),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["found"][0] == "node-1"
    assert result["sort"] == IDENTICAL
    assert result["left"] == 0


def test_the_readers_example_runs_as_it_stands(server: Live, pictures: Path) -> None:
    settings = {
        "LOOKALIKE_URL": server.url.rstrip("/"),
        "LOOKALIKE_KEY_ID": server.key_id,
        "LOOKALIKE_KEY_SECRET": server.secret,
    }
    command = [
        str(PYTHON),
        str(ROOT / "examples" / "python" / "sdk.py"),
        "generic",
        str(pictures / "b.png"),
    ]
    done = subprocess.run(
        command,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert IDENTICAL in lines[0]
    assert lines[-1] == "sent ahead: b.png"


def probed(server: Live, pictures: Path, *more: str) -> list[dict[str, Any]]:
    """The steps of the contract's own probe, all of them right."""
    probe = shared("contract/sdk_probe.py")
    arguments = [
        str(PYTHON),
        str(probe),
        "--endpoint",
        server.url.rstrip("/"),
        "--key-id",
        server.key_id,
        "--key-secret",
        server.secret,
    ]
    arguments += [
        "--instance",
        "product",
        "--images",
        str(pictures),
        "--settle",
        "2",
        "--task-wait",
        "60",
        *more,
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=280, check=False)
    steps: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step for step in steps if not step["ok"]] == [], done.stderr[-2000:]
    return steps


def test_the_contracts_own_probe_finds_every_step_right(server: Live, pictures: Path) -> None:
    assert probed(server, pictures, "--upload")[-1]["passed"] >= 35


@contextmanager
def beside_a_bucket(
    pictures: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Live]:
    """A server, and the pictures in /shop of the bucket `pictures`."""
    if not PYTHON.exists():
        pytest.skip("needs the SDKs' environment, which `make test-sdk` makes")
    with locked_moto() as url, aws(url) as cloud:
        lines = [
            json.dumps(
                {"OperationType": "ADD", "ProductId": f"bucket-{name}", "PicName": f"{name}.png"}
            )
            for name in "abc"
        ]
        objects = {f"shop/{name}.png": (pictures / f"{name}.png").read_bytes() for name in "abc"}
        cloud.bucket("pictures", {"shop/increment.meta": "\n".join(lines).encode(), **objects})
        monkeypatch.setenv("AWS_REGION", REGION)
        with live(folder) as server:
            yield server


def test_the_current_sdk_imports_from_a_bucket(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with beside_a_bucket(pictures, tmp_path, monkeypatch) as server:
        assert every_action(server, "pictures:/shop") == {
            "ended": "SUCCESS",
            "from": ["pictures", "/shop"],
            "count": 3,
        }


def test_the_contracts_own_probe_imports_from_a_bucket(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with beside_a_bucket(pictures, tmp_path, monkeypatch) as server:
        steps = probed(server, pictures, "--bucket", "pictures", "--path", "/shop")
        assert next(step for step in steps if step["step"] == "increase").get("skipped") is None
        detail = server.call("Detail", {"InstanceName": "product"})
    assert (detail["Instance"]["Region"], detail["Instance"]["TotalCount"]) == (REGION, 3)
