"""How long a key that is no more still opens; keys that a later version wrote."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.signatures.authenticate import KEYS_AGE_S, RETRY_AGE_S
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.storage.secrets import MemorySecrets, Secret
from chalicelib.usecases.keys import retire_key, revoke_key, rotate_key
from tests.gateway.client import FORM, HOST, Client, Clock, acs3


class Remembering(MemorySecrets):
    """As a function's memory of AWS's secret: what was read is used again until it is too old."""

    def __init__(self, behind: MemorySecrets, clock: Clock) -> None:
        super().__init__()
        self.behind, self.clock, self.reads = behind, clock, 0
        self.kept: tuple[float, Secret] | None = None

    def read(self, *, max_age_s: float = 0.0) -> Secret:
        if self.kept is None or self.clock.now - self.kept[0] > max_age_s:
            self.reads += 1
            self.kept = (self.clock.now, self.behind.read())
        return self.kept[1]


@pytest.fixture
def far(client: Client) -> Client:
    """A function that learns of changes of the keys only by reading them again."""
    assert isinstance(client.deployment.secrets, MemorySecrets)
    secrets = Remembering(client.deployment.secrets, client.clock)
    deployment = replace(client.deployment, secrets=secrets)
    return replace(client, deployment=deployment, gateway=Gateway(deployment))


def signed(client: Client, secret: str = "") -> Incoming:
    key = replace(client.key, secret=secret or client.key.secret)
    body = urlencode({"InstanceName": "product"}).encode()
    return acs3(key, "Detail", "2020-12-14", now=client.clock.now, body=body)


def bearer(client: Client, secret: str = "") -> Incoming:
    token = f"Bearer {client.key.key_id}.{secret or client.key.secret}"
    headers = [("host", HOST), ("authorization", token), ("content-type", FORM)]
    body = urlencode({"Action": "Detail", "InstanceName": "product"}).encode()
    return Incoming.of("POST", "/", query=[], headers=headers, body=body)


WAYS = [signed, bearer]


@pytest.mark.parametrize("way", WAYS)
def test_a_revoked_key_opens_for_a_minute_and_no_longer(
    client: Client, far: Client, way: Any
) -> None:
    assert far.send(way(far)).status == 200
    revoke_key(client.deployment, client.key.key_id)
    far.later(KEYS_AGE_S - 1)
    assert far.send(way(far)).status == 200
    far.later(2)
    answer = far.send(way(far))
    assert (answer.status, json.loads(answer.body)["Code"]) in {
        (404, "InvalidAccessKeyId.NotFound"),
        (400, "InvalidSecurityToken"),
    }


@pytest.mark.parametrize("way", WAYS)
def test_a_retired_secret_too_and_a_new_one_opens_at_once(
    client: Client, far: Client, way: Any
) -> None:
    assert far.send(way(far)).status == 200
    newer = rotate_key(client.deployment, client.key.key_id).secret
    far.later(RETRY_AGE_S + 1)
    assert far.send(way(far, newer)).status == 200
    assert far.send(way(far)).status == 200
    retire_key(client.deployment, client.key.key_id)
    far.later(KEYS_AGE_S + 1)
    assert far.send(way(far)).status == 400
    assert far.send(way(far, newer)).status == 200


def test_strangers_do_not_make_us_read_the_keys_each_time(far: Client) -> None:
    assert isinstance(far.deployment.secrets, Remembering)
    for _ in range(50):
        assert far.send(signed(far, "guessed")).status == 400
    assert far.deployment.secrets.reads == 1
    far.later(RETRY_AGE_S + 1)
    for _ in range(50):
        assert far.send(bearer(far, "guessed")).status == 400
    assert far.deployment.secrets.reads == 2


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "text",
    ['{"format": 2, "signing": "s", "keys": []}', '{"format": 1}', "[]", '{"form', '"secret"'],
)
def test_keys_of_a_newer_format_or_none_at_all_open_nothing_and_are_not_shown(
    client: Client, way: Any, text: str
) -> None:
    secrets = client.deployment.secrets
    secrets.replace(text, version=secrets.read().version)
    answer = client.send(way(client))
    members = json.loads(answer.body)
    assert answer.status == 500
    assert members["Code"] == "AccessEngineFailed"
    assert text not in members["Message"]
    if '"format": 2' in text:
        assert "format 2 is not known; upgrade this deployment" in members["Message"]
    assert secrets.read().text == text, "nothing is written over what is not understood"
