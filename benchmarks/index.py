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
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import Attributes
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Key, Put, Record, Vector
from chalicelib.index.read import search
from chalicelib.index.read.query import Query
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.graphs import grow
from chalicelib.index.write.merge import merge
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.storage.files import FileStore

DIMENSION = BITS = 512
INTRINSIC = 32
SEED = 20_201_214
QUERIES = 200
BATCH = 5_000

Floats = npt.NDArray[np.float32]


class Data:
    """Vectors in pieces, the same for everybody who asks with the same number."""

    def __init__(self, rows: int) -> None:
        rng = np.random.default_rng(SEED)
        self.rows = rows
        self._basis = rng.normal(size=(INTRINSIC, DIMENSION)).astype(np.float32)
        self._centres = rng.normal(size=(max(1, rows // 500), INTRINSIC)).astype(np.float32)
        self._rotation = np.linalg.qr(rng.normal(size=(DIMENSION, DIMENSION)))[0].astype(np.float32)

    def floats(self, piece: int, count: int) -> Floats:
        """[count, DIMENSION], unit length. Piece -1 holds the queries."""
        rng = np.random.default_rng((SEED, piece + 1 if piece > -2 else 1 << 40))
        inner = self._centres[rng.integers(0, len(self._centres), count)] + 0.6 * rng.normal(
            size=(count, INTRINSIC)
        ).astype(np.float32)
        outer = inner @ self._basis + 0.5 * rng.normal(size=(count, DIMENSION)).astype(np.float32)
        found: Floats = outer / np.linalg.norm(outer, axis=1, keepdims=True)
        return found

    def vectors(self, floats: Floats) -> list[Vector]:
        """Quantised, with codes."""
        codes = np.packbits(floats @ self._rotation > 0, axis=1)
        scales = np.abs(floats).max(axis=1) / 127
        features = np.rint(floats / scales[:, None]).astype(np.int8)
        return [
            Vector(code, feature, float(scale))
            for code, feature, scale in zip(codes, features, scales, strict=True)
        ]

    def truth(self, queries: Floats, count: int) -> npt.NDArray[np.int64]:
        """[len(queries), count]: rows of the highest float cosine, in no order."""
        best = np.full((len(queries), count), -np.inf, dtype=np.float32)
        rows = np.zeros((len(queries), count), dtype=np.int64)
        for piece in range(0, self.rows, BATCH):
            scores = queries @ self.floats(piece, min(BATCH, self.rows - piece)).T
            top = np.argpartition(-scores, count - 1, axis=1)[:, :count]
            both = np.concatenate([best, np.take_along_axis(scores, top, axis=1)], axis=1)
            ids = np.concatenate([rows, top + piece], axis=1)
            kept = np.argpartition(-both, count - 1, axis=1)[:, :count]
            best, rows = (
                np.take_along_axis(both, kept, axis=1),
                np.take_along_axis(ids, kept, axis=1),
            )
        return rows


def record(number: int, vector: Vector) -> Record:
    """A record as a shop has them."""
    attributes = Attributes(int_attr=number % 1000, str_attr=f"brand {number % 97}")
    return Record(
        Key(f"product-{number // 2}", f"{number:08d}.jpg"),
        0,
        Region(10, 210, 5, 205),
        attributes,
        vector,
    )


def catalog(folder: Path) -> Catalog:
    """Over the store in `folder`, nothing cached."""
    return Catalog(
        FileStore(folder), clock=time.time, new_id=lambda: uuid.uuid4().hex, cache_bytes=4 << 30
    )


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
    script = (
        "import time, sys; from pathlib import Path; import numpy as np\n"
        "from benchmarks.index import catalog; from chalicelib.index.read.query import Query; from chalicelib.index.format.records import Vector\n"
        "begun = time.process_time(); query = np.load(sys.argv[2])\n"
        "hits = catalog(Path(sys.argv[1])).open('bench').snapshot().search(Query(Vector(query['code'], query['feature'], 1.0), 10))\n"
        "assert len(hits.hits) == 10; done = time.process_time(); print(done * 1e3, (done - begun) * 1e3)\n"
    )
    (vector,) = data.vectors(data.floats(-1, 1))
    np.savez(folder / "query.npz", code=vector.code, feature=vector.feature)
    times = [
        subprocess.run(
            [sys.executable, "-c", script, str(folder), str(folder / "query.npz")],
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
    times = [_cpu(lambda query=query: snapshot.search(query)) * 1e3 for query in queries]  # type: ignore[misc]
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))


def fresh(collection: Collection, data: Data, queries: list[Query]) -> float:
    """Median CPU ms of a search that must see a record appended just before it; the append is not
    counted.
    """
    times = []
    for number, query in enumerate(queries[:50]):
        collection.append([Put(record(number, data.vectors(data.floats(-2, 1))[0]))])
        times.append(_cpu(lambda query=query: collection.snapshot().search(query)) * 1e3)  # type: ignore[misc]
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
        filtered = [Query(query.vector, 10, predicate=_below(permille)) for query in queries[:50]]
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


def _below(permille: int) -> Callable[..., npt.NDArray[np.bool_]]:
    def predicate(columns: object) -> npt.NDArray[np.bool_]:
        # a mapping of columns
        mask: npt.NDArray[np.bool_] = columns["int_attr"].compare("<", permille)  # type: ignore[index]
        return mask

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
        f"{cpu} · Python {platform.python_version()} · numpy {np.__version__} · usearch {usearch.__version__} · seed {SEED}"
    )
    print(f"| {options.rows} rows of {BITS} bits and {DIMENSION} int8 | |\n|---|---:|")
    for name, value in found.items():
        print(f"| {name} | {value:,.3f} |" if value < 10 else f"| {name} | {value:,.1f} |")


if __name__ == "__main__":
    main()
