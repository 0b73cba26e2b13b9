"""Every code of CONTRACT §8 that a request can earn, with its status; and the store is unchanged by
all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from chalicelib.config import Settings
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.wire import faults
from chalicelib.gateway.wire.incoming import Incoming
from tests.gateway.client import FORM, HOST, Client, acs3, b64, picture, roa
from tests.gateway.refused import code_of, detail

NAMED = {"InstanceName": "product", "ProductId": "p", "PicName": "n"}
PIC = {"PicContent": b64(picture(1))}
BIG = b64(bytes(4 * 1024 * 1024 + 1))

REQUESTS: list[tuple[str, Mapping[str, object], int, str]] = [
    ("AddImage", {**NAMED, **PIC, "InstanceName": ""}, 400, "InvalidInstanceName"),
    ("AddImage", {**NAMED, **PIC, "InstanceName": "x" * 21}, 400, "InvalidInstanceName"),
    ("AddImage", {**NAMED, **PIC, "InstanceName": "nobody"}, 400, "InvalidInstance"),
    ("SearchImageByName", {**NAMED, "InstanceName": "nobody"}, 400, "InvalidInstance"),
    ("Detail", {"InstanceName": "nobody"}, 400, "Console.InstanceNotFound"),
    (
        "CompareSimilarByImage",
        {"InstanceName": "nobody", "PrimaryPicContent": "AAAA", "SecondaryPicContent": "AAAA"},
        400,
        "Console.InstanceNotFound",
    ),
    ("AddImage", {**NAMED, **PIC, "ProductId": ""}, 400, "NoSpecifiedProductId"),
    ("AddImage", {**NAMED, **PIC, "PicName": ""}, 400, "NoSpecifiedPicName"),
    ("AddImage", NAMED, 400, "NoSpecifiedPicContent"),
    ("SearchImageByPic", {"InstanceName": "product"}, 400, "NoSpecifiedPicContent"),
    ("AddImage", {**NAMED, **PIC, "ProductId": "x" * 513}, 400, "InvalidProductId"),
    ("AddImage", {**NAMED, **PIC, "PicName": "a\x00b"}, 400, "InvalidPicName"),
    ("AddImage", {**NAMED, **PIC, "CustomContent": "x" * 4097}, 400, "InvalidCustomContent"),
    *(
        ("AddImage", {**NAMED, **PIC, f"StrAttr{n}": "50%"}, 400, f"InvalidStrAttr{n}")
        for n in ("", "2", "3", "4")
    ),
    *(
        ("UpdateImage", {**NAMED, f"IntAttr{n}": 2**31}, 400, f"InvalidIntAttr{n}")
        for n in ("", "2", "3", "4")
    ),
    ("AddImage", {**NAMED, **PIC, "IntAttr": "seven"}, 400, "InvalidIntAttr"),
    ("AddImage", {**NAMED, **PIC, "CategoryId": 10}, 400, "InvalidCategory"),
    ("SearchImageByName", {**NAMED, "CategoryId": "x"}, 400, "InvalidCategory"),
    ("AddImage", {**NAMED, **PIC, "Region": "1,2,3"}, 400, "InvalidRegion"),
    ("AddImage", {**NAMED, **PIC, "Region": "0,5000,0,5000"}, 400, "InvalidRegion"),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Filter": "int_attr >> 1"},
        400,
        "InvalidFilterClause",
    ),
    ("SearchImageByFilter", {"InstanceName": "product"}, 400, "InvalidFilterClause"),
    (
        "DeleteImage",
        {"InstanceName": "product", "IsDeleteByFilter": "true"},
        400,
        "InvalidFilterClause",
    ),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Num": "ten"},
        400,
        "InvalidNumParameter",
    ),
    ("SearchImageByPic", {"InstanceName": "product", **PIC, "Num": 0}, 400, "InvalidNumParameter"),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Num": 101},
        400,
        "OverflowMaxReturnNum",
    ),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Start": 500},
        400,
        "InvalidStartParameter",
    ),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "Start": 450, "Num": 100},
        400,
        "OverflowMaxResultNum",
    ),
    ("SearchImageByText", {"InstanceName": "product"}, 400, "InvalidText"),
    ("SearchImageByText", {"InstanceName": "product", "Text": "x" * 513}, 400, "InvalidTextLength"),
    (
        "SearchImageByText",
        {"InstanceName": "product", "Text": "red"},
        500,
        "UnsupportedInstanceType",
    ),
    ("AddImage", {**NAMED, "PicContent": BIG}, 400, "InvalidPicContent"),
    ("AddImage", {**NAMED, "PicContent": "not base64!"}, 400, "InvalidPicContent"),
    (
        "CompareSimilarByImage",
        {"InstanceName": "product", "SecondaryPicContent": "AAAA"},
        400,
        "InvalidPrimaryPicContent",
    ),
    (
        "CompareSimilarByImage",
        {"InstanceName": "product", "PrimaryPicContent": "AAAA"},
        400,
        "InvalidSecondaryPicContent",
    ),
    ("AddImage", {**NAMED, "PicContent": b64(b"not a picture")}, 400, "UnsupportedPicFormat"),
    ("AddImage", {**NAMED, "PicContent": b64(picture(1)[:-400])}, 400, "UnsupportedPicFormat"),
    ("AddImage", {**NAMED, "PicContent": b64(picture(1, (99, 120)))}, 400, "UnsupportedPicPixels"),
    ("AddImage", {**NAMED, "PicContent": "http://example.com/a.jpg"}, 400, "InvalidPicUrl"),
    ("SearchImageByName", NAMED, 400, "PicNotExist"),
    ("UpdateImage", {**NAMED, "IntAttr": 1}, 400, "PicNotExist"),
    ("DeleteImage", {"InstanceName": "product"}, 400, "NoSpecifiedProductId"),
    ("DeleteImage", {"InstanceName": "product", "Colour": "red"}, 400, "BadRequest"),
    ("AddImage", {**NAMED, **PIC, "Crop": "maybe"}, 400, "BadRequest"),
    (
        "SearchImageByPic",
        {"InstanceName": "product", **PIC, "ScoreThreshold": "2"},
        400,
        "BadRequest",
    ),
    ("IncreaseInstance", {"InstanceName": "product"}, 400, "Console.BadRequest"),
    ("IncreaseList", {"InstanceName": "product", "PageNumber": 0}, 400, "Console.BadRequest"),
    ("DumpMetaList", {"InstanceName": "product", "PageSize": 501}, 400, "Console.BadRequest"),
    ("DumpMeta", {"InstanceName": "nobody"}, 400, "Console.InstanceNotFound"),
]


@pytest.mark.parametrize(
    ("action", "params", "status", "code"),
    REQUESTS,
    ids=[f"{row[3]}-{row[0]}-{i}" for i, row in enumerate(REQUESTS)],
)
def test_a_bad_request_has_its_code_and_changes_nothing(
    action: str, params: Mapping[str, object], status: int, code: str, client: Client
) -> None:
    before = {
        stat.key: client.deployment.store.get(stat.key).version
        for stat in client.deployment.store.list("")
    }
    assert client.code(action, params) == (status, code)
    assert {
        stat.key: client.deployment.store.get(stat.key).version
        for stat in client.deployment.store.list("")
    } == before


def test_2019_codes(client: Client) -> None:
    incoming = acs3(
        client.key,
        "SearchImage",
        "2019-03-25",
        now=client.clock.now,
        path="/v2/image/search",
        body=b"InstanceName=product&Type=SearchByText",
    )
    assert code_of(client, incoming)[:2] == (400, "InvalidType")


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("add", b"item_id,0,4", "NoCaretSeperator"),
        ("add", b"^", "EmptyMeta"),
        ("add", b"item_id^1000", "InvalidMetaItem"),
        ("add", b"item_id,0,4^1000", "NoPicList"),
        ("add", b"cat_id,0,1#pic_list,1,1^0", "NoSpecifiedItemId"),
        ("add", b"item_id,0,4#pic_list,4,4^1000", "NoSpecifiedPic"),
        ("add", b"item_id,0,4#pic_list,4,8^1000YQ==", "NoSpecifiedAddPic"),
        ("add", b"item_id,0,4#pic_list,4,5#?,5,8^1000?abc", "InvalidPicList"),
        ("search", b"pic_list,0,4^YQ==", "NoSpecifiedSearchPic"),
        ("search", b"s,0,1#pic_list,1,5#YQ==,5,9^xYQ==AAAA", "InvalidStartParameter"),
        ("search", b"n,0,1#pic_list,1,5#YQ==,5,9^xYQ==AAAA", "InvalidNumParameter"),
        ("delete", b"pic_list,0,0^", "NoSpecifiedItemId"),
    ],
)
def test_2018_codes(client: Client, verb: str, body: bytes, code: str) -> None:
    incoming = roa(
        client.key,
        f"/item/{verb}",
        now=client.clock.now,
        query={"instanceName": "product"},
        body=body,
        content_type="application/octet-stream",
    )
    assert code_of(client, incoming)[:2] == (400, code)


def test_a_body_of_8_mb_or_more(client: Client) -> None:
    headers = [("host", HOST), ("content-type", FORM)]
    assert code_of(
        client, Incoming.of("POST", "/", query=[], headers=headers, body=b"x" * (8 * 1024 * 1024))
    )[:2] == (
        413,
        "RequestBodyTooLarge",
    )


def test_a_body_nobody_reads_here(client: Client) -> None:
    headers = [("host", HOST), ("content-type", "text/csv")]
    assert code_of(client, Incoming.of("POST", "/", query=[], headers=headers, body=b"a,b"))[
        :2
    ] == (415, "UnsupportedMediaType")


def test_a_rate_over_the_limit_is_denied_until_a_token_is_back() -> None:
    client = Client.new(Settings(requests_per_second=2))
    exists = {**NAMED}
    assert [client.call("CheckImageExists", exists)[0] for _ in range(2)] == [200, 200]
    answer = client.send(detail(client, action="CheckImageExists", query=exists))
    assert (answer.status, json.loads(answer.body)["Code"]) == (403, "DeniedRequest")
    assert 0 < int(answer.headers["x-acs-retry-after"]) <= 501
    assert client.code("Detail", {"InstanceName": "product"}) == (400, "DeniedRequest")
    assert client.call("CheckImageExists", {**exists, "InstanceName": "generic"})[0] == 200, (
        "a limit per collection"
    )
    client.later(0.6)
    assert client.call("CheckImageExists", exists)[0] == 200


def test_a_full_collection_takes_nothing_more() -> None:
    client = Client.new(Settings(capacity_records=2))
    client.add("product", "p", "1", picture(1))
    client.add("product", "p", "2", picture(2))
    assert client.code("AddImage", {**NAMED, "PicName": "3", **PIC}) == (400, "InstanceOverQuota")
    client.ok("DeleteImage", {"InstanceName": "product", "ProductId": "p", "PicName": "1"})
    client.add("product", "p", "3", picture(3))


def test_models_that_changed_are_reported_as_the_instances_state(client: Client) -> None:
    import dataclasses

    from tests.doubles import TinyAnalyzer

    class Newer(TinyAnalyzer):
        fingerprint = "tiny-2"

    client.add("product", "p", "n", picture(1))
    deployment = dataclasses.replace(client.deployment, analyzer=Newer)
    newer = Client(deployment, Gateway(deployment), client.key, client.clock)
    status, members = newer.call("AddImage", {**NAMED, **PIC})
    assert (status, members["Code"]) == (409, "InstanceStatusError")
    assert "lookalike rebuild" in members["Message"]
    assert newer.code("SearchImageByPic", {"InstanceName": "product", **PIC}) == (
        409,
        "InstanceStatusError",
    )


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, b'{"message":"Missing Authentication Token"}', "InvalidAction.NotFound"),
        (
            405,
            b'{"Code":"MethodNotAllowedError","Message":"Unsupported method: PUT"}',
            "UnsupportedHTTPMethod",
        ),
        (415, b'{"Code":"UnsupportedMediaType","Message":"x"}', "UnsupportedMediaType"),
        (500, b"<html>", "UnknownException"),
        (413, b'{"message": "the body"}', "RequestBodyTooLarge"),
    ],
)
def test_errors_of_chalice_take_the_contracts_form_and_leave_a_line(
    status: int, body: bytes, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="lookalike.requests"):
        members = json.loads(faults.reshape(status, body, host=HOST))
    assert set(members) == {"RequestId", "HostId", "Code", "Message"}
    assert members["Code"] == code
    line = json.loads(caplog.messages[-1])
    assert (line["request_id"], line["status"], line["code"]) == (
        members["RequestId"],
        status,
        code,
    )


def test_an_error_in_the_contracts_form_is_left_as_it_is() -> None:
    body = faults.error_body("X", "m", request_id="1", host=HOST)
    assert faults.reshape(400, body, host=HOST) is body
