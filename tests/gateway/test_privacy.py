"""What a log may hold: the request id, the action, the code; never a secret, a picture, an
attribute or an identity.
"""

from __future__ import annotations

import json
import logging

import pytest

from chalicelib.usecases.keys import rotate_key
from tests.gateway.client import Client, b64, picture
from tests.gateway.test_failures import raising
from tests.gateway.test_uploads import upload

MARKS = ["custom-zq7", "attr-zq7", "product-zq7", "pic-zq7.png", "text-zq7"]


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def everything(logged: pytest.LogCaptureFixture) -> str:
    formatter = logging.Formatter("%(name)s %(message)s")
    return "\n".join(formatter.format(record) for record in logged.records)


def exercise(client: Client) -> None:
    named = {"InstanceName": "product", "ProductId": "product-zq7", "PicName": "pic-zq7.png"}
    attributes = {"CustomContent": "custom-zq7", "StrAttr": "attr-zq7", "IntAttr": 987654321}
    client.call("AddImage", {**named, **attributes, "PicContent": b64(picture(1))})
    client.call(
        "SearchImageByPic",
        {"InstanceName": "product", "PicContent": b64(picture(1)), "Filter": 'str_attr="attr-zq7"'},
    )
    client.call("SearchImageByName", named)
    client.call("SearchImageByName", {**named, "ProductId": "product-zq7-absent"})
    client.call("SearchImageByText", {"InstanceName": "product", "Text": "text-zq7"})
    client.call("UpdateImage", {**named, **attributes})
    client.call("AddImage", {**named, "StrAttr": "attr-zq7 50%", "PicContent": b64(b"no picture")})
    client.call("AddImage", {**named, "PicContent": b64(b"no picture")})
    client.call(
        "SearchImageByPic", {"InstanceName": "product", "PicContent": upload(client, picture(1))}
    )
    client.call("DeleteImage", named)


def test_no_secret_picture_attribute_or_identity_is_logged(
    client: Client, logged: pytest.LogCaptureFixture
) -> None:
    exercise(client)
    second = rotate_key(client.deployment, client.key.key_id)
    exercise(client)
    exercise(raising(client, ValueError("attr-zq7 " + client.key.secret)))
    text = everything(logged)
    assert text.count('"action":"AddImage"') >= 9, "the lines are there"
    for mark in [*MARKS, client.key.secret, second.secret, b64(picture(1))[100:120], "987654321"]:
        assert mark not in text


def test_the_line_of_a_request_has_its_request_id_action_and_code(
    client: Client, logged: pytest.LogCaptureFixture
) -> None:
    _, members = client.call(
        "SearchImageByName", {"InstanceName": "product", "ProductId": "p", "PicName": "n"}
    )
    (line,) = [
        json.loads(record.message)
        for record in logged.records
        if members["RequestId"] in record.message
    ]
    assert (line["action"], line["version"], line["status"], line["code"]) == (
        "SearchImageByName",
        "2020-12-14",
        400,
        "PicNotExist",
    )
    assert line["collection"] == "product"


def test_a_failure_is_logged_with_its_place_and_not_with_its_text(
    client: Client, logged: pytest.LogCaptureFixture
) -> None:
    failing = raising(client, ValueError("attr-zq7"))
    _, members = failing.call(
        "AddImage",
        {
            "InstanceName": "product",
            "ProductId": "p",
            "PicName": "n",
            "PicContent": b64(picture(1)),
        },
    )
    text = everything(logged)
    assert f"request {members['RequestId']} failed: ValueError" in text
    assert "in add_picture" in text
    assert "attr-zq7" not in text
