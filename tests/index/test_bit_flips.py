"""One wrong bit in any object gives the right answer or an error that names the object. Never a
wrong answer, never a dead process.
"""

from __future__ import annotations

import logging
import random

import numpy as np
import pytest

from chalicelib.attributes import Attributes
from chalicelib.errors import CorruptObject, FormatTooNew, LookalikeError
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format import clusters
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put
from chalicelib.index.read import search
from chalicelib.index.read.query import Query
from chalicelib.index.read.scan import query_words
from chalicelib.index.write import graphs as growing
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import Blob
from tests.index.format1 import writing
from tests.index.simulated import (
    Clock,
    Model,
    apply,
    content,
    expected,
    ids,
    make,
    open_catalog,
    record,
    vector,
)

CHANGES: list[list[Change]] = [
    [
        Put(
            record(
                f"p{number}",
                "ä.jpg",
                number,
                category_id=number % 3,
                attributes=Attributes("text", number, str_attr=f"w{number % 4}"),
            )
        )
        for number in range(150)
    ],
    [Delete(Key("p3", "ä.jpg")), Patch(Key("p4", "ä.jpg"), Attributes("new", 8, str_attr2="x"))],
    [
        Put(record("late", "1", 501)),
        Delete(Key("p5", "ä.jpg")),
        Patch(Key("p6", "ä.jpg"), Attributes(int_attr2=1)),
        *[Put(record(f"old{number}", "ö.jpg", 600 + number)) for number in range(20)],
    ],
    [
        Put(record("late", "2", 502)),
        Delete(Key("late", "1")),
        Patch(Key("p7", "ä.jpg"), Attributes(int_attr2=2)),
    ],
]


def scenario(monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryStore, Model]:
    """A collection with every kind of object: segments of both formats, graphs, revisions,
    tombstones, log, tokens.
    """
    monkeypatch.setattr(growing, "GRAPH_ROWS", 100)
    # so that clusters are made, and searched
    monkeypatch.setattr(clusters, "CLUSTERED_ROWS", 32)
    monkeypatch.setattr(clusters, "CLUSTER_ROWS", 8)
    monkeypatch.setattr(search, "DIRECT_ROWS", 8)
    monkeypatch.setattr(search, "DIRECT_FILTERED_ROWS", 8)
    store = MemoryStore()
    collection = make(open_catalog(store, Clock(), ids()))
    model: Model = {}
    for number, changes in enumerate(CHANGES):
        collection.append(changes, token=str(number))
        model = apply(model, changes)
        if number < 3:
            with writing(2 if number == 0 else 1):
                absorb(collection.current())
    assert growing.grow(collection.current()) is not None
    return store, model


