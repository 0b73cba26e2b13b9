"""GET /health: small, without a key, without a secret, without a question to the store."""

from __future__ import annotations

import json
from dataclasses import replace

from chalicelib.gateway import pages
from chalicelib.health import Health
from tests.gateway.client import memory_deployment


def test_a_process_without_loops_is_well() -> None:
    answer = pages.health(memory_deployment())
    assert (answer.status, json.loads(answer.body)) == (200, {"Status": "ok", "Loops": []})


def test_a_loop_that_fails_is_seen_and_not_why() -> None:
    health = Health()
    health.well("uploads")
    health.failed("compaction", "CorruptObject: collections/secret-shop/manifest.json")
    answer = pages.health(replace(memory_deployment(), health=health))
    assert json.loads(answer.body) == {
        "Status": "degraded",
        "Loops": [{"Name": "compaction", "Failures": 1}, {"Name": "uploads", "Failures": 0}],
    }
    assert b"secret-shop" not in answer.body
    health.well("compaction")
    answer = pages.health(replace(memory_deployment(), health=health))
    assert json.loads(answer.body)["Status"] == "ok"
