"""Segments of format 2: clusters, the filter of keys, ranges that are verified, and searches over
them that agree with a scan of everything, cold and warm, whole and in parts.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chalicelib.attributes import Attributes
from chalicelib.errors import CorruptObject
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format import clusters
from chalicelib.index.format.clusters import clusters_of
from chalicelib.index.format.digests import Digests
from chalicelib.index.format.key_filter import filter_of, may_hold
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put, Record
from chalicelib.index.format.sections import lay
from chalicelib.index.format.table import Range
from chalicelib.index.read import fan_out, probe, ranged, search
from chalicelib.index.read.cache import Cache
from chalicelib.index.read.query import Hits, Query
from chalicelib.index.read.ranged import Ranged
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.storage.memory import MemoryStore
from tests.index.format1 import writing
from tests.index.simulated import Clock, ids
from tests.index.test_search import BITS, DIMENSION, vectors

ROWS = 4_000


def digests(count: int, seed: int) -> Digests:
    numbers = np.random.default_rng(seed).integers(0, 1 << 63, (2, count)).astype(np.uint64)
    return Digests(numbers[0], numbers[1])


@pytest.mark.parametrize("count", [0, 1, 7, 1_000])
def test_a_filter_lets_its_keys_pass_and_few_others(count: int) -> None:
    keys, others = digests(count, 1), digests(20_000, 2)
    made = filter_of(keys)
    assert may_hold(made, keys).all()
    assert np.count_nonzero(may_hold(made, others)) < 20_000 * 0.015


@pytest.mark.parametrize("sizes", [[1], [20, 3], [10, 200, 31], [600]])
def test_clusters_cover_each_category_and_hold_neighbours(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    monkeypatch.setattr(clusters, "CLUSTERED_ROWS", 32)
    monkeypatch.setattr(clusters, "CLUSTER_ROWS", 8)
    stops = np.cumsum(sizes).tolist()
    ranges = [Range(*part) for part in zip(range(len(sizes)), [0, *stops], stops, strict=False)]
    features = np.random.default_rng(1).integers(-127, 127, (stops[-1], 24)).astype(np.int8)
    made = clusters_of(features, ranges)
    starts = made.starts.astype(int).tolist()
    assert (starts[0], starts[-1]) == (0, stops[-1])
    assert (np.diff(starts) > 0).all()
    assert len(made.centroids) == len(starts) - 1
    order = made.order
    for start, stop in itertools.pairwise(starts):
        assert any(
            span.start <= order[start:stop].min() <= order[start:stop].max() < span.stop
            for span in ranges
        )
    for span in ranges:
        rows = order[span.start : span.stop]
        assert np.array_equal(np.sort(rows), np.arange(span.start, span.stop))
    again = clusters_of(features, ranges)
    assert all(
        np.array_equal(getattr(made, field.name), getattr(again, field.name))
        for field in dataclasses.fields(made)
    )


class Spans:
    """A body that answers ranges, some of them wrongly."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.asked: list[tuple[int, int]] = []
        self.wrong = 0

    def __call__(self, spans: ranged.Spans) -> list[memoryview]:
        self.asked += spans
        found = [bytearray(self.body[start:stop]) for start, stop in spans]
        if self.wrong:
            self.wrong -= 1
            found[0][0] ^= 1
        return [memoryview(bytes(one)) for one in found]


def body() -> tuple[Ranged, Spans, list[int]]:
    """4,000 rows of 64 bytes in blocks of 4 KiB."""
    rows = np.arange(4_000 * 16, dtype=np.uint32).reshape(4_000, 16)
    laid = lay({"rows": rows, "none": np.empty((0, 3), np.int8)}, {"rows": 4_096})
    spans, grown = Spans(laid.body), list[int]()
    sections = {section.name: section for section in laid.sections}
    return Ranged("some/body", sections, laid.checks, spans, grown.append), spans, grown


