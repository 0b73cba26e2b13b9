"""What a search costs a function that has just started: requests, rounds, bytes, modelled seconds.

    python -m benchmarks.index 1000000 --folder ./bench      fills a collection
    python -m benchmarks.lambda_model ./bench 1000000        searches it

The real search over a store that counts. A round is a request, or several that overlap; the next
one waits for its answer. The model: a request takes 30 or 100 ms; the first 300 MiB of a function
come at 1.2 GiB/s and the rest at 75 MiB/s; CPU time is added as measured here. Nothing of it was
measured on AWS.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.index import below
from benchmarks.index_data import Data, catalog_of
from chalicelib.index.read.query import Query
from chalicelib.storage.files import FileStore
from chalicelib.storage.object_store import Blob, Stat

LATENCIES_S = (0.030, 0.100)
BURST_BYTES = 300 * 2**20
BURST_S = 1.2 * 2**30
"""Bytes a second until BURST_BYTES were read; then"""
STEADY_S = 75 * 2**20

_STALL_S = 0.04
"""How long each request is held up here, so that those that a search sends at once overlap."""

PERMILLES = (1000, 1, 10, 100, 500)
"""Of the records, that a filter lets through; 1,000: no filter."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the store."""

    begun: float
    ended: float
    bytes: int


@dataclass(slots=True)
class Cost:
    """Of one search."""

    requests: list[Request] = field(default_factory=list)
    cpu_s: float = 0.0

    @property
    def bytes(self) -> int:
        """Read."""
        return sum(request.bytes for request in self.requests)

    @property
    def rounds(self) -> int:
        """The longest chain of requests of which each began after another had ended."""
        ends: list[float] = []  # the first end of any chain of that length
        for request in sorted(self.requests, key=lambda request: request.begun):
            length = sum(end <= request.begun for end in ends)
            if length == len(ends):
                ends.append(request.ended)
            else:
                ends[length] = min(ends[length], request.ended)
        return len(ends)

    def seconds(self, latency_s: float, before: int = 0) -> float:
        """By the model, `before` bytes having been read already."""
        burst = max(0, min(self.bytes, BURST_BYTES - before))
        reading = burst / BURST_S + (self.bytes - burst) / STEADY_S
        return self.rounds * latency_s + reading + self.cpu_s


class CountingStore(FileStore):
    """A folder that answers late and writes down what it was asked."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.cost = Cost()
        self._guard = threading.Lock()

    def get(self, key: str) -> Blob:
        """See ObjectStore."""
        begun = time.perf_counter()
        blob = super().get(key)
        self._count(begun, len(blob.data))
        return blob

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        """See ObjectStore."""
        begun = time.perf_counter()
        blob = FileStore.get(self, key)
        changed = None if blob.version == version else blob
        self._count(begun, len(changed.data) if changed else 0)
        return changed

    def view(self, key: str) -> memoryview:
        """See ObjectStore."""
        begun = time.perf_counter()
        found = super().view(key)
        self._count(begun, found.nbytes)
        return found

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """See ObjectStore."""
        begun = time.perf_counter()
        found = super().get_range(key, start, stop)
        self._count(begun, len(found))
        return found

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        """See ObjectStore."""
        begun = time.perf_counter()
        found = list(super().list(prefix, after=after, limit=limit))
        self._count(begun, 0)
        return iter(found)

    def _count(self, begun: float, size: int) -> None:
        time.sleep(_STALL_S)
        with self._guard:
            self.cost.requests.append(Request(begun, time.perf_counter(), size))

    def measured(self, act: object) -> tuple[object, Cost]:
        """What `act` returns, and what it cost."""
        assert callable(act)
        self.cost = Cost()
        begun = time.process_time()
        found = act()
        self.cost.cpu_s = time.process_time() - begun
        return found, self.cost


def first_search(folder: Path, query: Query) -> tuple[list[str], Cost]:
    """Names of the pictures that a fresh process finds, and what it cost, the collection's pointer
    included.
    """
    store = CountingStore(folder)
    hits, cost = store.measured(
        lambda: catalog_of(store).open("bench").snapshot().search(query).hits
    )
    return [hit.row.key.pic_name for hit in hits], cost  # type: ignore[attr-defined]


def printed(name: str, costs: Sequence[Cost], recall: float) -> None:
    """One row of the table: medians."""
    values = [
        np.median([cost.bytes for cost in costs]) / 1e6,
        np.median([len(cost.requests) for cost in costs]),
        np.median([cost.rounds for cost in costs]),
        np.median([cost.cpu_s for cost in costs]) * 1e3,
        *(np.median([cost.seconds(latency) for cost in costs]) for latency in LATENCIES_S),
    ]
    megabytes, requests, rounds, cpu, fast, slow = values
    print(
        f"| {name} | {megabytes:.1f} | {requests:.0f} | {rounds:.0f} | {cpu:.0f} "
        f"| {fast:.2f} | {slow:.2f} | {recall:.3f} |",
        flush=True,
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--queries", type=int, default=40)
    options = parser.parse_args()
    data = Data(options.rows)
    floats = data.floats(-1, options.queries)
    vectors = data.vectors(floats)
    print(
        "| first search of a function | MB | requests | rounds | CPU ms | s at 30 ms "
        "| s at 100 ms | recall@10 |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for permille, truth in zip(PERMILLES, data.truths(floats, 10, PERMILLES), strict=True):
        found, costs = [], []
        for vector in vectors:
            filtered = None if permille == 1000 else below(permille)
            names, cost = first_search(options.folder, Query(vector, 10, predicate=filtered))
            found.append({int(name.removesuffix(".jpg")) for name in names})
            costs.append(cost)
        shared = sum(len(one & set(rows.tolist())) for one, rows in zip(found, truth, strict=True))
        name = "no filter" if permille == 1000 else f"filter that {permille / 10:g} % match"
        printed(name, costs, shared / truth.size)


if __name__ == "__main__":
    main()
