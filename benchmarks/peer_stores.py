"""The stores that benchmarks/peers.py compares, each behind insert, open and search. Every one
imports its library when it is made, since each runs in an environment of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

COUNT = 10
"""Nearest rows that are asked for."""

BATCH = 5_000
"""Rows that are added at once."""


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
        found: list[int] = self._index.search(vector[None], COUNT, params=parameters)[1][0].tolist()
        return found


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
            batch = vectors[start : start + BATCH]
            column = pa.FixedSizeListArray.from_arrays(pa.array(batch.reshape(-1)), batch.shape[1])
            rows = pa.table(
                {
                    "id": np.arange(start, start + len(batch)),
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
        from benchmarks.index_data import catalog

        self._catalog, self._graphs = catalog(folder), graphs

    def insert(self, vectors: Any, numbers: Any) -> None:
        """Quantises, appends in batches, compacts."""
        from benchmarks.index_data import Data
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
            batch = data.vectors(vectors[start : start + BATCH])
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
                    for row, one in enumerate(batch)
                ]
            )
        while absorb(collection.current()) is not None or (
            self._graphs and grow(collection.current()) is not None
        ):
            continue

    def open(self) -> None:
        """Takes a snapshot."""
        from benchmarks.index_data import Data

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
