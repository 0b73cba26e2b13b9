"""The schedules, as EventBridge starts them."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest

from chalicelib import wiring
from chalicelib.usecases.maintain import OLD_LOG_S, look
from tests.gateway.client import Client, picture

SCHEDULED: dict[str, object] = {
    "version": "0",
    "id": "1",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": "local",
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "resources": [],
    "detail": {},
}


def compact(client: Client, *, left_s: int) -> None:
    """A run of the function that has `left_s` seconds."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: left_s * 1000)
    client.later(OLD_LOG_S)
    importlib.import_module("app").compact(SCHEDULED, context)


def test_a_run_with_little_time_left_empties_the_log_and_leaves_merging_to_the_next(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "deployment", lambda: client.deployment)
    for at in range(5):
        client.add("generic", f"p{at}", "n.png", picture(at))
        compact(client, left_s=60)
        state = look(client.deployment, "generic")
        assert (state.log_objects, state.segments) == (0, at + 1)
    compact(client, left_s=900)
    assert look(client.deployment, "generic").segments == 1