def flipped(store: MemoryStore, key: str, bit: int) -> MemoryStore:
    """The same objects with one bit of one wrong."""
    data = bytearray(store.get(key).data)
    data[bit // 8] ^= 1 << bit % 8
    changed = MemoryStore()
    changed._objects = dict(store._objects)  # blobs are immutable
    blob, modified = changed._objects[key]
    changed._objects[key] = (Blob(bytes(data), blob.version), modified)
    return changed


def use(catalog: Catalog, model: Model) -> None:
    """Reads everything and appends; fails on any answer that is not right."""
    collection = catalog.open("shop")
    snapshot = collection.snapshot()
    assert content(snapshot) == expected(model)
    key = Key("p7", "ä.jpg")
    found = snapshot.search(
        Query(model[key].vector, 3, predicate=lambda columns: columns["int_attr"].compare(">=", 0))
    )
    assert (found.hits[0].similarity, found.hits[0].row.key) == (1.0, key)
    assert snapshot.search(Query(vector(900), 500)).found == len(model)
    collection.append(CHANGES[2], token="2")
    assert content(collection.snapshot()) == expected(model)


def use_graph(collection: Collection) -> None:
    """Asks the graph, if it opens."""
    generation = collection.current()
    manifest = generation.manifest().manifest
    for ref in manifest.segments:
        graph = generation.objects.graph(ref, manifest, 1e9)
        if graph is not None:
            assert len(graph.search(query_words(vector(1).code, manifest.shape.words), 10)) == 10


def flip_and_use(store: MemoryStore, model: Model, key: str, bit: int) -> bool:
    """Whether the damage was noticed."""
    damaged = flipped(store, key, bit)
    try:
        catalog = open_catalog(damaged, Clock(), ids(5_000))
        use(catalog, model)
        use_graph(catalog.open("shop"))
    except (CorruptObject, FormatTooNew) as error:
        assert key in str(error), (bit, error)  # noqa: PT017  # not every flip hits what is read
        return True
    return False


def flip_many(monkeypatch: pytest.MonkeyPatch, count: int, seed: int) -> None:
    monkeypatch.setattr(logging.getLogger("chalicelib.index.read.objects"), "disabled", True)
    store, model = scenario(monkeypatch)
    use(open_catalog(store, Clock(), ids(5_000)), model)
    rng = random.Random(seed)
    sizes = {stat.key: stat.size for stat in store.list("")}
    for kind in (
        "collection.json",
        "manifest.json",
        "/keys",
        "/rows",
        "/head",
        "/body",
        "/graph-",
        "/revisions/",
        "/marks/",
        "/log/",
        "/tokens/",
    ):
        assert any(kind in key for key in sizes)
    noticed = 0
    for key, size in sizes.items():
        for _ in range(-(-count // len(sizes))):
            # half of the flips hit the first kilobyte, where the structure is
            noticed += flip_and_use(
                store,
                model,
                key,
                rng.randrange(8 * (min(size, 1024) if rng.random() < 0.5 else size)),
            )
    assert noticed > count // 4


def test_flipped_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    flip_many(monkeypatch, 250, 1)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_many_flipped_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    flip_many(monkeypatch, 5_000, 2)


@pytest.mark.parametrize("cut", [0, 1, 40, 100, 1000, -1])
def test_truncated_objects(monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    monkeypatch.setattr(logging.getLogger("chalicelib.index.read.objects"), "disabled", True)
    store, model = scenario(monkeypatch)
    for stat in list(store.list("")):
        shorter = MemoryStore()
        shorter._objects = dict(store._objects)  # blobs are immutable
        blob, modified = shorter._objects[stat.key]
        shorter._objects[stat.key] = (Blob(blob.data[:cut], blob.version), modified)
        try:
            catalog = open_catalog(shorter, Clock(), ids(5_000))
            use(catalog, model)
            use_graph(catalog.open("shop"))
        except (CorruptObject, FormatTooNew) as error:
            assert stat.key in str(error)  # noqa: PT017  # some cuts hit what is not read


def test_a_missing_object_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    store, model = scenario(monkeypatch)
    generation = open_catalog(store, Clock(), ids(5_000)).open("shop").current()
    used = {generation.folder + path for path in generation.manifest().manifest.objects()}
    for stat in list(store.list("")):
        if stat.key in used and "/marks/" not in stat.key:
            fewer = MemoryStore()
            fewer._objects = {
                key: found for key, found in store._objects.items() if key != stat.key
            }  # blobs are immutable
            if "/graph-" in stat.key:
                use(open_catalog(fewer, Clock(), ids(5_000)), model)
                continue
            with pytest.raises(LookalikeError) as caught:
                use(open_catalog(fewer, Clock(), ids(5_000)), model)
            assert stat.key in str(caught.value)


def test_a_damaged_graph_is_done_without_reported_and_built_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, _model = scenario(monkeypatch)
    (key,) = [stat.key for stat in store.list("") if "/graph-" in stat.key]
    damaged = flipped(store, key, 8 * (len(store.get(key).data) - 100))
    collection = open_catalog(damaged, Clock(), ids(5_000)).open("shop")
    generation = collection.current()
    manifest = generation.manifest().manifest
    (ref,) = [ref for ref in manifest.segments if ref.graph is not None]
    assert generation.objects.graph(ref, manifest, 1e9) is None
    assert generation.objects.graph(ref, manifest, 1e9) is None
    assert [record.getMessage() for record in caplog.records if key in record.getMessage()] != []
    assert len(caplog.records) == 1
    found = scrub(generation)
    assert [problem.key for problem in found.problems] == [key]
    assert growing.prune(generation, set(found.bad_graphs)) == 1
    assert growing.grow(generation) is not None
    assert scrub(generation).problems == ()
    manifest = generation.manifest().manifest
    (ref,) = [ref for ref in manifest.segments if ref.graph is not None]
    graph = generation.objects.graph(ref, manifest, 1e9)
    assert graph is not None
    table = generation.objects.table(ref, manifest)
    assert 5 in graph.search(np.ascontiguousarray(table.rows["codes"][:, 5]), 3)


class _WrongOnce(MemoryStore):
    """The next downloads of one object have one bit wrong; what lies in the store is right."""

    def __init__(self, store: MemoryStore, key: str, bit: int, times: int) -> None:
        super().__init__()
        self._objects = dict(store._objects)  # blobs are immutable
        self._key, self._bit, self._times = key, bit, times

    def get(self, key: str) -> Blob:
        blob = super().get(key)
        if key != self._key or not self._times:
            return blob
        self._times -= 1
        data = bytearray(blob.data)
        data[self._bit // 8] ^= 1 << self._bit % 8
        return Blob(bytes(data), blob.version)


def test_one_wrong_download_is_no_damage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, model = scenario(monkeypatch)
    rng = random.Random(3)
    for stat in list(store.list("")):
        for _ in range(6):
            wrong = _WrongOnce(store, stat.key, rng.randrange(8 * stat.size), 1)
            catalog = open_catalog(wrong, Clock(), ids(5_000))
            use(catalog, model)
            use_graph(catalog.open("shop"))
            wrong = _WrongOnce(store, stat.key, rng.randrange(8 * stat.size), 1)
            if "collection.json" not in stat.key:
                generation = open_catalog(wrong, Clock(), ids(5_000)).open("shop").current()
                assert scrub(generation).problems == ()
    assert caplog.records == []  # no graph was given up


def test_damage_that_goes_away_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong downloads are believed; the third is right, and the same process sees it."""
    store, model = scenario(monkeypatch)
    rng = random.Random(4)
    believed = 0
    for stat in list(store.list("")):
        if "/graph-" in stat.key:
            continue  # a process does without one that it has found damaged
        for _ in range(6):
            wrong = _WrongOnce(store, stat.key, rng.randrange(8 * stat.size), 2)
            catalog = open_catalog(wrong, Clock(), ids(5_000))
            try:
                use(catalog, model)
            except (CorruptObject, FormatTooNew):
                believed += 1
            use(catalog, model)
    assert believed > 20
