"""The index alone: insert, size, cold start, warm searches, recall. Prints one table.

    python -m benchmarks.index 100000          about 1 minute of CPU
    python -m benchmarks.index 1000000         about 6 minutes of CPU and 3 GB of disk

Data: clustered vectors of 32 intrinsic dimensions in 512, as in the design's studies; 512-bit codes
of a random rotation; int8 features. All times are CPU time of one thread (medians), on the store in
a folder; the file cache is warm, as it is right after a Lambda has read its objects.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from benchmarks.index_data import BATCH, BITS, DIMENSION, SEED, Data, catalog, record
from chalicelib.index.collection import Collection
from chalicelib.index.format.columns import Column
from chalicelib.index.format.records import Put
from chalicelib.index.read import search
from chalicelib.index.read.query import Query
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.graphs import grow
from chalicelib.index.write.merge import merge
from chalicelib.service import Service

QUERIES = 200


_COLD = """
import sys, time
from pathlib import Path
import numpy as np
from benchmarks.index_data import catalog
from chalicelib.index.format.records import Vector
from chalicelib.index.read.query import Query

begun = time.process_time()
query = np.load(sys.argv[2])
vector = Vector(query["code"], query["feature"], 1.0)
hits = catalog(Path(sys.argv[1])).open("bench").snapshot().search(Query(vector, 10))
assert len(hits.hits) == 10
done = time.process_time()
print(done * 1e3, (done - begun) * 1e3)
"""
"""What a process does that has just started."""


def build(folder: Path, data: Data) -> dict[str, float]:
    """Fills a collection; returns CPU seconds by step."""
    collection = catalog(folder).create(
        "bench", Service.GENERIC, fingerprint="bench", dimension=DIMENSION, bits=BITS
    )
    insert = 0.0
    for piece in range(0, data.rows, BATCH):
        vectors = data.vectors(data.floats(piece, min(BATCH, data.rows - piece)))
        puts = [Put(record(piece + number, vector)) for number, vector in enumerate(vectors)]
        insert += _cpu(lambda puts=puts: collection.append(puts))  # type: ignore[misc]
    generation = collection.current()
    steps = {
        "append": insert,
        "absorb": _cpu(lambda: _all(lambda: absorb(generation))),
        "merge": _cpu(lambda: _all(lambda: merge(generation))),
    }
    steps["bytes"] = float(sum(ref.size for ref in generation.manifest().manifest.segments))
    steps["graphs"] = _cpu(lambda: _all(lambda: grow(generation)))
    steps["graph bytes"] = (
        sum(ref.size for ref in generation.manifest().manifest.segments) - steps["bytes"]
    )
    steps["segments"] = len(generation.manifest().manifest.segments)
    return steps


def cold(folder: Path, data: Data) -> tuple[float, float]:
    """CPU ms of a fresh process from its start to the answer of its first search, and of that
    without interpreter and imports.
    """
    (vector,) = data.vectors(data.floats(-1, 1))
    np.savez(folder / "query.npz", code=vector.code, feature=vector.feature)
    times = [
        subprocess.run(
            [sys.executable, "-c", _COLD, str(folder), str(folder / "query.npz")],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for _ in range(5)
    ]
    return float(np.median([float(one) for one, _ in times])), float(
        np.median([float(one) for _, one in times])
    )


def warm(snapshot: Snapshot, queries: list[Query]) -> tuple[float, float]:
    """p50 and p99 of CPU ms."""
    times = [_cpu(partial(snapshot.search, query)) * 1e3 for query in queries]
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))


def fresh(collection: Collection, data: Data, queries: list[Query]) -> float:
    """Median CPU ms of a search that must see a record appended just before it; the append is not
    counted.
    """
    times = []
    for number, query in enumerate(queries[:50]):
        collection.append([Put(record(number, data.vectors(data.floats(-2, 1))[0]))])
        times.append(_cpu(partial(_search_anew, collection, query)) * 1e3)
    while absorb(collection.current()) is not None:
        continue
    return float(np.median(times))


def recall(snapshot: Snapshot, queries: list[Query], truth: npt.NDArray[np.int64]) -> float:
    """Share of the true ten nearest that are found, mean over the queries."""
    shared = 0
    for query, rows in zip(queries, truth, strict=True):
        found = {
            int(hit.row.key.pic_name.removesuffix(".jpg")) for hit in snapshot.search(query).hits
        }
        shared += len(found & set(rows.tolist()))
    return shared / truth.size


@contextmanager
def all_features() -> Iterator[None]:
    """Filtered searches compare the features of all matching rows, however many these are."""
    limit, search.DIRECT_FILTERED_ROWS = search.DIRECT_FILTERED_ROWS, sys.maxsize
    try:
        yield
    finally:
        search.DIRECT_FILTERED_ROWS = limit


def filtered_recall(snapshot: Snapshot, queries: list[Query]) -> float:
    """Share of what a comparison with the features of all matching rows gives that `queries` give,
    mean over them.
    """
    found = [snapshot.search(query).hits for query in queries]
    with all_features():
        exact = [snapshot.search(query).hits for query in queries]
    return sum(len(set(one) & set(other)) for one, other in zip(found, exact, strict=True)) / sum(
        map(len, exact)
    )


def without_graphs(collection: Collection) -> Snapshot:
    """A snapshot that scans."""
    generation = collection.current()
    manifest = generation.manifest().manifest
    bare = tuple(dataclasses.replace(ref, graph=None) for ref in manifest.segments)
    return generation.assemble(dataclasses.replace(manifest, segments=bare), ())


def run(rows: int, folder: Path) -> dict[str, float]:
    """All measurements."""
    data = Data(rows)
    built = folder / "built.json"
    if not built.exists():
        built.write_text(json.dumps(build(folder, data)))
    steps = json.loads(built.read_text())
    found: dict[str, float] = {
        "append, rows per CPU s": rows / steps["append"],
        "append + absorb + merge, rows per CPU s": rows
        / (steps["append"] + steps["absorb"] + steps["merge"]),
        "graphs, CPU s": steps["graphs"],
        "segments": steps["segments"],
        "bytes a row without graphs": steps["bytes"] / rows,
        "bytes a row of graphs": steps["graph bytes"] / rows,
    }
    found["cold process to first answer, CPU ms"], found["of which open + first query, CPU ms"] = (
        cold(folder, data)
    )
    floats = data.floats(-1, QUERIES)
    queries = [Query(vector, 10) for vector in data.vectors(floats)]
    truth = data.truth(floats, 10)
    collection = catalog(folder).open("bench")
    scan = without_graphs(collection)
    warm(scan, queries[:20])
    found["warm scan p50, CPU ms"], found["warm scan p99, CPU ms"] = warm(scan, queries)
    found["scan recall@10 of float"] = recall(scan, queries, truth)
    snapshot = collection.snapshot()
    _settle(snapshot, queries)
    found["warm with graphs p50, CPU ms"], found["warm with graphs p99, CPU ms"] = warm(
        snapshot, queries
    )
    found["recall@10 of float with graphs"] = recall(snapshot, queries, truth)
    found["append one, then search, p50 CPU ms"] = fresh(collection, data, queries)
    for permille in (1, 10, 100, 500):
        filtered = [Query(query.vector, 10, predicate=below(permille)) for query in queries[:50]]
        warm(snapshot, filtered[:5])
        found[f"filtered {permille / 10:g} % p50, CPU ms"], _ = warm(snapshot, filtered)
        for count in (10, 50):
            wider = [dataclasses.replace(query, count=count) for query in filtered]
            found[f"filtered {permille / 10:g} %, recall@{count} of all features"] = (
                filtered_recall(snapshot, wider)
            )
        with all_features():
            found[f"filtered {permille / 10:g} % by all features, p50, CPU ms"], _ = warm(
                snapshot, filtered
            )
    return found


def _settle(snapshot: Snapshot, queries: list[Query]) -> None:
    """Searches until every graph has paid for its opening."""
    for _ in range(4):
        for query in queries:
            snapshot.search(query)


def _search_anew(collection: Collection, query: Query) -> object:
    return collection.snapshot().search(query)


def below(permille: int) -> Callable[..., npt.NDArray[np.bool_]]:
    """A filter that so many of a thousand records match."""

    def predicate(columns: Mapping[str, Column]) -> npt.NDArray[np.bool_]:
        return columns["int_attr"].compare("<", permille)

    return predicate


def _cpu(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


def _all(step: Callable[[], object]) -> None:
    while step() is not None:
        continue


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=int, nargs="?", default=100_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--folder",
        type=Path,
        help="Keep the collection here, and use the one that is here already.",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = run(options.rows, options.folder or Path(temporary))
    if options.json:
        print(json.dumps({"rows": options.rows, **found}))
        return
    import usearch

    cpu = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    print(
        f"{cpu} · Python {platform.python_version()} · numpy {np.__version__}"
        f" · usearch {usearch.__version__} · seed {SEED}"
    )
    print(f"| {options.rows} rows of {BITS} bits and {DIMENSION} int8 | |\n|---|---:|")
    for name, value in found.items():
        print(f"| {name} | {value:,.3f} |" if value < 10 else f"| {name} | {value:,.1f} |")


if __name__ == "__main__":
    main()
