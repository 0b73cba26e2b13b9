"""Who has no key costs next to nothing, changes nothing, and is never taken for a failure of ours
(SECURITY.md).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.gateway import pages
from chalicelib.gateway.signatures.claim import sha256_of
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.storage.secrets import MemorySecrets
from chalicelib.usecases.downloads import open_download, sign_download
from chalicelib.usecases.keys import create_key
from tests.gateway.attacks import ATTACKS, cost
from tests.gateway.client import FORM, HOST, Client, acs3, memory_deployment

MAX_BYTES = 40_000_000
MAX_S = 0.05
LOADED = 4
"""How much longer a busy machine may take."""


def test_there_are_many_shapes_of_attack() -> None:
    assert len(ATTACKS) >= 30


@pytest.mark.parametrize("name", list(ATTACKS))
def test_an_attack_is_refused_cheaply_and_is_no_failure(
    name: str, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        answer, seconds, peak = cost(client, ATTACKS[name])
    assert 400 <= answer.status < 500
    assert peak < MAX_BYTES
    assert seconds < MAX_S * LOADED
    assert [record for record in caplog.records if record.levelname != "INFO"] == []
    lines = [json.loads(line) for line in caplog.messages if line.startswith("{")]
    assert {line["status"] for line in lines} == {answer.status}


@pytest.mark.slow
def test_an_attack_costs_50_ms_at_most_on_a_machine_with_nothing_else_to_do(client: Client) -> None:
    spent = {name: cost(client, attack)[1] for name, attack in ATTACKS.items()}
    assert {name: seconds for name, seconds in spent.items() if seconds >= MAX_S} == {}


@pytest.mark.parametrize("key", ["nobody's", "guessed"])
@pytest.mark.parametrize("late_s", [0, 86_400])
def test_no_body_is_hashed_for_a_stranger(
    client: Client, monkeypatch: pytest.MonkeyPatch, key: str, late_s: int
) -> None:
    hashed: list[int] = []

    def counted(body: bytes) -> str:
        hashed.append(len(body))
        return sha256_of(body)

    monkeypatch.setattr("chalicelib.gateway.signatures.acs3.sha256_of", counted)
    made = replace(client.key, secret="guessed")
    made = replace(made, key_id="LAnobody") if key == "nobody's" else made
    now = client.clock.now - late_s
    assert client.send(acs3(made, "AddImage", "2020-12-14", now=now, body=b"a=b")).status >= 400
    assert hashed == []
    client.code("AddImage", {"InstanceName": "product"})
    assert len(hashed) == 1


class Counted(MemorySecrets):
    def __init__(self) -> None:
        super().__init__()
        self.written = 0

    def replace(self, text: str, *, version: str) -> None:
        self.written += 1
        super().replace(text, version=version)


@pytest.mark.parametrize(
    "token", ["AAAA.AAAA", "AAAA", ".", "é.é", "AAAA." + "A" * 100_000, "%00.%00"]
)
def test_a_strangers_link_makes_no_key(token: str) -> None:
    deployment = replace(memory_deployment(), secrets=Counted())
    answer = pages.file(token, deployment, request_id="1", host=HOST)
    assert answer.status == 400
    assert json.loads(answer.body)["Code"] == "InvalidSecurityToken"
    assert isinstance(deployment.secrets, Counted)
    assert deployment.secrets.written == 0


def test_links_are_signed_with_what_was_made_with_the_first_key() -> None:
    deployment = replace(memory_deployment(), secrets=Counted())
    assert isinstance(deployment.secrets, Counted)
    create_key(deployment)
    deployment.store.create("a", b"content")
    assert open_download(sign_download("a", deployment), deployment) == b"content"
    assert deployment.secrets.written == 1


def test_a_deployment_whose_keys_are_older_than_links_makes_it_for_its_owner_only() -> None:
    deployment = replace(memory_deployment(), secrets=Counted())
    deployment.store.create("a", b"content")
    assert open_download(sign_download("a", deployment), deployment) == b"content"
    assert isinstance(deployment.secrets, Counted)
    assert deployment.secrets.written == 1


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_a_bearer_key_in_any_case(client: Client, word: str) -> None:
    incoming = Incoming.of(
        "POST",
        "/",
        query=[("Action", "Detail"), ("InstanceName", "product")],
        headers=[
            ("host", HOST),
            ("authorization", f"{word}  {client.key.key_id}.{client.key.secret}"),
            ("content-type", FORM),
        ],
        body=b"",
    )
    answer = client.send(incoming)
    members: dict[str, Any] = json.loads(answer.body)
    assert answer.status == 200, members
