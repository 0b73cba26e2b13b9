"""Events as AWS hands them over, with whatever strangers put into them, through app.py: a 4xx, no
line of error, no failure counted.
"""

from __future__ import annotations

import base64
import importlib
import json
import random
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.usecases.keys import NewKey
from tests.gateway.client import FORM, HOST, Client, acs3, roa, rpc, stamp

Event = dict[str, Any]
Sent = tuple[str, str, list[tuple[str, str]], dict[str, str], bytes]
"""Method, path, query, headers, body."""

PATHS = ["/", "/v2/image/add", "/item/search", "/files/AAAA.AAAA", "/files/é", "/console/..", "/x"]
PATHS += ["//", "/v2/image/add/", "/item/%00", "/console/%2e%2e/app.py", "/openapi.json/x"]
ODD = ["", " ", "é", "\u2028", "\x7f", "A" * 9000, "%", "%zz", "{}", "null", "-1", "\ufffd", "☃"]
ODD += ["\ud800", "\x00", "a\nb"]
KINDS = [FORM, "application/json", "multipart/form-data; boundary=b", "application/octet-stream"]
KINDS += ["text/html", "", "multipart/form-data", FORM + "; charset=\x00", "a/b; c=" + "b" * 70]
PIECES = [b"a=b&", b'{"a": 1}', b"--b\r\n", b"\r\n\r\n", b"--b--", b"^", b"#", b"%FF", b"\xff"]
PIECES += [b'Content-Disposition: form-data; name="file"', b'name="Action"', b"Signature=x&"]


def authorizations(key: str, chance: random.Random) -> list[str]:
    odd = chance.choice(ODD)
    names = "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-version"
    whole = f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={names},Signature={'0' * 64}"
    return [
        odd,
        f"Bearer {odd}",
        f"bearer {key}.{odd}",
        f"Basic {odd}",
        f"acs {key}:{odd}",
        f"acs {odd}",
        f"ACS3-{odd}",
        whole,
        whole.replace("host", f"host;{odd}"),
        whole[: chance.randrange(len(whole))],
    ]


def made_up(client: Client, chance: random.Random) -> Sent:
    """Anything."""
    key = chance.choice([client.key.key_id, "LAnobody"])
    headers = {"host": HOST}
    if chance.random() < 0.8:
        headers["authorization"] = chance.choice(authorizations(key, chance))
    if chance.random() < 0.8:
        headers["content-type"] = chance.choice(KINDS)
    for name in ("x-acs-action", "x-acs-version", "x-acs-date", "date", "x-acs-content-sha256"):
        if chance.random() < 0.6:
            sound = [stamp(client.clock.now), "2020-12-14", "console", "Detail", "0" * 64]
            headers[name] = chance.choice([*sound, *ODD])
    query = [(chance.choice(ODD), chance.choice(ODD))] * chance.randrange(3)
    body = b"".join(chance.choices(PIECES, k=chance.randrange(8)))
    method = chance.choice(["POST", "POST", "POST", "GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
    return method, chance.choice(PATHS), query, headers, body


def nearly_right(client: Client, chance: random.Random) -> Sent:
    """A request signed by a made-up secret, with one thing in it that is odd."""
    key, now = NewKey(client.key.key_id, "guessed"), client.clock.now
    params = {"InstanceName": "product"}
    incoming = chance.choice(
        [
            acs3(key, "Detail", "2020-12-14", now=now, query=params),
            acs3(key, "Detail", "2020-12-14", now=now, body=b"InstanceName=product"),
            rpc(key, "Detail", params, now=now, method="GET"),
            rpc(key, "Detail", params, now=now),
            roa(key, "/v2/image/delete", now=now, body=b"InstanceName=product"),
            roa(key, "/item/delete", now=now, query={"instanceName": "product"}, body=b"a,0,1^x"),
        ]
    )
    headers = {name: values[0] for name, values in incoming.headers.items()}
    query, odd = dict(incoming.query), chance.choice(ODD)
    if chance.random() < 0.5 and query:
        query[chance.choice(list(query))] = odd
    elif chance.random() < 0.8:
        headers[chance.choice(list(headers))] = odd
    else:
        headers["authorization"] = headers.get("authorization", "acs a:b").replace("guess", odd)
    return incoming.method, incoming.path, list(query.items()), headers, incoming.body


def rest(sent: Sent) -> Event:
    """As a REST API sends it."""
    method, path, query, headers, body = sent
    several: dict[str, list[str]] = {}
    for name, value in query:
        several.setdefault(name, []).append(value)
    route = next((known for known in ("/files", "/console") if path.startswith(f"{known}/")), "")
    captured = {"/files": "token", "/console": "name"}.get(route, "")
    return {
        "requestContext": {
            "httpMethod": method,
            "resourcePath": f"{route}/{{{captured}}}" if route else path,
            "path": path,
        },
        "headers": headers,
        "pathParameters": {captured: path[len(route) + 1 :]} if route else {},
        "multiValueQueryStringParameters": several or None,
        "stageVariables": None,
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


def version_2(sent: Sent) -> Event:
    """As a function URL sends it."""
    method, path, query, headers, body = sent
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "&".join(f"{name}={value}" for name, value in query),
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "127.0.0.1"}},
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


@pytest.mark.parametrize("event_of", [rest, version_2])
def test_no_stranger_is_a_failure(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, event_of: Any
) -> None:
    monkeypatch.setattr(wiring, "deployment", lambda: client.deployment)
    app = importlib.import_module("app").app
    chance = random.Random(20201214)
    seen: dict[int, int] = {}
    with caplog.at_level("INFO"):
        for _ in range(1500):
            sent = chance.choice([made_up, nearly_right])(client, chance)
            event = event_of(sent)
            answer = app(event, None)
            status = answer["statusCode"]
            assert status < 500, (event, answer)
            assert status >= 300 or event["requestContext"].get("path", event.get("rawPath")) in {
                "/console/..",
                "/openapi.json",
            }, (event, answer)
            seen[status] = seen.get(status, 0) + 1
    assert {record.levelname for record in caplog.records} <= {"INFO"}, [
        record.getMessage() for record in caplog.records if record.levelname != "INFO"
    ][:3]
    lines = [json.loads(text) for text in caplog.messages if text.startswith("{")]
    assert all(line["status"] < 500 for line in lines)
    assert {400, 404}.issubset(seen), seen
