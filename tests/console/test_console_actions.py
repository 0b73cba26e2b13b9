"""The console's own actions, signed and through the gateway like every other request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.config import Settings
from chalicelib.contract.messages import AddPicture, CreateCollection
from chalicelib.gateway.console import actions as console_actions
from chalicelib.gateway.dispatch import Gateway
from chalicelib.service import Service
from chalicelib.usecases.add import add_picture
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import NewKey, create_key
from chalicelib.usecases.maintain import compact
from chalicelib.usecases.manage import create_collection
from chalicelib.usecases.picture_urls import KEY, picture_urls
from tests.gateway.client import acs3, memory_deployment, picture


class Caller:
    def __init__(self, deployment: Deployment, key: NewKey) -> None:
        self.deployment, self.key, self._gateway = deployment, key, Gateway(deployment)

    def send(self, action: str, **fields: str) -> tuple[int, dict[str, Any]]:
        body = urlencode(fields).encode()
        answer = self._gateway.answer(
            acs3(self.key, action, "console", now=self.deployment.clock(), body=body)
        )
        return answer.status, json.loads(answer.body)

    def call(self, action: str, **fields: str) -> dict[str, Any]:
        status, value = self.send(action, **fields)
        assert status == 200, value
        return value

    def refused(self, action: str, **fields: str) -> tuple[int, str]:
        status, value = self.send(action, **fields)
        return status, value["Code"]


@pytest.fixture
def owner() -> Caller:
    deployment = memory_deployment()
    return Caller(deployment, create_key(deployment))


@pytest.fixture
def reader(owner: Caller) -> Caller:
    create_collection(CreateCollection("seen", Service.GENERIC), owner.deployment)
    create_collection(CreateCollection("hidden", Service.FABRIC), owner.deployment)
    return Caller(
        owner.deployment,
        create_key(owner.deployment, access="read", collections=frozenset(("seen",))),
    )


def test_a_collection_is_created_listed_described_and_dropped(owner: Caller) -> None:
    assert owner.call("CreateCollection", InstanceName="shoes", Type="product")["Type"] == "product"
    assert [row["Name"] for row in owner.call("ListCollections")["Collections"]] == ["shoes"]
    described = owner.call("DescribeCollection", InstanceName="shoes")
    assert described["Current"] is True
    assert described["Segments"] == []
    assert owner.refused("CreateCollection", InstanceName="shoes", Type="product") == (
        409,
        "AlreadyExists",
    )
    owner.call("DropCollection", InstanceName="shoes")
    assert owner.call("ListCollections")["Collections"] == []
    assert owner.refused("DropCollection", InstanceName="shoes") == (400, "InvalidInstance")


def test_an_unknown_kind_is_refused_with_the_kinds_there_are(owner: Caller) -> None:
    status, value = owner.send("CreateCollection", InstanceName="x", Type="shoes")
    assert status == 400
    assert "product, generic, fabric or trademark" in value["Message"]


def test_growth_and_segments_follow_what_is_added_and_compacted(owner: Caller) -> None:
    create_collection(CreateCollection("grown", Service.GENERIC), owner.deployment)
    for number in range(3):
        add_picture(AddPicture("grown", f"p{number}", "a.png", picture(number)), owner.deployment)
    before = owner.call("DescribeCollection", InstanceName="grown")
    assert before["LogObjects"] == 3
    assert [point["Rows"] for point in before["Growth"]] == [0, 1, 2, 3, 3]
    compact(owner.deployment, "grown")
    after = owner.call("DescribeCollection", InstanceName="grown")
    assert after["LogObjects"] == 0
    assert [segment["Rows"] for segment in after["Segments"]] == [3]
    assert after["Growth"][-1]["Rows"] == 3
    assert after["Bytes"] > 0


def test_a_long_list_opens_only_its_beginning(
    owner: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_actions, "MAX_OPENED", 1)
    for name in ("a", "b"):
        create_collection(CreateCollection(name, Service.GENERIC), owner.deployment)
    first, second = owner.call("ListCollections")["Collections"]
    assert first["Type"] == "generic"
    assert "Type" not in second
    assert owner.call("ListCollections", InstanceName="b")["Collections"][0]["Type"] == "generic"


def test_keys_are_made_listed_without_secrets_and_revoked(owner: Caller) -> None:
    made = owner.call("CreateKey", Access="read", Collections="a, b", Name="till")
    listed = {row["AccessKeyId"]: row for row in owner.call("ListKeys")["Keys"]}
    assert listed[made["AccessKeyId"]]["Collections"] == ["a", "b"]
    assert made["AccessKeySecret"] not in json.dumps(listed)
    owner.call("RevokeKey", AccessKeyId=made["AccessKeyId"])
    assert list({row["AccessKeyId"] for row in owner.call("ListKeys")["Keys"]}) == [
        owner.key.key_id
    ]
    assert owner.refused("RevokeKey", AccessKeyId="LAnobody")[0] >= 400


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("CreateCollection", {"InstanceName": "new", "Type": "generic"}),
        ("DropCollection", {"InstanceName": "seen"}),
        ("SetPictureUrl", {"InstanceName": "seen", "PictureUrl": "https://cdn.example/{PicName}"}),
        ("ListKeys", {}),
        ("CreateKey", {}),
        ("RevokeKey", {"AccessKeyId": "x"}),
        ("CheckHealth", {"InstanceName": "seen"}),
        ("DescribeCollection", {"InstanceName": "hidden"}),
        ("ImportProgress", {"InstanceName": "hidden", "Id": "1"}),
    ],
)
def test_a_key_that_reads_one_collection_may_do_nothing_else(
    reader: Caller, action: str, fields: dict[str, str]
) -> None:
    assert reader.refused(action, **fields) == (403, "NoPermission")
    assert [row["Name"] for row in reader.call("ListCollections")["Collections"]] == ["seen"]


def test_a_key_that_writes_one_collection_is_no_owner(owner: Caller) -> None:
    create_collection(CreateCollection("mine", Service.GENERIC), owner.deployment)
    writer = Caller(
        owner.deployment, create_key(owner.deployment, collections=frozenset(("mine",)))
    )
    writer.call("SetPictureUrl", InstanceName="mine", PictureUrl="/samples/{PicName}")
    for action, fields in (
        ("CreateKey", {}),
        ("ListKeys", {}),
        ("DropCollection", {"InstanceName": "mine"}),
    ):
        assert writer.refused(action, **fields) == (403, "NoPermission")


def test_the_picture_url_is_kept_shown_and_removed_with_its_collection(owner: Caller) -> None:
    create_collection(CreateCollection("shown", Service.GENERIC), owner.deployment)
    owner.call(
        "SetPictureUrl",
        InstanceName="shown",
        PictureUrl="https://cdn.example/{ProductId}/{PicName}",
    )
    assert (
        owner.call("ListCollections")["Collections"][0]["PictureUrl"]
        == "https://cdn.example/{ProductId}/{PicName}"
    )
    owner.call("SetPictureUrl", InstanceName="shown", PictureUrl="none")
    assert owner.call("ListCollections")["Collections"][0]["PictureUrl"] is None
    owner.call("SetPictureUrl", InstanceName="shown", PictureUrl="/x/{PicName}")
    owner.call("DropCollection", InstanceName="shown")
    assert picture_urls(owner.deployment) == {}
    assert owner.deployment.store.get(KEY).data == b"{}"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)//{PicName}",
        "//evil.example/{PicName}",
        "https://cdn.example/all.png",
        "data:{PicName}",
        'https://a/"{PicName}',
    ],
)
def test_a_picture_url_that_is_none_is_refused(owner: Caller, url: str) -> None:
    create_collection(CreateCollection("shown", Service.GENERIC), owner.deployment)
    assert owner.refused("SetPictureUrl", InstanceName="shown", PictureUrl=url)[0] == 400
    assert picture_urls(owner.deployment) == {}


def test_health_names_each_check_with_its_state(tmp_path: Path) -> None:
    deployment = memory_deployment(Settings(store=str(tmp_path)))
    owner = Caller(deployment, create_key(deployment))
    create_collection(CreateCollection("well", Service.GENERIC), owner.deployment)
    checks = owner.call("CheckHealth", InstanceName="well")["Checks"]
    assert {check["State"] for check in checks} <= {"ok", "warn", "fail"}
    assert all(check["Name"] and check["Message"] for check in checks)


def test_an_unknown_job_and_a_job_that_is_no_number_are_refused(owner: Caller) -> None:
    create_collection(CreateCollection("jobs", Service.GENERIC), owner.deployment)
    assert owner.refused("ImportProgress", InstanceName="jobs", Id="12")[0] == 404
    assert owner.refused("ImportProgress", InstanceName="jobs", Id="twelve")[0] == 400
    assert owner.refused("ImportErrors", InstanceName="jobs")[0] == 400


def test_there_is_no_other_action(owner: Caller) -> None:
    assert owner.refused("AddImage") == (404, "InvalidAction.NotFound")


def test_a_foreign_signature_is_refused(owner: Caller) -> None:
    stranger = Caller(owner.deployment, NewKey(owner.key.key_id, "guessed"))
    assert stranger.refused("ListKeys") == (400, "SignatureDoesNotMatch")
