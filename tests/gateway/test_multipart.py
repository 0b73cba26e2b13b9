"""Actions by `curl -F` and a browser's FormData."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.errors import InvalidRequest
from chalicelib.gateway.wire.body import body_pairs
from chalicelib.gateway.wire.incoming import Answer, Incoming
from tests.gateway.client import HOST, Client, acs3, b64, picture, rpc

EDGE = "----41"
KIND = f"multipart/form-data; boundary={EDGE}"
NAMED = {"InstanceName": "generic", "ProductId": "p", "PicName": "名.jpg"}


def parts(texts: dict[str, str], files: dict[str, bytes] | None = None) -> bytes:
    """As curl writes them."""
    made = b""
    for name, text in texts.items():
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        made += head.encode() + text.encode() + b"\r\n"
    for name, data in (files or {}).items():
        head = f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"; filename="a.jpg"\r\n'
        made += head.encode() + b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n"
    return made + f"--{EDGE}--\r\n".encode()


def bearer(client: Client, body: bytes) -> Answer:
    token = f"Bearer {client.key.key_id}.{client.key.secret}"
    headers = [("host", HOST), ("authorization", token), ("content-type", KIND)]
    return client.send(Incoming.of("POST", "/", query=[], headers=headers, body=body))


def members(answer: Answer) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(answer.body)
    return read


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_a_picture_as_a_file_is_added_and_found(client: Client, kind: str) -> None:
    data = picture(1, format=kind)
    added = bearer(client, parts({"Action": "AddImage", **NAMED}, {"PicContent": data}))
    assert added.status == 200, added.body
    search = {"Action": "SearchImageByPic", "InstanceName": "generic"}
    found = members(bearer(client, parts(search, {"PicContent": data})))
    assert [(row["PicName"], row["Score"]) for row in found["Auctions"]] == [("名.jpg", 1)]


def test_a_picture_as_text_is_base64(client: Client) -> None:
    body = parts({"Action": "AddImage", **NAMED, "PicContent": b64(picture(1))})
    assert bearer(client, body).status == 200


def test_two_pictures_are_compared(client: Client) -> None:
    files = {"PrimaryPicContent": picture(1), "SecondaryPicContent": picture(1, format="BMP")}
    asked = {"Action": "CompareSimilarByImage", "InstanceName": "generic"}
    assert members(bearer(client, parts(asked, files)))["Score"] == 1


def test_a_signature_over_the_body_covers_it(client: Client) -> None:
    body = parts(NAMED, {"PicContent": picture(1)})
    incoming = acs3(
        client.key, "AddImage", "2020-12-14", now=client.clock.now, body=body, content_type=KIND
    )
    assert client.send(incoming).status == 200


def test_one_over_forms_only_says_so_in_json(client: Client) -> None:
    signed = rpc(client.key, "AddImage", {}, now=client.clock.now)
    body = parts({"Action": "AddImage", **NAMED}, {"PicContent": picture(1)})
    headers = [("host", HOST), ("content-type", KIND)]
    sent = Incoming.of("POST", "/", query=signed.query, headers=headers, body=body)
    answer = members(client.send(sent))
    assert answer["Code"] == "IncompleteSignature"
    assert "application/x-www-form-urlencoded" in answer["Message"]


def test_an_unsigned_one_is_refused_in_json_with_the_form_that_works(client: Client) -> None:
    body = parts({"Action": "AddImage", **NAMED}, {"PicContent": picture(1)})
    headers = [("host", HOST), ("content-type", KIND)]
    answer = client.send(Incoming.of("POST", "/", query=[], headers=headers, body=body))
    assert answer.status == 400
    assert members(answer)["Code"] == "MissingParameter"
    assert "Bearer ID.SECRET" in members(answer)["Message"]


def test_bytes_that_are_not_sent_as_a_file_are_refused_with_the_form_that_is(
    client: Client,
) -> None:
    body = parts({"Action": "AddImage", **NAMED}).removesuffix(f"--{EDGE}--\r\n".encode())
    head = f'--{EDGE}\r\nContent-Disposition: form-data; name="PicContent"\r\n\r\n'.encode()
    body += head + picture(1) + f"\r\n--{EDGE}--\r\n".encode()
    answer = bearer(client, body)
    assert answer.status == 400
    assert "PicContent=@picture.jpg" in members(answer)["Message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        parts({"A": "1"})[:-4],
        parts({"A": "1"}).replace(b'name="A"', b"nothing"),
        parts({"A": "1"})[:-10] + parts({"A": "2"}),
    ],
)
def test_a_torn_one_is_refused_in_json(client: Client, body: bytes) -> None:
    answer = bearer(client, body)
    assert answer.status == 400
    assert set(members(answer)) == {"RequestId", "HostId", "Code", "Message"}


def test_names_and_texts_are_read_as_they_are() -> None:
    body = parts({"a": "x+y%20z&\r\n", "b": ""})
    sent = Incoming.of("POST", "/", query=[], headers=[("content-type", KIND)], body=body)
    assert body_pairs(sent) == (("a", "x+y%20z&\r\n"), ("b", ""))
    with pytest.raises(InvalidRequest):
        body_pairs(Incoming.of("POST", "/", query=[], headers=[("content-type", KIND)], body=b"x"))
