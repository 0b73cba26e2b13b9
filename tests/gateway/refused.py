"""What a refusal says, and a request that has something wrong with it."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.gateway.wire.incoming import Incoming
from tests.gateway.client import Client, acs3


def code_of(client: Client, incoming: Incoming) -> tuple[int, str, str]:
    answer = client.send(incoming)
    members: dict[str, Any] = json.loads(answer.body)
    assert set(members) == {"RequestId", "HostId", "Code", "Message"}
    return answer.status, members["Code"], members["Message"]


def detail(client: Client, **changes: Any) -> Incoming:
    arguments: dict[str, Any] = {
        "now": client.clock.now,
        "query": {"InstanceName": "product"},
        **changes,
    }
    return acs3(
        arguments.pop("key", client.key),
        arguments.pop("action", "Detail"),
        arguments.pop("version", "2020-12-14"),
        **arguments,
    )