def test_only_what_is_needed_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranged, "GAP", 4_096)
    monkeypatch.setattr(ranged, "REQUEST", 1)
    found, spans, grown = body()
    rows = np.array([0, 70, 3_999])
    for _ in range(2):
        assert found.gather("rows", rows)[:, 0].tolist() == (rows * 16).tolist()
    assert spans.asked == [(0, 8_192), (253_952, 256_000)]
    assert sum(grown) == 8_192 + 2_048
    assert not found.quiet()
    assert found.quiet()
    assert not found.is_whole("rows")
    assert found.array("none").shape == (0, 3)
    assert (found.array("rows") == np.arange(64_000).reshape(4_000, 16)).all()
    assert sum(grown) == 256_000
    assert found.is_whole("rows")


def test_a_section_that_is_asked_for_often_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranged, "GAP", 0)
    monkeypatch.setattr(ranged, "REQUEST", 100_000)
    found, spans, _ = body()
    for row in (0, 1_000, 2_000):
        found.gather("rows", np.array([row]))
    assert found.is_whole("rows")
    assert spans.asked[2:] == [(0, 256_000)]


def test_one_wrong_answer_is_asked_for_again_and_never_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ranged, "REQUEST", 1)
    found, spans, _ = body()
    spans.wrong = 1
    assert found.gather("rows", np.array([5]))[0, 0] == 80
    spans.wrong = 2
    with pytest.raises(CorruptObject, match=r"some/body.*rows \(bytes 126976 to 131072\)"):
        found.gather("rows", np.array([2_000]))
    assert found.gather("rows", np.array([2_000]))[0, 0] == 32_000


def test_what_grows_counts_and_pushes_out_what_was_not_used() -> None:
    cache = Cache(100)
    for key in ("old", "new"):
        cache.get(key, lambda: (object(), 10))
    cache.grow("new", 85)
    assert ("old" in cache, "new" in cache, cache.size) == (False, True, 95)
    cache.grow("old", 50)
    assert cache.size == 95


