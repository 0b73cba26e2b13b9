"""Graphs: reproducible, checked, and never worse than the scan by more than their recall."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chalicelib.attributes import Attributes
from chalicelib.errors import CorruptObject
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.bundle import Bundle, encode
from chalicelib.index.format.manifest import ObjectRef, SegmentRef
from chalicelib.index.format.positions import Position
from chalicelib.index.format.records import Delete, Key, Put, Record
from chalicelib.index.format.table import Shape
from chalicelib.index.read import plan, search
from chalicelib.index.read.graph import Graph, encode_graph
from chalicelib.index.read.query import Query
from chalicelib.index.write import graphs as growing
from chalicelib.index.write.absorb import absorb
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import Clock, ids
from tests.index.test_search import BITS, DIMENSION, vectors

ROWS = 6_000


def planes(count: int, seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    return np.random.default_rng(seed).integers(0, 2**63, (2, count)).astype(np.uint64)


def ref_of(graph: ObjectRef, rows: int) -> SegmentRef:
    return SegmentRef("s", rows, ((0, rows),), Position(1, 1), graph, graph=graph)


def test_the_same_codes_give_the_same_bytes() -> None:
    assert encode_graph(planes(500), Shape(8, 128), "g") == encode_graph(
        planes(500), Shape(8, 128), "g"
    )


def test_a_graph_finds_what_is_near() -> None:
    codes = planes(500)
    graph, data = encode_graph(codes, Shape(8, 128), "g")
    opened = Graph(ref_of(graph, 500), Shape(8, 128), "key", memoryview(data))
    for row in (0, 250, 499):
        assert row in opened.search(np.ascontiguousarray(codes[:, row]), 5)
    assert len(opened.search(codes[:, 0].copy(), 5_000)) == 500


def test_a_graph_of_something_else_is_refused() -> None:
    graph, data = encode_graph(planes(500), Shape(8, 128), "g")
    with pytest.raises(CorruptObject, match=r"some/key.*500 codes"):
        Graph(ref_of(graph, 501), Shape(8, 128), "some/key", memoryview(data))
    with pytest.raises(CorruptObject, match="128 bits"):
        Graph(ref_of(graph, 500), Shape(8, 192), "some/key", memoryview(data))
    bundle = Bundle("key", memoryview(data), "graph")
    other, sha256 = encode("graph", {**bundle.meta, "usearch": "9.0.0"}, {"graph": bundle["graph"]})
    with pytest.raises(CorruptObject, match=r"usearch 9\.0\.0"):
        Graph(
            ref_of(ObjectRef("g", sha256, len(other)), 500),
            Shape(8, 128),
            "some/key",
            memoryview(other),
        )


def test_usearch_is_loaded_after_onnxruntime() -> None:
    """The other order crashes the process once both are used."""
    script = """
import sys, numpy as np
from chalicelib.index.read.graph import encode_graph
from chalicelib.index.format.table import Shape
assert "usearch" not in sys.modules and "onnxruntime" not in sys.modules
encode_graph(np.ones((1, 4), np.uint64), Shape(8, 64), "g")
loaded = list(sys.modules)
assert loaded.index("onnxruntime") < loaded.index("usearch"), "usearch came first"
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.fixture(scope="module")
def collection() -> Collection:
    made = Catalog(MemoryStore(), clock=Clock(), new_id=ids()).create(
        "graphs", Service.PRODUCT, fingerprint="f", dimension=DIMENSION, bits=BITS
    )
    made.append(
        [
            Put(
                Record(
                    Key(f"p{number // 2}", f"{number}"),
                    number % 2,
                    Region(0, 1, 0, 1),
                    Attributes(int_attr=number % 100),
                    one,
                )
            )
            for number, one in enumerate(vectors(ROWS, 21))
        ]
    )
    absorb(made.current())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing, "GRAPH_ROWS", ROWS)
        assert growing.grow(made.current()) is not None
    return made


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The planner takes the graph wherever it can; tells how often a graph was searched."""
    monkeypatch.setattr(plan, "GRAPH_BASE_S", 0.0)
    monkeypatch.setattr(plan, "GRAPH_ROW_S", 0.0)
    monkeypatch.setattr(plan, "OPEN_BYTE_S", 0.0)
    monkeypatch.setattr(search, "DIRECT_ROWS", 100)
    monkeypatch.setattr(search, "DIRECT_FILTERED_ROWS", 100)
    counts = [0]
    real = Graph.search

    def counted(
        self: Graph, words: np.ndarray[tuple[int, ...], np.dtype[np.uint64]], count: int
    ) -> object:
        counts[0] += 1
        return real(self, words, count)

    monkeypatch.setattr(Graph, "search", counted)
    return lambda: counts[0]


QUERIES = [
    {},
    {"categories": frozenset({1})},
    {"distinct": True},
    {"predicate": lambda columns: columns["int_attr"].compare("<", 60)},
    {
        "predicate": lambda columns: columns["int_attr"].compare("<", 60),
        "categories": frozenset({0}),
        "distinct": True,
    },
]


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_both_ways_answer_alike(
    collection: Collection, eager: Callable[[], int], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    given: Any = QUERIES[number]  # keyword arguments of Query
    queries = [Query(one, 10, **given) for one in vectors(20, 22)]
    by_graph = [collection.snapshot().search(query) for query in queries]
    assert eager() > 10
    monkeypatch.setattr(plan, "GRAPH_BASE_S", 1e9)
    by_scan = [collection.snapshot().search(query) for query in queries]
    shared = sum(
        len(set(one.hits) & set(other.hits)) for one, other in zip(by_graph, by_scan, strict=True)
    )
    assert shared >= 0.98 * 10 * len(queries)
    assert [one.found for one in by_graph] == [other.found for other in by_scan]
    assert {len(one.hits) for one in by_graph} == {10}


def test_a_page_is_full_though_the_graph_finds_dead_rows(
    collection: Collection, eager: Callable[[], int]
) -> None:
    (vector,) = vectors(1, 23)
    near = collection.snapshot().search(Query(vector, 500)).hits
    records = [collection.snapshot().find(hit.row.key) for hit in near]
    collection.append([Delete(hit.row.key) for hit in near])
    after = collection.snapshot().search(Query(vector, 100))
    assert len(after.hits) == 100
    assert not {hit.row.key for hit in after.hits} & {hit.row.key for hit in near}
    assert eager() > 0
    collection.append([Put(one) for one in records if one is not None])
    assert collection.snapshot().search(Query(vector, 500)).found == ROWS


def test_a_cold_process_scans_and_opens_the_graph_when_it_has_paid(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = collection.generation.tools.store
    monkeypatch.setattr(plan, "GRAPH_BASE_S", 0.0)
    monkeypatch.setattr(plan, "GRAPH_ROW_S", 0.0)
    saved_s = ROWS * 2 * plan.SCAN_ROW_WORD_S
    (ref,) = [
        ref for ref in collection.current().manifest().manifest.segments if ref.graph is not None
    ]
    assert ref.graph is not None
    monkeypatch.setattr(plan, "OPEN_BYTE_S", 3.5 * saved_s / ref.graph.size)
    cold = Catalog(store, clock=Clock(), new_id=ids(9_000)).open("graphs")
    key = f"{cold.generation.folder}segments/{ref.id}/graph-{ref.graph.id}"
    (vector,) = vectors(1, 24)
    opened = []
    for _ in range(5):
        cold.snapshot().search(Query(vector, 10))
        opened.append(key in cold.generation.tools.cache)
    assert opened == [False, False, False, True, True]
