"""The same work by other embedded vector stores: insert, size on disk, cold start, warm search,
filtered recall. Prints one table.

    python -m benchmarks.peers 20000 --environments ~/peers

Each peer runs in an environment of its own, made in that folder with `python -m venv` and the
pinned packages below; one that does not install is left out and said so. All get the same unit
vectors (512 float32, clustered as in benchmarks/index.py), an id and one number to filter by, and
answer the 10 nearest by cosine. Times are CPU of the process and its children, on one core
(taskset), since all of them would use more; "cold" includes a peer's imports.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

PACKAGES = {
    "lookalike": (),
    "lookalike with graphs": (),
    "faiss flat": ("faiss-cpu==1.15.1", "numpy==2.4.6"),
    "faiss hnsw": ("faiss-cpu==1.15.1", "numpy==2.4.6"),
    "chroma": ("chromadb==1.5.9",),
    "qdrant local": ("qdrant-client==1.20.0",),
    "lancedb": ("lancedb==0.40.0",),
    "milvus lite": ("pymilvus==3.0.2", "milvus-lite==3.2.2"),
}
FOLDERS = {name: name.split(" ")[0] for name in PACKAGES}
COUNT = 10
QUERIES = 50
BATCH = 5_000
LIMIT_S = 900


class Faiss:
    """An index in one file; the filter is a selector of ids."""

    def __init__(self, folder: Path, factory: str) -> None:
        import faiss

        self._faiss, self._path, self._factory = faiss, folder / "index", factory

    def insert(self, vectors: Any, numbers: Any) -> None:
        """Adds everything and saves."""
        index = self._faiss.index_factory(
            vectors.shape[1], self._factory, self._faiss.METRIC_INNER_PRODUCT
        )
        index.add(vectors)
        self._faiss.write_index(index, str(self._path))
        np.save(self._path.with_suffix(".npy"), numbers)

    def open(self) -> None:
        """Opens what was saved."""
        self._index = self._faiss.read_index(str(self._path))
        self._numbers = np.load(self._path.with_suffix(".npy"))

    def search(self, vector: Any, below: int | None) -> list[int]:
        """Row ids."""
        parameters = None
        if below is not None:
            selector = self._faiss.IDSelectorBatch(np.flatnonzero(self._numbers < below))
            hnsw = self._factory.startswith("HNSW")
            parameters = (
                self._faiss.SearchParametersHNSW(sel=selector, efSearch=64)
                if hnsw
                else self._faiss.SearchParameters(sel=selector)
            )
        # untyped
        return self._index.search(vector[None], COUNT, params=parameters)[1][0].tolist()  # type: ignore[no-any-return]


class Chroma:
    """Its persistent client, defaults but cosine."""

    def __init__(self, folder: Path) -> None:
        import chromadb

        self._client = chromadb.PersistentClient(
            str(folder), settings=chromadb.Settings(anonymized_telemetry=False)
        )

    def insert(self, vectors: Any, numbers: Any) -> None:
        """Adds in batches."""
        made = self._client.create_collection("bench", metadata={"hnsw:space": "cosine"})
        for start in range(0, len(vectors), BATCH):
            stop = min(start + BATCH, len(vectors))
            ids = [str(row) for row in range(start, stop)]
            made.add(
                ids=ids,
                embeddings=vectors[start:stop],
                metadatas=[{"number": int(one)} for one in numbers[start:stop]],
            )

    def open(self) -> None:
        """Opens the collection."""
        self._collection = self._client.get_collection("bench")

    def search(self, vector: Any, below: int | None) -> list[int]:
        """Row ids."""
        where = {"number": {"$lt": below}} if below is not None else None
        found = self._collection.query(
            query_embeddings=vector[None], n_results=COUNT, where=where, include=[]
        )
        return [int(one) for one in found["ids"][0]]


class Qdrant:
    """Its local mode."""

    def __init__(self, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        self._models, self._client = models, QdrantClient(path=str(folder / "qdrant"))

    def insert(self, vectors: Any, numbers: Any) -> None:
        """Uploads in batches."""
        models = self._models
        self._client.create_collection(
            "bench",
            vectors_config=models.VectorParams(
                size=vectors.shape[1], distance=models.Distance.COSINE
            ),
        )
        for start in range(0, len(vectors), BATCH):
            ids = list(range(start, min(start + BATCH, len(vectors))))
            payloads = [{"number": int(numbers[row])} for row in ids]
            self._client.upsert(
                "bench", models.Batch(ids=ids, vectors=vectors[ids].tolist(), payloads=payloads)
            )
        self._client.close()

    def open(self) -> None:
        """Nothing: the constructor opened it."""

    def search(self, vector: Any, below: int | None) -> list[int]:
        """Row ids."""
        models = self._models
        condition = (
            models.Filter(must=[models.FieldCondition(key="number", range=models.Range(lt=below))])
            if below is not None
            else None
        )
        found = self._client.query_points(
            "bench", query=vector.tolist(), query_filter=condition, limit=COUNT
        )
        return [int(point.id) for point in found.points]


class Lance:
    """LanceDB without an index: exact."""

    def __init__(self, folder: Path) -> None:
        import lancedb

        self._database = lancedb.connect(str(folder))

    def insert(self, vectors: Any, numbers: Any) -> None:
        """Adds in batches."""
        import pyarrow as pa

        table = None
        for start in range(0, len(vectors), BATCH):
            part = vectors[start : start + BATCH]
            column = pa.FixedSizeListArray.from_arrays(pa.array(part.reshape(-1)), part.shape[1])
            rows = pa.table(
                {
                    "id": np.arange(start, start + len(part)),
                    "number": numbers[start : start + BATCH],
                    "vector": column,
                }
            )
            if table is None:
                table = self._database.create_table("bench", rows)
            else:
                table.add(rows)

    def open(self) -> None:
        """Opens the table."""
        self._table = self._database.open_table("bench")

    def search(self, vector: Any, below: int | None) -> list[int]:
        """Row ids."""
        query = self._table.search(vector).distance_type("cosine").limit(COUNT).select(["id"])
        if below is not None:
            query = query.where(f"number < {below}", prefilter=True)
        return [int(one) for one in query.to_arrow()["id"].to_pylist()]


class Milvus:
    """Milvus Lite."""

    def __init__(self, folder: Path) -> None:
        from pymilvus import MilvusClient

        self._client = MilvusClient(str(folder / "milvus.db"))

    def insert(self, vectors: Any, numbers: Any) -> None:
        """Inserts in batches."""
        self._client.create_collection("bench", dimension=vectors.shape[1], metric_type="COSINE")
        for start in range(0, len(vectors), 1_000):
            rows = range(start, min(start + 1_000, len(vectors)))
            self._client.insert(
                "bench",
                [{"id": row, "vector": vectors[row], "number": int(numbers[row])} for row in rows],
            )

    def open(self) -> None:
        """Loads the collection."""
        self._client.load_collection("bench")

    def search(self, vector: Any, below: int | None) -> list[int]:
        """Row ids."""
        condition = f"number < {below}" if below is not None else ""
        return [
            int(hit["id"])
            for hit in self._client.search("bench", [vector], limit=COUNT, filter=condition)[0]
        ]


class Lookalike:
    """Our index, on a folder, compacted; its graphs are the work of a later compaction, so they are
    measured apart.
    """

    def __init__(self, folder: Path, *, graphs: bool = False) -> None:
        from benchmarks.index import catalog

        self._catalog, self._graphs = catalog(folder), graphs

    def insert(self, vectors: Any, numbers: Any) -> None:
        """Quantises, appends in batches, compacts."""
        from benchmarks.index import Data
        from chalicelib.attributes import Attributes
        from chalicelib.index.format.records import Key, Put, Record
        from chalicelib.index.write.absorb import absorb
        from chalicelib.index.write.graphs import grow
        from chalicelib.region import Region
        from chalicelib.service import Service

        data = Data(len(vectors))
        collection = self._catalog.create(
            "bench",
            Service.GENERIC,
            fingerprint="f",
            dimension=vectors.shape[1],
            bits=vectors.shape[1],
        )
        for start in range(0, len(vectors), BATCH):
            part = data.vectors(vectors[start : start + BATCH])
            collection.append(
                [
                    Put(
                        Record(
                            Key(str(start + row), ""),
                            0,
                            Region(0, 1, 0, 1),
                            Attributes(int_attr=int(numbers[start + row])),
                            one,
                        )
                    )
                    for row, one in enumerate(part)
                ]
            )
        while absorb(collection.current()) is not None or (
            self._graphs and grow(collection.current()) is not None
        ):
            continue

    def open(self) -> None:
        """Takes a snapshot."""
        from benchmarks.index import Data

        self._snapshot = self._catalog.open("bench").snapshot()
        self._data = Data(self._snapshot.stats.rows)

    def search(self, vector: Any, below: int | None) -> list[int]:
        """Row ids."""
        from chalicelib.index.read.query import Query

        (one,) = self._data.vectors(vector[None])
        predicate = (
            None if below is None else lambda columns: columns["int_attr"].compare("<", below)
        )
        hits = self._snapshot.search(Query(one, COUNT, predicate=predicate)).hits
        return [int(hit.row.key.product_id) for hit in hits]


ENGINES: dict[str, Callable[[Path], Any]] = {
    "lookalike": Lookalike,
    "lookalike with graphs": lambda folder: Lookalike(folder, graphs=True),
    "faiss flat": lambda folder: Faiss(folder, "Flat"),
    "faiss hnsw": lambda folder: Faiss(folder, "HNSW16"),
    "chroma": Chroma,
    "qdrant local": Qdrant,
    "lancedb": Lance,
    "milvus lite": Milvus,
}


def step(name: str, what: str, folder: Path) -> dict[str, float]:
    """One process's share: "insert", or "search" from cold."""
    loaded = np.load(folder / "data.npz")
    vectors, numbers, queries = loaded["vectors"], loaded["numbers"], loaded["queries"]
    begun = _cpu()
    engine = ENGINES[name](folder)
    if what == "insert":
        engine.insert(vectors, numbers)
        return {"insert s": _cpu() - begun}
    engine.open()
    engine.search(queries[0], None)
    cold = _cpu() - begun
    for query in queries:
        engine.search(query, None)
    times, shared, filtered_shared, filtered_times = [], 0, 0, []
    allowed = np.flatnonzero(numbers < 10)
    for query in queries:
        start = _cpu()
        found = engine.search(query, None)
        times.append(_cpu() - start)
        shared += len(set(found) & set(np.argsort(-(vectors @ query))[:COUNT].tolist()))
        start = _cpu()
        found = engine.search(query, 10)
        filtered_times.append(_cpu() - start)
        filtered_shared += len(
            set(found) & set(allowed[np.argsort(-(vectors[allowed] @ query))[:COUNT]].tolist())
        )
    return {
        "cold ms": cold * 1e3,
        "warm ms": float(np.median(times)) * 1e3,
        "recall": shared / COUNT / len(queries),
        "filtered ms": float(np.median(filtered_times)) * 1e3,
        "filtered recall": filtered_shared / COUNT / len(queries),
    }


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measure(name: str, rows: int, python: Path) -> dict[str, float]:
    """All numbers of one peer. Raises subprocess.SubprocessError."""
    from benchmarks.index import Data

    data = Data(rows)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        vectors = np.concatenate(
            [data.floats(start, min(BATCH, rows - start)) for start in range(0, rows, BATCH)]
        )
        np.savez(
            folder / "data.npz",
            vectors=vectors,
            numbers=np.arange(rows) % 1000,
            queries=data.floats(-1, QUERIES),
        )
        found: dict[str, float] = {}
        for what in ("insert", "search"):
            command = [
                "taskset",
                "-c",
                "0",
                str(python),
                "-m",
                "benchmarks.peers",
                "--step",
                name,
                what,
                str(folder),
            ]
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=LIMIT_S, check=True
            )
            found |= json.loads(done.stdout.splitlines()[-1])
            if what == "insert":
                sizes = [
                    path.stat().st_size
                    for path in folder.rglob("*")
                    if path.is_file() and path.name != "data.npz"
                ]
                found["disk MB"] = sum(sizes) / 1e6
        found["rows per s"] = rows / found["insert s"]
        return found