@pytest.fixture
def small_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows make many clusters, of which a search reads some."""
    monkeypatch.setattr(clusters, "CLUSTERED_ROWS", 128)
    monkeypatch.setattr(clusters, "CLUSTER_ROWS", 16)
    monkeypatch.setattr(probe, "GAP", 1)
    for name, value in (
        ("LEAST", 900),
        ("LEAST_FILTERED", 900),
        ("SHARE", 0.45),
        ("RENTED_SHARE", 0.6),
        ("SHORTLIST", 640),  # these codes are short: clusters are what is tried, not codes
    ):
        monkeypatch.setattr(search, name, value)
    monkeypatch.setattr(search, "PROBED_PER_HIT", 20)
    monkeypatch.setattr(search, "DIRECT_ROWS", 50)
    monkeypatch.setattr(search, "DIRECT_FILTERED_ROWS", 50)


def records() -> list[Record]:
    return [
        Record(
            Key(f"p{number // 2}", f"{number}"),
            number % 2,
            Region(0, 1, 0, 1),
            Attributes("text" if number % 3 else None, number % 100, str_attr=f"b{number % 7}"),
            vector,
        )
        for number, vector in enumerate(vectors(ROWS, 31))
    ]


def filled(store: MemoryStore, formats: tuple[int, int]) -> list[Record]:
    """Two segments, some rows of which were replaced, patched and deleted since."""
    made = records()
    collection = Catalog(store, clock=Clock(), new_id=ids()).create(
        "mixed", Service.PRODUCT, fingerprint="f", dimension=DIMENSION, bits=BITS
    )
    for number, half in enumerate((made[: ROWS // 2], made[ROWS // 2 :])):
        collection.append([Put(one) for one in half])
        with writing(formats[number]):
            absorb(collection.current())
    deleted, patched, moved = made[:300:3], made[1:300:3], made[2_500:2_600]
    changes: list[Change] = [Delete(one.key) for one in deleted]
    changes += [Patch(one.key, Attributes(int_attr=7)) for one in patched]
    changes += [Put(replace(one, category_id=1)) for one in moved]
    collection.append(changes)
    left = {one.key: one for one in made}
    for one in deleted:
        del left[one.key]
    for one in patched:
        left[one.key] = replace(one, attributes=replace(one.attributes, int_attr=7))
    for one in moved:
        left[one.key] = replace(one, category_id=1)
    return list(left.values())


QUERIES: list[dict[str, Any]] = [
    {},
    {"categories": frozenset({1})},
    {"predicate": lambda columns: columns["int_attr"].compare("<", 50)},
    {"predicate": lambda columns: columns["str_attr"].compare("=", "b3"), "count": 25},
    {"distinct": True},
    {"distinct": True, "categories": frozenset({0}), "count": 40},
    {"min_similarity": 0.5},
    {"count": 60},
]


def fits(one: Record, query: Query, number: int) -> bool:
    if query.categories is not None and one.category_id not in query.categories:
        return False
    if number == 2:
        return (one.attributes.int_attr or 0) < 50
    return number != 3 or one.attributes.str_attr == "b3"


def agrees(answer: Hits, rows: list[Record], query: Query) -> None:
    """The answer is full, its count exact, and what it shows of each row right."""
    count = len({one.key.product_id for one in rows}) if query.distinct else len(rows)
    assert answer.found == count
    if query.min_similarity < 0:
        assert len(answer.hits) == min(query.count, count)
    by_key = {one.key: one for one in rows}
    for hit in answer.hits:
        one = by_key[hit.row.key]
        assert (hit.row.attributes, hit.row.region) == (one.attributes, one.region)


@pytest.mark.usefixtures("small_clusters")
@pytest.mark.parametrize("formats", [(2, 2), (1, 2)])
def test_cold_and_warm_and_in_parts_answers_are_full_and_counts_exact(
    formats: tuple[int, int],
) -> None:
    store = MemoryStore()
    kept = filled(store, formats)
    warm = Catalog(store, clock=Clock(), new_id=ids(9_000)).open("mixed")
    wanted = found = 0
    for number, narrow in enumerate(QUERIES):
        for vector in vectors(4, 70 + number):
            query = Query(**{"vector": vector, "count": 10, **narrow})
            rows = [one for one in kept if fits(one, query, number)]
            cold = Catalog(store, clock=Clock(), new_id=ids(9_000)).open("mixed")
            best = nearest(rows, query)
            for answer in (
                cold.snapshot().search(query),
                in_parts(warm, query),
                warm.snapshot().search(query),
            ):
                agrees(answer, rows, query)
                wanted += len(best)
                found += len(best & {hit.row.key for hit in answer.hits})
    assert found >= 0.9 * wanted


@pytest.mark.parametrize("formats", [(2, 2), (1, 2), (1, 1)])
def test_all_becomes_format_2_and_nothing_is_lost(formats: tuple[int, int]) -> None:
    store = MemoryStore()
    kept = filled(store, formats)
    collection = Catalog(store, clock=Clock(), new_id=ids(9_000)).open("mixed")
    generation = collection.current()
    while absorb(generation) is not None or merge(generation, everything=True) is not None:
        continue
    assert {row.key: row.attributes for row in collection.snapshot().rows()} == {
        one.key: one.attributes for one in kept
    }
    assert all(ref.head for ref in generation.manifest().manifest.segments)
    assert scrub(generation).problems == ()


def nearest(rows: list[Record], query: Query) -> set[Key]:
    """The keys of the true nearest; of a distinct query, the nearest of each product."""
    features = np.stack([one.vector.feature for one in rows]).astype(np.float64)
    wanted = query.vector.feature.astype(np.float64)
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(wanted)
    likeness = features @ wanted / lengths
    kept: dict[str, Key] = {}
    for row in np.argsort(-likeness, kind="stable").tolist():
        if likeness[row] < query.min_similarity or len(kept) == query.count:
            break
        key = rows[row].key
        kept.setdefault(key.product_id if query.distinct else str(key), key)
    return set(kept.values())


def in_parts(collection: Collection, query: Query) -> Hits:
    """What a fan-out over two workers answers."""
    snapshot = collection.snapshot()
    parts = fan_out.split(snapshot, 2)
    hits = [fan_out.search_part(collection.current(), part, query) for part in parts]
    return fan_out.merge(snapshot, query, hits)
