"""A store that answers every write with an error is asked a few times, and then left alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from chalicelib.errors import OutcomeUnknown, StorageError
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.records import Put
from chalicelib.jobs import records
from chalicelib.jobs.records import Job, JobKind
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.s3 import S3Store, connect
from tests.index.simulated import make, record
from tests.network.faults import Plan
from tests.network.test_examination import network

MOST = 16
"""Requests that one thing to do may cost."""


def _job(number: int) -> Job:
    return Job(id=number, kind=JobKind.EXPORT, collection="shop", created=0.0, modified=0.0)


def _deeds(store: ObjectStore) -> dict[str, Callable[[], object]]:
    """Everything that writes, each ready to be done."""
    numbers = count(1)
    catalog = Catalog(store, clock=time.time, new_id=lambda: f"{next(numbers):032x}")
    shop, job = make(catalog), records.create(_job(1), store)
    return {
        "append": lambda: shop.append([Put(record("p", "q"))]),
        "append under a token": lambda: shop.append([Put(record("p", "q"))], token="t"),
        "make a collection": lambda: make(catalog, "second"),
        "begin a job": lambda: records.create(_job(2), store),
        "claim": lambda: records.claim(job, store),
        "change a job": lambda: records.update(
            job, store, lambda found: Job(**{**_members(found), "lines": 5})
        ),
    }


def _members(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in Job.__slots__}


def _requests_in_an_outage() -> dict[str, int]:
    """How many requests each deed sends while every write is answered 500, before it fails."""
    plan = Plan(seed=1, rate=0.0, kinds=frozenset({"internal"}), verbs=frozenset({"PUT"}))
    with network(plan) as found:
        client: Any = connect("us-east-1", read_timeout_s=5)
        client.create_bucket(Bucket="outage")
        deeds = _deeds(S3Store(client, "outage"))
        plan.rate = 1.0
        sent = {}
        for name, deed in deeds.items():
            before = found.requests.total()
            with pytest.raises(StorageError) as caught:
                deed()
            assert isinstance(caught.value, OutcomeUnknown), name  # a 500 says nothing
            sent[name] = found.requests.total() - before
    return sent


def test_an_outage_is_met_with_few_requests() -> None:
    sent = _requests_in_an_outage()
    assert max(sent.values()) <= 2 * MOST, sent
    assert max(sent[name] for name in sent if name != "change a job") <= MOST, sent


def test_trying_for_ever_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.storage.attempts.attempts", lambda *_, **__: range(25))
    assert max(_requests_in_an_outage().values()) > 2 * MOST
