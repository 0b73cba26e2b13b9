"""What a month costs, in US dollars, by the list prices of us-east-1 and by what the benchmarks
measured.

    python -m tools.costs [--rows 1000000] [--adds 50000] [--searches 1000000] [--collections 1]
    [--domain]

Prints the bill by item, beside the original's plan that would hold as much and beside S3 Vectors
for the vectors alone. docs/COSTS.md says where the prices come from; tests/infra/test_costs.py
counts the requests and holds that page to this file.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MINUTES: Final = 43_200
"""Of a month of 30 days."""
MILLION: Final = 1_000_000
GB: Final = 2**30
"""As AWS bills bytes."""

S3_WRITE: Final = 5.00 / MILLION
"""Each PUT and each LIST; deletions cost nothing."""
S3_READ: Final = 0.40 / MILLION
S3_GB_MONTH: Final = 0.023
LAMBDA_GB_S: Final = 0.0000166667
LAMBDA_REQUEST: Final = 0.20 / MILLION
REST_API: Final = 3.50 / MILLION
EGRESS_GB: Final = 0.09
LOG_GB: Final = 0.50
SQS: Final = 0.40 / MILLION
SECRET: Final = 0.40
SECRET_READ: Final = 0.05 / 10_000
METRIC: Final = 0.30
ALARM: Final = 0.10

FUNCTION_GB: Final = 3008 / 1024
ADD_CPU_MS: Final = 35.7
"""benchmarks/RESULTS.md, cold start: the warm column of the dearer machine."""
SEARCH_CPU_MS: Final = 26.9
"""Likewise, among 10,000 records."""
SCAN_CPU_MS: Final = 11.6 / MILLION
"""A record more to search; benchmarks/RESULTS.md, the index. Graphs make it a third, after some
searches.
"""
ROUND_TRIP_MS: Final = 20
"""Assumed, as the only number here: a request from Lambda to S3."""
SLOWER: Final = 2
"""Assumed too: a core of Lambda against one of the machine that measured."""
ADD_S: Final = (SLOWER * ADD_CPU_MS + 3 * ROUND_TRIP_MS) / 1000
"""Seconds that Lambda bills for an add, with its requests to S3 (docs/FORMAT.md §4): a listing, a
write, a conditional read.
"""
ROW_BYTES: Final = 880
"""benchmarks/RESULTS.md: 667 and 213 for graphs."""
LINE_BYTES: Final = 1_000
"""A request's line and Lambda's own three."""
ANSWER_BYTES: Final = 3_000
METRICS: Final = 9
"""That have values in most hours: requests, cold starts, four actions' durations, and three of
compaction.
"""
ALARMS: Final = 13
"""Metrics that the template's seven alarms watch."""


@dataclass(frozen=True, slots=True)
class Month:
    """What is done in it."""

    rows: int = MILLION
    adds: int = 50_000
    searches: int = MILLION
    collections: int = 1
    domain: bool = False
    """Clients call by a host name of one's own, through API Gateway; otherwise by the function URL.
    """


def search_s(month: Month) -> float:
    """And for a search: a listing and a conditional read."""
    return (
        SLOWER * (SEARCH_CPU_MS + SCAN_CPU_MS * month.rows / month.collections) + 2 * ROUND_TRIP_MS
    ) / 1000


def bill(month: Month) -> dict[str, float]:
    """US dollars by item, before any free allowance."""
    calls = month.adds + month.searches
    idle_lists = MINUTES * (2 * month.collections + 1)
    idle_reads = MINUTES * 3 * month.collections
    runs = MINUTES * 1.2  # compaction every minute, the recovery of imports every five
    seconds = month.adds * ADD_S + month.searches * search_s(month)
    return {
        "adds and searches: Lambda": seconds * FUNCTION_GB * LAMBDA_GB_S + calls * LAMBDA_REQUEST,
        "adds and searches: S3 requests": month.adds * (2 * S3_WRITE + 2 * S3_READ)
        + month.searches * (S3_WRITE + S3_READ),
        "adds and searches: API Gateway": calls * REST_API if month.domain else 0,
        "adds and searches: logs, answers, keys": calls
        * (LINE_BYTES * LOG_GB + ANSWER_BYTES * EGRESS_GB)
        / GB
        + min(calls, MINUTES) * SECRET_READ,
        "stored records": month.rows * ROW_BYTES / GB * S3_GB_MONTH,
        "schedules: S3 requests": idle_lists * S3_WRITE + idle_reads * S3_READ,
        "schedules: Lambda, logs": runs
        * (0.2 * FUNCTION_GB * LAMBDA_GB_S + LAMBDA_REQUEST + LINE_BYTES * LOG_GB / GB),
        "import queue, waiting": 5 * MINUTES * 3 * SQS,
        "access keys": SECRET,
        "metrics and alarms": METRICS * METRIC + ALARMS * ALARM,
    }


