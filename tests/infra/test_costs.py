"""The calculator counts what the code does, and docs/COSTS.md says what the calculator says."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import Blob, Stat
from chalicelib.usecases.maintain import compact, compact_all
from tests.gateway import client as clients
from tests.gateway.client import Client, picture
from tools import costs
from tools.costs import Month

PAGE = (Path(__file__).parents[2] / "docs/COSTS.md").read_text()
MONTHS = (
    Month(0, 0, 0),
    Month(20_000, 1_000, 30_000),
    Month(1_000_000, 50_000, 1_000_000),
    Month(10_000_000, 500_000, 10_000_000),
)


class Counting(MemoryStore):
    """Counts requests as S3 bills them."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()

    def get(self, key: str) -> Blob:
        self.requests["read"] += 1
        return super().get(key)

    def create(self, key: str, data: bytes) -> str:
        self.requests["write"] += 1
        return super().create(key, data)

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        self.requests["write"] += 1  # S3 has one price for both
        return super().list(prefix, after=after, limit=limit)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr(clients, "MemoryStore", Counting)
    return Client.new()


def requests(client: Client) -> Counter[str]:
    store = client.deployment.store
    assert isinstance(store, Counting)
    return store.requests


def test_an_add_and_a_search_send_the_requests_that_are_counted(client: Client) -> None:
    query = {"InstanceName": "generic", "PicContent": base64.b64encode(picture(1)).decode()}
    for at in range(3):
        client.add("generic", f"p{at}", "a.png", picture(at))
    client.ok("SearchImageByPic", query)
    counted = requests(client)
    counted.clear()
    client.add("generic", "p9", "a.png", picture(9))
    assert counted == {"write": 2, "read": 1}
    client.ok("SearchImageByPic", query)
    counted.clear()
    client.ok("SearchImageByPic", query)
    assert counted == {"write": 1, "read": 1}
    counted.clear()
    compact(client.deployment, "generic")
    assert counted["read"] <= 4 + 10, (
        "each log object is read once; the rest does not grow with them"
    )


def test_a_look_of_the_schedule_sends_the_requests_that_are_counted(client: Client) -> None:
    compact_all(client.deployment)
    collections = len(client.deployment.catalog.names())
    counted = requests(client)
    counted.clear()
    compact_all(client.deployment)
    assert counted == {"write": 2 * collections + 1, "read": 3 * collections}


def test_s3_vectors_charges_a_query_for_its_whole_index_in_tiers() -> None:
    tib = 2**40
    assert costs.s3_vectors(vectors=0, size=tib, writes=0, queries=costs.MILLION) == pytest.approx(
        2.50
    )
    for vectors, dollars in (
        (50_000, 200),
        (200_000, 400 + 200),
        (20_000_000, 400 + 19_800 + 4_000),
    ):
        one, none = (
            costs.s3_vectors(vectors=vectors, size=tib, writes=0, queries=queries)
            for queries in (1, 0)
        )
        assert one - none == pytest.approx(dollars, rel=1e-6)


def row(name: str) -> list[str]:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
    return [cell.strip().replace(",", "") for cell in line.split("|")[2:-1]]


def test_the_page_says_what_the_calculator_says() -> None:
    assert row("records") == [str(month.rows) for month in MONTHS]
    assert row("pictures added") == [str(month.adds) for month in MONTHS]
    assert row("searches") == [str(month.searches) for month in MONTHS]
    assert row("**Lookalike**") == [f"{costs.total(month):.2f}" for month in MONTHS]
    given = "**Lookalike, with what AWS gives to every account for good**"
    assert row(given) == [f"{costs.total(month) - costs.free(month):.2f}" for month in MONTHS]
    assert row("of which the same whatever is done") == [f"{costs.total(MONTHS[0]):.2f}"] * 4
    assert row("Alibaba Cloud Image Search, the cheapest plan for it") == [
        str(costs.plan(month)) for month in MONTHS
    ]
    assert row("S3 Vectors, for the vectors alone") == [
        f"{costs.vectors_alone(month):.2f}" for month in MONTHS
    ]
    further = costs.total(Month(0, 0, 0, collections=2)) - costs.total(Month(0, 0, 0))
    assert f"each further collection\n${further:.2f} a month" in PAGE


def test_the_calculator_takes_what_was_measured() -> None:
    results = (Path(__file__).parents[2] / "benchmarks/RESULTS.md").read_text()
    for action, taken in (
        ("AddImage", costs.ADD_CPU_MS),
        ("SearchImageByPic", costs.SEARCH_CPU_MS),
    ):
        machines = [line for line in results.splitlines() if line.startswith(f"| {action} |")]
        assert max(float(line.split("|")[5]) for line in machines) == taken, (
            f"the warm column of {action}, of the dearer machine"
        )
    assert (
        f"{costs.ADD_CPU_MS:.0f} ms for an add and {costs.SEARCH_CPU_MS:.0f} ms for a search"
        in PAGE
    )


def test_the_readme_names_the_price_of_doing_nothing() -> None:
    price = costs.total(MONTHS[0]) - costs.free(MONTHS[0])
    assert (
        f"[${price:.2f} a month](docs/COSTS.md)"
        in (Path(__file__).parents[2] / "README.md").read_text()
    )


def test_the_page_has_the_calculators_prices_of_a_million() -> None:
    adds, searches = Month(0, costs.MILLION, 0), Month(costs.MILLION, 0, costs.MILLION)
    compute, sent, rest = (
        "adds and searches: Lambda",
        "adds and searches: S3 requests",
        "adds and searches: logs, answers, keys",
    )
    made = [
        [round(costs.bill(month)[item], 2) for item in (compute, sent, rest)]
        for month in (adds, searches)
    ]
    made.append([made[0][0], costs.MILLION * costs.S3_READ, 0.0])
    for at, name in enumerate(("Lambda", "S3 requests", "logs, answers, keys")):
        assert row(name) == [f"{column[at]:.2f}" for column in made]
    assert row("**together**") == [f"**{sum(column):.2f}**" for column in made]


def test_the_largest_plan_is_named_where_none_is_large_enough() -> None:
    assert costs.plan(Month(rows=10**9)) == 22_100
