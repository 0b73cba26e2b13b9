"""The limits that docs/API.md states are those of the events that carry the bodies."""

from __future__ import annotations

import base64
import json
import os
from urllib.parse import urlencode

import pytest

from chalicelib.gateway.dispatch import MAX_BODY
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.service import MAX_PICTURE_BYTES
from tests.gateway import ways_in
from tests.gateway.api_doc import PAGE
from tests.gateway.client import FORM, HOST, Client, acs3

HEADERS = {"authorization": "x" * 1500, "cookie": "y" * 4096, "host": HOST, "via": "z" * 2000}
TEXTS = {"CustomContent": "🎁" * 500, "InstanceName": "i" * 20, "ProductId": "p" * 512}


def body_of(kind: str, size: int) -> bytes:
    picture = os.urandom(size)
    if kind == "a form":
        return urlencode({**TEXTS, "PicContent": base64.b64encode(picture).decode()}).encode()
    if kind == "JSON":
        return json.dumps({**TEXTS, "PicContent": base64.b64encode(picture).decode()}).encode()
    return b"--b\r\nContent-Disposition: form-data" + b" " * 4000 + picture + b"\r\n--b--\r\n"


def carried(way: str, kind: str, size: int) -> bool:
    """Whether a picture of `size` random bytes gets through."""
    body = body_of(kind, size)
    if way == "`lookalike serve`":
        return len(body) < MAX_BODY
    packed = way == "function URL" or kind.startswith("a file")
    text = base64.b64encode(body).decode() if packed else body.decode()
    event = {"headers": HEADERS, "multiValueHeaders": HEADERS, "body": text}
    return len(json.dumps(event, ensure_ascii=False).encode()) <= ways_in.LAMBDA


@pytest.mark.parametrize("kind", list(ways_in.KINDS))
@pytest.mark.parametrize("way", list(ways_in.WAYS))
def test_what_is_stated_gets_through_and_little_more(way: str, kind: str) -> None:
    stated = int(ways_in.largest(way, kind, 1) * 1024 * 1024)
    assert carried(way, kind, stated)
    if stated < MAX_PICTURE_BYTES:
        assert not carried(way, kind, int(stated * 1.02))


def test_the_page_has_the_table() -> None:
    assert ways_in.table() in PAGE.read_text(encoding="utf-8")


def test_a_body_over_the_limit_is_refused_before_anything_with_the_ways_there_are(
    client: Client,
) -> None:
    sent = acs3(client.key, "AddImage", "2020-12-14", now=client.clock.now, body=b"x" * MAX_BODY)
    bare = Incoming.of("POST", "/", query=[], headers=[("content-type", FORM)], body=sent.body)
    for incoming in (sent, bare):
        answer = client.send(incoming)
        assert (answer.status, json.loads(answer.body)["Code"]) == (413, "RequestBodyTooLarge")
        assert "upload helper" in json.loads(answer.body)["Message"]
