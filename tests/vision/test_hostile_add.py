"""The hostile files once more, through a signed AddImage: the contract's code, a message that
helps, nothing stored.
"""

from __future__ import annotations

import csv
import dataclasses

import pytest

from chalicelib.contract.messages import CreateCollection
from chalicelib.gateway.dispatch import Gateway
from chalicelib.service import Service
from chalicelib.usecases.keys import create_key
from chalicelib.usecases.manage import create_collection
from chalicelib.vision.analyze import Analyzer
from tests.gateway.client import Client, Clock, b64, memory_deployment
from tests.shared import shared

SIZED = {
    "bad_1x1.png",
    "bad_bomb_30000x30000.png",
    "bad_claims_65500.jpg",
    "bad_gif_huge_screen.gif",
    "bad_webp_dims.webp",
    "bad_zero_width.png",
}
"""Refused for their sides, beside those whose name says 99x or 4097x."""
NO_BYTES = {"bad_empty.jpg"}


@pytest.fixture(scope="module")
def client(analyzer: Analyzer) -> Client:
    clock = Clock()
    deployment = dataclasses.replace(memory_deployment(clock=clock), analyzer=lambda: analyzer)
    create_collection(CreateCollection("product", Service.PRODUCT), deployment)
    return Client(deployment, Gateway(deployment), create_key(deployment, name="test"), clock)


def code_for(name: str) -> str:
    if name == "bad_4_3MB.bmp":
        return "InvalidPicContent"
    if name in SIZED or "99x" in name or "4097x" in name:
        return "UnsupportedPicPixels"
    return "UnsupportedPicFormat"


def test_every_hostile_file_is_added_or_refused_by_the_contracts_code(client: Client) -> None:
    folder = shared("data/hostile")
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wrong = []
    added = set()
    for row in rows:
        name = row["file"]
        params = {
            "InstanceName": "product",
            "ProductId": name,
            "PicName": name,
            "PicContent": b64((folder / name).read_bytes()),
        }
        status, members = client.call("AddImage", params)
        if row["expected"] == "accept":
            added.add(name)
            expected: tuple[int, object] = (200, 0)
        elif name in NO_BYTES:
            expected = (400, members["Code"])
        else:
            expected = (400, code_for(name))
        if (status, members["Code"]) != expected:
            wrong.append(f"{name}: {status} {members['Code']} {members.get('Message')}")
        if status != 200 and name not in NO_BYTES and len(members["Message"]) < 30:
            wrong.append(f"{name}: {members['Message']!r} helps nobody")
    assert wrong == []
    stored = {
        row.key.product_id for row in client.deployment.catalog.open("product").snapshot().rows()
    }
    assert stored == added
