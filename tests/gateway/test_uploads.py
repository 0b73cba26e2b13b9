"""The upload helper: private, expiring, bound to its key, used once, gone afterwards."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.config import Settings
from chalicelib.gateway.wire.incoming import Answer, Incoming
from chalicelib.gateway.wire.multipart import parse_multipart
from chalicelib.gateway.wire.upload_urls import split_host
from chalicelib.usecases.keys import NewKey, revoke_key
from chalicelib.usecases.uploads import GRANT_S, KEEP_S, sweep_uploads
from tests.gateway.captures import load
from tests.gateway.client import HOST, Client, acs3, picture

FIELDS = ("OSSAccessKeyId", "Signature", "host", "key", "policy", "success_action_status")


def authorize(
    client: Client, *, key: NewKey | None = None, extra: dict[str, str] | None = None
) -> dict[str, Any]:
    query = {"Product": "ImageSearch", "RegionId": "cn-shanghai"}
    incoming = acs3(
        key or client.key,
        "AuthorizeFileUpload",
        "2019-12-19",
        now=client.clock.now,
        method="GET",
        query=query,
    )
    incoming = replace(
        incoming,
        headers={**incoming.headers, **{name: (value,) for name, value in (extra or {}).items()}},
    )
    answer = client.send(incoming)
    assert answer.status == 200, answer.body
    members: dict[str, Any] = json.loads(answer.body)
    return members


def form(grant: dict[str, Any], data: bytes, **changes: str) -> Incoming:
    values = {
        "OSSAccessKeyId": grant["AccessKeyId"],
        "Signature": grant["Signature"],
        "host": grant["Endpoint"],
        "key": grant["ObjectKey"],
        "policy": grant["EncodedPolicy"],
        "success_action_status": "201",
        **changes,
    }
    parts = [
        f'--41\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in values.items()
    ]
    named = f'form-data; name="file"; filename="{grant["ObjectKey"]}"'
    head = f"--41\r\nContent-Disposition: {named}\r\nContent-Type: \r\n\r\n".encode()
    headers = [("host", HOST), ("content-type", "multipart/form-data; boundary=41")]
    return Incoming.of(
        "POST",
        "/",
        query=[],
        headers=headers,
        body=b"".join(parts) + head + data + b"\r\n--41--\r\n",
    )


def upload(client: Client, data: bytes, *, key: NewKey | None = None) -> str:
    grant = authorize(client, key=key)
    answer = client.send(form(grant, data))
    assert answer.status == 201, answer.body
    assert ET.fromstring(answer.body).tag == "PostResponse"  # noqa: S314  # our own
    return f"http://{grant['Bucket']}.{grant['Endpoint']}/{grant['ObjectKey']}"


def stored(client: Client) -> list[str]:
    return [stat.key for stat in client.deployment.store.list("uploads/")]


def error(answer: Answer) -> tuple[int, str | None]:
    root = ET.fromstring(answer.body)  # noqa: S314  # our own
    assert answer.content_type == "application/xml"
    assert root.tag == "Error"
    assert root.findtext("RequestId")
    return answer.status, root.findtext("Code")


def test_a_picture_sent_ahead_is_added_found_compared_and_deleted_each_time(client: Client) -> None:
    named = {"InstanceName": "product", "ProductId": "p", "PicName": "n"}
    url = upload(client, picture(1))
    assert len(stored(client)) == 1
    client.ok("AddImage", {**named, "PicContent": url})
    assert stored(client) == []
    found = client.ok(
        "SearchImageByPic", {"InstanceName": "product", "PicContent": upload(client, picture(1))}
    )
    assert found["Auctions"][0]["SortExprValues"].endswith(";0")
    params = {
        "PrimaryPicContent": upload(client, picture(1)),
        "SecondaryPicContent": upload(client, picture(1)),
    }
    assert client.ok("CompareSimilarByImage", {"InstanceName": "product", **params})["Score"] == 1
    assert stored(client) == []


def test_an_upload_serves_once(client: Client) -> None:
    url = upload(client, picture(1))
    client.ok("SearchImageByPic", {"InstanceName": "product", "PicContent": url})
    assert client.code("SearchImageByPic", {"InstanceName": "product", "PicContent": url}) == (
        400,
        "InvalidPicUrl",
    )


def test_an_upload_is_deleted_even_when_it_is_no_picture(client: Client) -> None:
    url = upload(client, b"not a picture")
    assert client.code("SearchImageByPic", {"InstanceName": "product", "PicContent": url}) == (
        400,
        "UnsupportedPicFormat",
    )
    assert stored(client) == []


def test_another_key_cannot_use_it(client: Client) -> None:
    url = upload(client, picture(1))
    other = client.with_key()
    assert client.code(
        "SearchImageByPic", {"InstanceName": "product", "PicContent": url}, key=other
    ) == (400, "InvalidPicUrl")
    assert len(stored(client)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Signature": "c2ln"}, 400, "SignatureDoesNotMatch"),
        ({"policy": "eyJ9"}, 400, "SignatureDoesNotMatch"),
        ({"key": "uploads/LA/" + "0" * 32}, 400, "SignatureDoesNotMatch"),
        ({"key": "collections/product/collection.json"}, 400, "SignatureDoesNotMatch"),
        ({"OSSAccessKeyId": "LAnobody"}, 404, "InvalidAccessKeyId.NotFound"),
    ],
)
def test_a_forged_grant_is_refused_in_xml(
    client: Client, changes: dict[str, str], status: int, code: str
) -> None:
    assert error(client.send(form(authorize(client), picture(1), **changes))) == (status, code)
    assert stored(client) == []


def test_a_grant_expires_is_used_once_and_dies_with_its_key(client: Client) -> None:
    grant = authorize(client)
    client.later(GRANT_S + 1)
    assert error(client.send(form(grant, picture(1)))) == (400, "InvalidTimeStamp.Expired")
    grant = authorize(client)
    assert client.send(form(grant, picture(1))).status == 201
    assert error(client.send(form(grant, picture(2)))) == (400, "SignatureNonceUsed")
    grant = authorize(client)
    revoke_key(client.deployment, client.key.key_id)
    assert error(client.send(form(grant, picture(1)))) == (404, "InvalidAccessKeyId.NotFound")


def test_empty_and_too_large_files_are_refused(client: Client) -> None:
    assert error(client.send(form(authorize(client), b""))) == (400, "InvalidPicContent")
    assert error(client.send(form(authorize(client), bytes(4 * 1024 * 1024 + 1)))) == (
        400,
        "InvalidPicContent",
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\nno name\r\n\r\nx\r\n--b--"),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--b--',
        ),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\n" + b"Content-Disposition: form-data;" * 100_000 + b"\r\n\r\nx\r\n--b--",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 2 + b"--b--",
        ),
        (
            "multipart/form-data; boundary=b",
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 30 + b"--b--",
        ),
    ],
)
def test_a_form_that_is_none_is_refused_in_xml(
    client: Client, content_type: str, body: bytes
) -> None:
    incoming = Incoming.of(
        "POST", "/", query=[], headers=[("host", HOST), ("content-type", content_type)], body=body
    )
    assert error(client.send(incoming))[0] == 400


def test_the_captured_form_is_read() -> None:
    read = parse_multipart(load("advance_2_PostObject").incoming)
    parts = {name: part.content for name, part in read.items()}
    assert [name for name, part in read.items() if part.is_file] == ["file"]
    assert list(parts) == [
        "OSSAccessKeyId",
        "Signature",
        "host",
        "key",
        "policy",
        "success_action_status",
        "file",
    ]
    assert parts["key"] == b"uploads/0001.jpg"
    assert parts["file"].startswith(b"\x89PNG")
    assert parts["file"].endswith(b"IEND\xaeB`\x82")


def test_uploads_nobody_used_are_swept(client: Client) -> None:
    upload(client, picture(1))
    assert sweep_uploads(client.deployment) == 0
    client.later(KEEP_S + 60)
    assert sweep_uploads(client.deployment) == 1
    assert stored(client) == []


@pytest.mark.parametrize(
    ("host", "secure", "split"),
    [
        ("search.example.com", True, ("search", "example.com")),
        ("search.example.com:8443", True, ("search", "example.com:8443")),
        ("127.0.0.1:8000", False, ("http://127", "0.0.1:8000")),
        ("localhost:8000", False, ("http://127", "0.0.1:8000")),
    ],
)
def test_a_host_is_split_so_that_the_sdk_puts_it_together_again(
    host: str, secure: bool, split: tuple[str, str]
) -> None:
    assert split_host(host, secure=secure) == split


def test_behind_a_proxy_the_public_host_is_named() -> None:
    client = Client.new(Settings(public_hosts="pictures.shop.example, other.example"))
    grant = authorize(client, extra={"x-forwarded-proto": "https"})
    assert (grant["Bucket"], grant["Endpoint"]) == ("pictures", "shop.example")
    assert client.send(form(grant, picture(1))).status == 201
    url = f"http://pictures.shop.example/{grant['ObjectKey']}"
    client.ok("SearchImageByPic", {"InstanceName": "product", "PicContent": url})


def test_2019_knows_no_uploads(client: Client) -> None:
    body = urlencode({"InstanceName": "product", "PicContent": upload(client, picture(1))}).encode()
    incoming = acs3(
        client.key,
        "SearchImage",
        "2019-03-25",
        now=client.clock.now,
        path="/v2/image/search",
        body=body,
    )
    assert json.loads(client.send(incoming).body)["Code"] == "InvalidPicUrl"