def environment(name: str, folder: Path) -> Path:
    """The interpreter of a peer's environment, made if it is not there. Raises
    subprocess.SubprocessError.
    """
    if not PACKAGES[name]:
        return Path(sys.executable)
    home = folder / FOLDERS[name]
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", *PACKAGES[name]],
            check=True,
            capture_output=True,
        )
    return python


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", type=int, nargs="?", default=20_000)
    parser.add_argument("--environments", type=Path, default=Path("peers"))
    parser.add_argument("--only", nargs="*", default=list(PACKAGES))
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, what, folder = options.step
        print(json.dumps(step(name, what, Path(folder))))
        return
    if shutil.which("taskset") is None:
        raise SystemExit("taskset is needed to keep all on one core")
    columns = [
        "rows per s",
        "disk MB",
        "cold ms",
        "warm ms",
        "recall",
        "filtered ms",
        "filtered recall",
    ]
    print(
        f"{options.rows} vectors\n| | " + " | ".join(columns) + " |\n|---|" + "---:|" * len(columns)
    )
    for name in options.only:
        try:
            found = measure(name, options.rows, environment(name, options.environments))
        except subprocess.SubprocessError as error:
            print(
                f"| {name} | did not run: {str(getattr(error, 'stderr', None) or error).strip().splitlines()[-1][:120]} |"
            )
            continue
        print(
            f"| {name} | " + " | ".join(f"{found[column]:,.3g}" for column in columns) + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
