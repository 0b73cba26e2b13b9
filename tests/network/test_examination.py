"""Nothing is lost, nothing comes back, and no answer is wrong without an error, whatever the
network does; and the examination notices the faults that once were in the code.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from chalicelib.storage.s3 import S3Store, connect
from tests.network.examination import Examination
from tests.network.faults import KINDS, Plan
from tests.network.proxy import Network, faulty_moto


@contextmanager
def network(plan: Plan) -> Iterator[Network]:
    with pytest.MonkeyPatch.context() as patch, faulty_moto(plan) as found:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_ENDPOINT_URL", found.url)
        yield found


def examined(plan: Plan, requests: int) -> tuple[Examination, Network]:
    """A finished run over a bucket of its own."""
    with network(plan) as found:
        rate, plan.rate = plan.rate, 0.0
        bucket = f"examined-{time.time_ns()}"
        client: Any = connect("us-east-1", read_timeout_s=1)
        client.create_bucket(Bucket=bucket)
        plan.rate = rate

        def store() -> S3Store:
            return S3Store(client, bucket, "here", sleep=lambda s: time.sleep(s / 10))

        run = Examination(store, found, requests)
        run.run()
    return run, found


def report(run: Examination, found: Network) -> str:
    counts = {"requests": found.requests, "faults": found.faults, "outcomes": run.outcomes}
    return json.dumps(counts, indent=1) + "\n" + "\n".join(run.wrong)


def test_a_short_examination() -> None:
    run, found = examined(Plan(seed=1, rate=0.12), 1_500)
    assert run.wrong == [], report(run, found)
    assert run.outcomes["written"] > 50, report(run, found)
    assert run.outcomes["compared"] > 20, report(run, found)
    assert found.faults.total() >= 0.08 * found.requests.total()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_whole_examination() -> None:
    run, found = examined(Plan(seed=2, rate=0.10), 50_000)
    print(report(run, found))
    assert run.wrong == [], report(run, found)
    assert found.requests.total() >= 50_000
    assert found.faults.total() >= 0.08 * found.requests.total()
    assert found.faults.keys() == {kind for kinds in KINDS.values() for kind in kinds}


def _believes_any_listing(patch: pytest.MonkeyPatch) -> None:
    from chalicelib.storage.object_store import Stat

    def page_of(answer: Any, prefix: str, after: str) -> list[Stat]:
        answer.setdefault("IsTruncated", False)
        return [
            Stat(row["Key"], row["Size"], row["LastModified"].timestamp())
            for row in answer.get("Contents", [])
        ]

    patch.setattr("chalicelib.storage.s3.page_of", page_of)


def _believes_the_first_download(patch: pytest.MonkeyPatch) -> None:
    for module in ("read.objects", "read.ranged", "read.log", "read.generation", "format.bundle"):
        patch.setattr(f"chalicelib.index.{module}.once_more", lambda read: read())


def _denies_what_was_written(patch: pytest.MonkeyPatch) -> None:
    for module in ("storage.attempts", "index.write.commit", "index.collection"):
        patch.setattr(f"chalicelib.{module}.written_before", nullcontext)


FAULTS = {
    "8: a listing without content is an empty log": (
        _believes_any_listing,
        frozenset({"empty", "emptied"}),
        "holds None, not one of|nobody wrote|finds",
    ),
    "9: the first download is believed": (
        _believes_the_first_download,
        frozenset({"flip"}),
        "believed a wrong download",
    ),
    "10: after a lost answer, nothing was written": (
        _denies_what_was_written,
        frozenset({"lost, then busy"}),
        "not one of",
    ),
}


@pytest.mark.parametrize(("fault", "kinds", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_the_past_is_noticed(
    fault: Any, kinds: frozenset[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    run, found = examined(Plan(seed=3, rate=0.3, kinds=kinds), 4_000)
    assert re.search(words, "\n".join(run.wrong)), report(run, found)
