"""Requests that are not let in: every code of SIGNATURES §5, and what is not spoken here."""

from __future__ import annotations

import json

import pytest

from chalicelib.gateway.wire.incoming import Incoming
from tests.gateway.client import HOST, Client, acs3, roa, rpc
from tests.gateway.refused import code_of, detail


def test_an_unknown_key(client: Client) -> None:
    from chalicelib.usecases.keys import NewKey

    assert code_of(client, detail(client, key=NewKey("LAnobody", "x")))[:2] == (
        404,
        "InvalidAccessKeyId.NotFound",
    )


def test_a_wrong_secret_is_told_with_a_colon_for_the_classic_sdk(client: Client) -> None:
    from chalicelib.usecases.keys import NewKey

    status, code, message = code_of(client, detail(client, key=NewKey(client.key.key_id, "wrong")))
    assert (status, code) == (400, "SignatureDoesNotMatch")
    assert len(message.split(":")) > 1, (
        "the classic core SDK takes split(':')[1] of exactly this answer"
    )


def test_a_changed_body_too(client: Client) -> None:
    import dataclasses

    incoming = acs3(
        client.key,
        "DeleteImage",
        "2020-12-14",
        now=client.clock.now,
        body=b"InstanceName=product&ProductId=p",
    )
    status, code, message = code_of(
        client, dataclasses.replace(incoming, body=incoming.body + b"2")
    )
    assert (status, code) == (400, "SignatureDoesNotMatch")
    assert ":" in message


@pytest.mark.parametrize("ahead", [1, -1], ids=["future", "past"])
@pytest.mark.parametrize(("scheme", "minutes"), [("ACS3", 15), ("RPC", 31), ("ROA", 15)])
def test_a_time_stamp_counts_within_its_schemes_window_either_way(
    client: Client, scheme: str, minutes: int, ahead: int
) -> None:
    def code(seconds: float) -> tuple[int, str]:
        now = client.clock.now + ahead * seconds
        if scheme == "ACS3":
            incoming = detail(client, now=now)
        elif scheme == "RPC":
            incoming = rpc(client.key, "Detail", {"InstanceName": "product"}, now=now)
        else:
            incoming = roa(
                client.key, "/v2/image/delete", now=now, body=b"InstanceName=product&ProductId=p"
            )
        answer = client.send(incoming)
        return answer.status, str(json.loads(answer.body).get("Code", 0))

    assert code(minutes * 60 - 2) == (200, "0")
    assert code(minutes * 60 + 2) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize("known", [True, False], ids=["with a key of ours", "with its own key id"])
def test_a_security_token(client: Client, known: bool) -> None:
    from chalicelib.usecases.keys import NewKey

    key = client.key if known else NewKey("STS.NUgYrLnoC37mZZCNnAbez", "temporary")
    status, code, message = code_of(
        client,
        detail(
            client, key=key, extra={"x-acs-security-token": "t", "x-acs-accesskey-id": key.key_id}
        ),
    )
    assert (status, code) == (400, "InvalidSecurityToken")
    assert "STS" in message


def test_no_signature_and_half_of_one(client: Client) -> None:
    bare = Incoming.of(
        "POST", "/", query=[("Action", "Detail")], headers=[("host", HOST)], body=b""
    )
    assert code_of(client, bare)[:2] == (400, "MissingParameter")
    half = Incoming.of(
        "POST",
        "/",
        query=[],
        headers=[("authorization", "ACS3-HMAC-SHA256 Credential=x")],
        body=b"",
    )
    assert code_of(client, half)[:2] == (400, "IncompleteSignature")


def test_what_is_not_spoken(client: Client) -> None:
    assert code_of(client, detail(client, action="Describe"))[:2] == (404, "InvalidAction.NotFound")
    assert code_of(client, detail(client, version="2016-01-01"))[:2] == (400, "InvalidVersion")
    assert code_of(client, detail(client, version="console", action="Nothing"))[:2] == (
        404,
        "InvalidAction.NotFound",
    )
    assert code_of(client, detail(client, path="/v3"))[:2] == (404, "InvalidAction.NotFound")


def test_a_path_and_an_action_that_disagree(client: Client) -> None:
    incoming = acs3(
        client.key,
        "DeleteImage",
        "2019-03-25",
        now=client.clock.now,
        path="/v2/image/add",
        body=b"InstanceName=product",
    )
    assert code_of(client, incoming)[:2] == (404, "InvalidAction.NotFound")