def free(month: Month) -> float:
    """What AWS gives to every account for good: Lambda's 400,000 GB-s and million requests, 10
    metrics, 10 alarms, a million of SQS.
    """
    items = bill(month)
    compute = items["adds and searches: Lambda"] + items["schedules: Lambda, logs"]
    given = min(compute, 400_000 * LAMBDA_GB_S + MILLION * LAMBDA_REQUEST)
    return (
        given + min(METRICS, 10) * METRIC + min(ALARMS, 10) * ALARM + items["import queue, waiting"]
    )


PLANS: Final = (
    (100_000, 1, 300),
    (2_500_000, 5, 800),
    (2_500_000, 10, 1_500),
    (5_000_000, 5, 1_600),
    (5_000_000, 10, 2_900),
    (10_000_000, 5, 2_900),
    (10_000_000, 10, 5_500),
    (20_000_000, 5, 5_500),
    (20_000_000, 10, 10_300),
    (50_000_000, 5, 11_800),
    (50_000_000, 10, 22_100),
)
"""The original's: pictures at most, searches a second at most, US dollars a month."""


def plan(month: Month, *, peak: float = 2.5) -> int:
    """The original's cheapest plan for the month's records and `peak` times its mean rate of
    searches; its dearest where none is enough.
    """
    rate = month.searches / (MINUTES * 60) * peak
    fitting = [price for rows, searches, price in PLANS if rows >= month.rows and searches >= rate]
    return min(fitting, default=PLANS[-1][2])


def s3_vectors(*, vectors: int, size: int, writes: int, queries: int, indexes: int = 1) -> float:
    """S3 Vectors for `vectors` of `size` bytes (key and metadata included) in `indexes`: storage,
    writes in batches, queries.

    A query is charged for its index: $0.004 a TB for the first 100,000 vectors, $0.002 up to 10
    million, $0.0004 above.
    """
    each = vectors / indexes
    tiers = (
        min(each, 1e5) * 0.004,
        max(0, min(each, 1e7) - 1e5) * 0.002,
        max(0, each - 1e7) * 0.0004,
    )
    processed = sum(tiers) * size / (1024 * GB)
    return (
        vectors * size / GB * 0.06
        + writes * size / GB * 0.20
        + queries * (2.50 / MILLION + processed)
    )


def vectors_alone(month: Month, *, dimension: int = 512, attributes: int = 260) -> float:
    """S3 Vectors for the same records as float32; finding features in pictures, signatures and
    answers are not part of it.
    """
    size = 4 * dimension + attributes
    return s3_vectors(
        vectors=month.rows,
        size=size,
        writes=month.adds,
        queries=month.searches,
        indexes=month.collections,
    )


def total(month: Month) -> float:
    """US dollars before any free allowance."""
    return sum(bill(month).values())


def table(month: Month) -> str:
    """The bill as text."""
    lines = [f"{item:<42}{amount:>10.2f}" for item, amount in bill(month).items()]
    lines += [f"{'together, US dollars a month':<42}{total(month):>10.2f}"]
    lines += [f"{'with what AWS gives to every account':<42}{total(month) - free(month):>10.2f}"]
    lines += [f"{'the original, its cheapest plan for this':<42}{plan(month):>10.2f}"]
    lines += [f"{'S3 Vectors, for the vectors alone':<42}{vectors_alone(month):>10.2f}"]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="What a month costs, in US dollars.")
    standard = Month()
    parser.add_argument(
        "--rows", type=int, default=standard.rows, help="records stored, in all collections"
    )
    parser.add_argument(
        "--adds", type=int, default=standard.adds, help="pictures added in the month"
    )
    parser.add_argument(
        "--searches", type=int, default=standard.searches, help="searches in the month"
    )
    parser.add_argument("--collections", type=int, default=standard.collections)
    parser.add_argument("--domain", action="store_true", help="clients call by a domain of yours")
    print(table(Month(**vars(parser.parse_args(arguments)))))


if __name__ == "__main__":
    main()
