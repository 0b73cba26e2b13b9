from __future__ import annotations

import json
import threading

from chalicelib.config import Settings
from chalicelib.usecases.nonces import sweep_nonces
from tests.gateway.client import Client, acs3, roa


def test_a_request_sent_again_is_served_unless_the_deployment_is_strict(client: Client) -> None:
    incoming = acs3(
        client.key, "Detail", "2020-12-14", now=client.clock.now, query={"InstanceName": "product"}
    )
    assert [client.send(incoming).status for _ in range(2)] == [200, 200]
    assert not list(client.deployment.store.list("nonces/"))


def test_strict_replay_protection_refuses_the_second() -> None:
    client = Client.new(Settings(strict_replay=True))
    for incoming in (
        acs3(
            client.key,
            "Detail",
            "2020-12-14",
            now=client.clock.now,
            query={"InstanceName": "product"},
        ),
        roa(
            client.key,
            "/v2/image/delete",
            now=client.clock.now,
            body=b"InstanceName=product&ProductId=p",
        ),
    ):
        assert client.send(incoming).status == 200
        again = client.send(incoming)
        assert (again.status, json.loads(again.body)["Code"]) == (400, "SignatureNonceUsed")


def test_of_copies_sent_at_once_one_passes() -> None:
    client = Client.new(Settings(strict_replay=True))
    incoming = acs3(
        client.key, "Detail", "2020-12-14", now=client.clock.now, query={"InstanceName": "product"}
    )
    statuses: list[int] = []
    barrier = threading.Barrier(8)

    def send() -> None:
        barrier.wait()
        statuses.append(client.send(incoming).status)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, *[400] * 7]


def test_a_forged_request_spends_no_nonce() -> None:
    from chalicelib.usecases.keys import NewKey

    client = Client.new(Settings(strict_replay=True))
    incoming = acs3(
        NewKey(client.key.key_id, "wrong"), "Detail", "2020-12-14", now=client.clock.now
    )
    assert client.send(incoming).status == 400
    assert not list(client.deployment.store.list("nonces/"))


def test_nonces_are_forgotten_when_no_window_reaches_them() -> None:
    client = Client.new(Settings(strict_replay=True))
    client.ok("Detail", {"InstanceName": "product"})
    assert sweep_nonces(client.deployment) == 0
    client.later(4 * 3600)
    client.ok("Detail", {"InstanceName": "product"})
    assert sweep_nonces(client.deployment) == 1
    assert len(list(client.deployment.store.list("nonces/"))) == 1
