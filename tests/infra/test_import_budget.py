"""What a cold start loads. Each library costs 50 to 200 ms of CPU (docs/adr/0051), so an action
loads what it needs and no more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.config import Settings
from chalicelib.contract.messages import AddPicture, CreateCollection
from chalicelib.index.catalog import Catalog
from chalicelib.service import Service
from chalicelib.storage.files import FileStore
from chalicelib.storage.secrets import FileSecrets
from chalicelib.usecases.add import add_picture
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import NewKey, create_key
from chalicelib.usecases.manage import create_collection
from chalicelib.wiring import new_id
from tests.doubles import TinyAnalyzer
from tests.gateway.client import acs3, picture
from tests.infra.events import gateway_event

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Place:
    """A local deployment with one collection."""

    folder: Path
    key: NewKey

    def loads(self, action: str, **fields: str) -> dict[str, Any]:
        """What a fresh process loads for one request."""
        body = urlencode({"InstanceName": "shop", **fields}).encode()
        event = self.folder / "event.json"
        event.write_text(
            json.dumps(
                gateway_event(
                    acs3(self.key, action, "2020-12-14", now=time.time(), body=body), body
                )
            )
        )
        command = [
            sys.executable,
            str(Path(__file__).with_name("cold.py")),
            str(self.folder / "data"),
            str(self.folder / "keys.json"),
            str(event),
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        finished = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False
        )
        assert finished.returncode == 0, finished.stderr
        found: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("cold")
    store = FileStore(folder / "data")
    deployment = Deployment(
        settings=Settings(),
        store=store,
        catalog=Catalog(store, clock=time.time, new_id=new_id),
        secrets=FileSecrets(folder / "keys.json"),
        analyzer=TinyAnalyzer,
        clock=time.time,
        new_id=new_id,
    )
    create_collection(CreateCollection("shop", Service.PRODUCT), deployment)
    add_picture(AddPicture("shop", "p", "1.png", picture(1)), deployment)
    return Place(folder, create_key(deployment))


ONE = {"ProductId": "p", "PicName": "1.png"}
OTHERS = frozenset(
    (
        "contract.filters",
        "gateway.console.actions",
        "gateway.versions.post_content",
        "gateway.uploads.receive",
        "index.read.fan_out",
        "usecases.add",
        "jobs.coordinator",
        "jobs.imports",
        "usecases.search",
        "usecases.uploads",
        "vision",
    )
)
"""Rooms that only other actions need. Each dataclass in them costs half a millisecond."""


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("Detail", {}),
        ("CheckImageExists", ONE),
        ("SearchImageByFilter", {"Filter": "int_attr=1"}),
        ("UpdateImage", {**ONE, "IntAttr": "3"}),
        ("DeleteImage", {"ProductId": "nobody"}),
        ("IncreaseList", {}),
        ("DumpMetaList", {}),
    ],
)
def test_an_action_without_a_picture_loads_no_vision_and_no_graphs(
    place: Place, action: str, fields: dict[str, str]
) -> None:
    found = place.loads(action, **fields)
    assert found["status"] == 200, found["body"]
    assert set(found["answered"]) <= {"chalice", "numpy"}


@pytest.mark.parametrize(
    ("action", "fields"),
    [("Detail", {}), ("CheckImageExists", ONE), ("DeleteImage", {"ProductId": "nobody"})],
)
def test_a_small_action_loads_no_rooms_of_others(
    place: Place, action: str, fields: dict[str, str]
) -> None:
    found = place.loads(action, **fields)
    assert found["status"] == 200, found["body"]
    assert "usecases.manage" in found["ours"]
    assert not OTHERS & set(found["ours"])


def test_starting_loads_nothing_but_chalice(place: Place) -> None:
    assert place.loads("Detail")["imported"] == ["chalice"]


def test_a_refused_request_costs_neither_vision_nor_arrays_that_it_does_not_need(
    place: Place,
) -> None:
    found = place.loads("AddImage", ProductId="p")
    assert found["status"] == 400
    assert not {"onnxruntime", "PIL", "usearch"} & set(found["answered"])
