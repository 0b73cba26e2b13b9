"""2019-03-25 and 2018-01-20, the RPC signature, JSON bodies, GET and bearer keys, end to end."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest

from chalicelib.gateway.actions.declaration import V2019
from chalicelib.gateway.actions.registry import ACTIONS
from chalicelib.gateway.wire.incoming import Answer, Incoming
from tests.gateway.client import FORM, HOST, Client, acs3, b64, picture, roa, rpc
from tests.gateway.test_post_content import build

PATHS = {
    "AddImage": "/v2/image/add",
    "SearchImage": "/v2/image/search",
    "DeleteImage": "/v2/image/delete",
}


def members(answer: Answer) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(answer.body)
    assert answer.status == 200, body
    return body


def call_2019(
    client: Client, action: str, params: dict[str, str], *, classic: bool
) -> dict[str, Any]:
    body = urlencode(params).encode()
    if classic:
        answer = client.send(
            roa(
                client.key,
                PATHS[action],
                now=client.clock.now,
                query={"RegionId": "cn-shanghai"},
                body=body,
            )
        )
    else:
        answer = client.send(
            acs3(
                client.key,
                action,
                "2019-03-25",
                now=client.clock.now,
                path=PATHS[action],
                body=body,
            )
        )
    found = members(answer)
    jsonschema.validate(found, ACTIONS.of(V2019)[action].schema)
    return found


@pytest.mark.parametrize("classic", [False, True])
def test_2019_adds_searches_both_ways_and_deletes(client: Client, classic: bool) -> None:
    named = {"InstanceName": "product", "ProductId": "上衣", "PicName": "上衣 1.jpg"}
    call_2019(
        client,
        "AddImage",
        {**named, "PicContent": b64(picture(1)), "IntAttr": "3", "CustomContent": "k"},
        classic=classic,
    )
    by_pic = call_2019(
        client,
        "SearchImage",
        {"InstanceName": "product", "PicContent": b64(picture(1)), "Num": "5"},
        classic=classic,
    )
    assert by_pic["Auctions"][0]["SortExprValues"] == "7.33136443711219e+24;0"
    by_name = call_2019(client, "SearchImage", {**named, "Type": "SearchByName"}, classic=classic)
    assert by_name["Auctions"][0]["PicName"] == "上衣 1.jpg"
    assert call_2019(client, "DeleteImage", named, classic=classic)["Message"] == "success"
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 0


def test_2019_takes_a_json_body(client: Client) -> None:
    body = json.dumps(
        {"InstanceName": "product", "PicContent": b64(picture(1)), "Num": 3, "Crop": False}
    ).encode()
    incoming = acs3(
        client.key,
        "SearchImage",
        "2019-03-25",
        now=client.clock.now,
        path="/v2/image/search",
        body=body,
        content_type="application/json",
    )
    assert members(client.send(incoming))["Auctions"] == []


def call_2018(client: Client, verb: str, values: dict[str, str]) -> dict[str, Any]:
    incoming = roa(
        client.key,
        f"/item/{verb}",
        now=client.clock.now,
        query={"instanceName": "product", "RegionId": "cn-shanghai"},
        body=build(values),
        content_type="application/octet-stream;charset=UTF-8",
    )
    return members(client.send(incoming))


def test_2018_adds_two_pictures_searches_and_deletes(client: Client) -> None:
    first, second = (base64.b64encode(name.encode()).decode() for name in ("a.png", "衣.png"))
    item = {
        "item_id": "1000",
        "cat_id": "0",
        "cust_content": "名字",
        first: b64(picture(1)),
        second: b64(picture(2)),
    }
    assert call_2018(client, "add", {**item, "pic_list": f"{first},{second}"})["Code"] == 0
    key = base64.b64encode(b"searchPic").decode()
    found = call_2018(
        client,
        "search",
        {"s": "0", "n": "10", "cat_id": "0", "pic_list": key, key: b64(picture(2))},
    )
    top = found["Auctions"]["Auction"][0]
    assert top == {
        "ItemId": "1000",
        "ProductId": "1000",
        "PicName": "衣.png",
        "CatId": "0",
        "CustContent": "名字",
        "SortExprValues": "7.33136443711219e+24;0",
    }
    assert found["PicInfo"]["Category"] == "0"
    assert found["PicInfo"]["AllCategory"]["Category"][0] == {"Name": "Tops", "Id": "0"}
    assert found["Head"]["DocsReturn"] == 2
    call_2018(client, "delete", {"item_id": "1000", "pic_list": first})
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 1
    call_2018(client, "delete", {"item_id": "1000", "pic_list": ""})
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 0


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("not base64!", "InvalidPicContent"),
        (b64(b"not a picture"), "UnsupportedPicFormat"),
        (b64(picture(2, (99, 99))), "UnsupportedPicPixels"),
    ],
)
def test_2018_adds_none_of_an_items_pictures_when_one_is_wrong(
    client: Client, wrong: str, code: str
) -> None:
    first, second = "YQ==", "Yg=="
    values = {
        "item_id": "1",
        first: b64(picture(1)),
        second: wrong,
        "pic_list": f"{first},{second}",
    }
    incoming = roa(
        client.key,
        "/item/add",
        now=client.clock.now,
        query={"instanceName": "product"},
        body=build(values),
    )
    assert json.loads(client.send(incoming).body)["Code"] == code
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_rpc_signatures_carry_any_action(client: Client, method: str) -> None:
    params = {
        "InstanceName": "product",
        "ProductId": "a b*",
        "PicName": "ü.png",
        "PicContent": b64(picture(1)),
        "StrAttr": "",
    }
    assert (
        members(
            client.send(rpc(client.key, "AddImage", params, now=client.clock.now, method=method))
        )["Code"]
        == 0
    )
    detail = client.send(
        rpc(client.key, "Detail", {"InstanceName": "product"}, now=client.clock.now, method=method)
    )
    assert members(detail)["Instance"]["TotalCount"] == 1


def bearer(client: Client, params: dict[str, str], *, token: str | None = None) -> Answer:
    token = token or f"{client.key.key_id}.{client.key.secret}"
    headers = [("host", HOST), ("authorization", f"Bearer {token}"), ("content-type", FORM)]
    return client.send(
        Incoming.of("POST", "/", query=[], headers=headers, body=urlencode(params).encode())
    )


def test_a_bearer_key_needs_no_signature(client: Client) -> None:
    assert (
        members(bearer(client, {"Action": "Detail", "InstanceName": "product"}))["Instance"]["Name"]
        == "product"
    )


def test_a_bearer_key_must_be_right_and_made_for_it(client: Client) -> None:
    wrong = bearer(
        client, {"Action": "Detail", "InstanceName": "product"}, token=client.key.key_id + ".wrong"
    )
    assert (wrong.status, json.loads(wrong.body)["Code"]) == (400, "InvalidSecurityToken")
    signing = client.with_key(name="signs only")
    refused = bearer(
        client,
        {"Action": "Detail", "InstanceName": "product"},
        token=f"{signing.key_id}.{signing.secret}",
    )
    assert json.loads(refused.body)["Code"] == "InvalidSecurityToken"
    assert "--bearer" in json.loads(refused.body)["Message"]


def test_query_and_form_are_merged_and_the_form_wins(client: Client) -> None:
    for seed in range(3):
        client.add("product", f"p{seed}", "a.png", picture(seed))
    body = urlencode(
        {"InstanceName": "product", "PicContent": b64(picture(1)), "Num": "1"}
    ).encode()
    query = {"Num": "3", "ScoreThreshold": "0.00"}
    incoming = acs3(
        client.key, "SearchImageByPic", "2020-12-14", now=client.clock.now, query=query, body=body
    )
    assert members(client.send(incoming))["Head"]["DocsReturn"] == 1
