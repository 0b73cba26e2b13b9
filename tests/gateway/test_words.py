"""Messages call things as the caller called them, and name what was probably meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gateway.client import Client, acs3, b64, picture, roa
from tests.gateway.test_post_content import build

PIC = b64(picture(1))
ONE = {"InstanceName": "product", "ProductId": "p", "PicName": "n"}
LONG = "x" * 5000


@pytest.mark.parametrize(
    ("action", "params", "begin"),
    [
        ("AddImage", {**ONE, "PicContent": PIC, "PicName": LONG}, "PicName has 5000"),
        ("AddImage", {**ONE, "PicContent": PIC, "PicName": ""}, "PicName is missing"),
        ("AddImage", {**ONE, "PicContent": PIC, "ProductId": "a\nb"}, "ProductId contains"),
        ("AddImage", {**ONE, "PicContent": ""}, "PicContent is missing"),
        ("AddImage", {**ONE, "PicContent": PIC, "CustomContent": LONG}, "CustomContent has"),
        ("AddImage", {**ONE, "PicContent": PIC, "StrAttr3": "a$"}, "StrAttr3 contains"),
        ("AddImage", {**ONE, "PicContent": PIC, "IntAttr2": 2**40}, "IntAttr2 is 1099511627776"),
        ("AddImage", {**ONE, "PicContent": PIC, "CategoryId": 5555}, "CategoryId is 5555"),
        ("AddImage", {**ONE, "PicContent": PIC, "Region": "1,2"}, "Region '1,2' is not"),
        ("Detail", {}, "InstanceName is missing"),
        ("Detail", {"InstanceName": "a b"}, "InstanceName 'a b' cannot be"),
        ("SearchImageByName", {**ONE, "Num": 101}, "Num is 101"),
        ("SearchImageByName", {**ONE, "Num": 0}, "Num is 0"),
        ("SearchImageByName", {**ONE, "Start": 900}, "Start is 900"),
        ("SearchImageByName", {**ONE, "Start": 499, "Num": 9}, "Start 499 + 9"),
        ("SearchImageByName", {**ONE, "ScoreThreshold": "7"}, "ScoreThreshold '7' is not"),
        ("SearchImageByText", {"InstanceName": "product", "Text": " "}, "Text is missing"),
        ("SearchImageByText", {"InstanceName": "product", "Text": LONG}, "Text has 5000"),
        ("SearchImageByFilter", {"InstanceName": "product"}, "Filter is missing"),
        ("SearchImageByFilter", {"InstanceName": "product", "Filter": "x"}, "Filter: expected"),
        (
            "CompareSimilarByImage",
            {"InstanceName": "product", "PrimaryPicContent": PIC},
            "SecondaryPicContent is missing",
        ),
        ("IncreaseInstance", {"InstanceName": "product", "Path": "/a"}, "BucketName is missing"),
        (
            "IncreaseInstance",
            {"InstanceName": "product", "BucketName": "A!", "Path": "/a"},
            "BucketName 'A!' cannot be",
        ),
        (
            "IncreaseInstance",
            {"InstanceName": "product", "BucketName": "abc", "Path": "a"},
            "Path 'a' must begin with /",
        ),
        (
            "IncreaseInstance",
            {"InstanceName": "product", "BucketName": "abc", "Path": "/a", "CallbackAddress": "x"},
            "CallbackAddress must be",
        ),
        ("DumpMetaList", {"InstanceName": "product", "PageSize": 0}, "PageSize is 0"),
    ],
)
def test_a_parameter_is_called_as_the_caller_called_it(
    client: Client, action: str, params: dict[str, object], begin: str
) -> None:
    status, members = client.call(action, params)
    assert status == 400
    assert members["Message"].startswith(begin), members


@pytest.mark.parametrize(
    ("verb", "entries", "begin"),
    [
        ("add", {"item_id": "x" * 600}, "item_id has 600"),
        ("add", {"cat_id": "77"}, "cat_id is 77"),
        ("add", {"cust_content": LONG}, "cust_content has 5000"),
        ("add", {"str_attr": "a%"}, "str_attr contains"),
        ("add", {"region": "1"}, "region '1' is not"),
        ("search", {"n": "900"}, "n is 900"),
        ("search", {"s": "x"}, "s is 'x'"),
        ("search", {"filter": "?"}, "filter: unexpected"),
    ],
)
def test_an_older_version_has_its_own_names(
    client: Client, verb: str, entries: dict[str, str], begin: str
) -> None:
    sound = {"add": {"item_id": "1", "cat_id": "0"}, "search": {"n": "1"}}[verb]
    body = build({**sound, "YQ==": PIC, "pic_list": "YQ==", **entries})
    incoming = roa(
        client.key,
        f"/item/{verb}",
        now=client.clock.now,
        query={"instanceName": "product"},
        body=body,
        content_type="application/octet-stream",
    )
    members: dict[str, Any] = json.loads(client.send(incoming).body)
    assert members["Message"].startswith(begin), members


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Addimage", "AddImage"),
        ("SearchImage", "SearchImageByPic"),
        ("DeleteImages", "DeleteImage"),
        ("detail", "Detail"),
        ("DumpMetaLst", "DumpMetaList"),
    ],
)
def test_an_unknown_action_is_answered_with_the_nearest_one(
    client: Client, name: str, meant: str
) -> None:
    status, members = client.call(name)
    assert (status, members["Code"]) == (404, "InvalidAction.NotFound")
    assert members["Message"].endswith(f"did you mean {meant}?")


def test_nothing_is_guessed_where_nothing_is_near(client: Client) -> None:
    for name in ("Xyzzy", "q" * 5000):
        status, members = client.call(name)
        assert (status, members["Code"]) == (404, "InvalidAction.NotFound")
        assert "did you mean" not in members["Message"]
        assert len(members["Message"]) < 200
    unnamed = acs3(client.key, "", "2020-12-14", now=client.clock.now)
    answer = client.send(unnamed)
    assert (answer.status, json.loads(answer.body)["Code"]) == (400, "MissingParameter")
