"""Scrub derives the invariants anew: bytes that are intact and still wrong are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chalicelib.attributes import Attributes
from chalicelib.index.format.bundle import Bundle, Memory, encode
from chalicelib.index.format.clustered import CHECK, body_path, head_path
from chalicelib.index.format.manifest import FORMAT, Garbage, Manifest, ObjectRef
from chalicelib.index.format.positions import Position
from chalicelib.index.format.records import Delete, Key, Put
from chalicelib.index.format.sections import Section, lay
from chalicelib.index.format.segment import rows_path
from chalicelib.index.read.generation import Generation
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.commit import commit, put
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.memory import MemoryStore
from tests.index.format1 import writing
from tests.index.simulated import Clock, ids, make, open_catalog, record


def generation(number: int = FORMAT) -> Generation:
    """Two segments, the first with a revision."""
    collection = make(open_catalog(MemoryStore(), Clock(), ids()))
    collection.append(
        [
            Put(record(f"p{seed}", "a", seed, category_id=seed % 2, attributes=Attributes("x", 3)))
            for seed in range(8)
        ]
    )
    with writing(number):
        absorb(collection.current())
        collection.append([Put(record("q", "a", 9)), Delete(Key("p3", "a"))])
        absorb(collection.current())
    return collection.current()


def told(found: Generation) -> str:
    return " / ".join(problem.what for problem in scrub(found).problems)


MANIFESTS: list[tuple[Callable[[Manifest], Manifest], str]] = [
    (
        lambda one: replace(
            one, segments=(*one.segments, replace(one.segments[0], revision=None, dead=0))
        ),
        "named twice",
    ),
    (
        lambda one: replace(one, segments=(*one.segments, replace(one.segments[1], dead=0))),
        "keys live in two segments",
    ),
    (
        lambda one: replace(one, segments=(replace(one.segments[0], dead=5), *one.segments[1:])),
        "revision does not fit",
    ),
    (
        lambda one: replace(
            one, segments=(replace(one.segments[0], newest=Position(1, 1)), *one.segments[1:])
        ),
        "newest row",
    ),
    (
        lambda one: replace(
            one, segments=(replace(one.segments[0], categories=((0, 5), (1, 3))), *one.segments[1:])
        ),
        "a cluster holds rows of two categories",
    ),
    (
        lambda one: replace(one, segments=(replace(one.segments[0], rows=7), *one.segments[1:])),
        "has 8 rows, the manifest says 7",
    ),
    (
        lambda one: replace(one, garbage=(Garbage(body_path(one.segments[0].id), 0.0),)),
        "named as garbage",
    ),
    (lambda one: replace(one, generation="other"), "generation other"),
    (
        lambda one: replace(one, absorbed=(*one.absorbed, "nonsense")),
        "not the name of a log object",
    ),
]


@pytest.mark.parametrize("number", range(len(MANIFESTS)))
def test_a_manifest_that_is_wrong_though_intact(number: int) -> None:
    change, words = MANIFESTS[number]
    found = generation()
    assert told(found) == ""
    old = found.manifest()
    commit(found, old, replace(change(old.manifest), version=old.manifest.version + 1))
    assert words in told(found)


def _swap_products(rows: Memory) -> None:
    rows["products"] = rows["products"][::-1].copy()


def _swap_names(rows: Memory) -> None:
    rows["product_id.text"] = rows["product_id.text"][::-1].copy()


def _shorten(rows: Memory) -> None:
    rows["scales"] = rows["scales"][:-1].copy()


def _bend_norms(rows: Memory) -> None:
    rows["norms"] = rows["norms"] + np.int32(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_swap_products, "product digests"),
        (_swap_names, "key digests"),
        (_shorten, "scales has the shape"),
        (_bend_norms, "norms"),
    ],
)
def test_a_segment_of_format_1_that_is_wrong_though_intact(
    change: Callable[[Memory], None], words: str
) -> None:
    found = generation(1)
    assert told(found) == ""
    old = found.manifest()
    ref = old.manifest.segments[0]
    bundle = Bundle("key", found.tools.store.view(found.folder + rows_path(ref.id)), "rows")
    rows = Memory(bundle)
    change(rows)
    data, sha256 = encode("rows", bundle.meta, rows)
    found.tools.store.delete(found.folder + rows_path(ref.id))
    put(found, rows_path(ref.id), data)
    wrong = replace(ref, body=ObjectRef(ref.id, sha256, len(data)))
    commit(found, old, old.manifest.next(segments=(wrong, *old.manifest.segments[1:])))
    assert words in told(found)


Arrays = dict[str, Any]


def _no_filter(head: Arrays, body: Arrays) -> None:
    body["filter"] = np.zeros_like(body["filter"])


def _turned_entries(head: Arrays, body: Arrays) -> None:
    body["entries"] = body["entries"][::-1].copy()


def _one_row_twice(head: Arrays, body: Arrays) -> None:
    body["entries"][0, 4] = body["entries"][1, 4]


def _other_values(head: Arrays, body: Arrays) -> None:
    body["int_attr.values"] = body["int_attr.values"] + np.uint8(1)


def _other_products(head: Arrays, body: Arrays) -> None:
    body["products"] = body["products"][::-1].copy()


def _fewer_starts(head: Arrays, body: Arrays) -> None:
    head["starts"] = head["starts"][:-1].copy()


def _fewer_centroids(head: Arrays, body: Arrays) -> None:
    head["centroids"] = head["centroids"][:-1].copy()


def _other_fences(head: Arrays, body: Arrays) -> None:
    head["fences"] = head["fences"] + np.uint64(1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_no_filter, "filter denies a key"),
        (_turned_entries, "entries are not in order"),
        (_one_row_twice, "do not name each row once"),
        (_other_values, "int_attr differs"),
        (_other_products, "product digests"),
        (_fewer_starts, "clusters do not cover"),
        (_fewer_centroids, "centroids do not fit"),
        (_other_fences, "fences are not those"),
    ],
)
def test_a_segment_of_format_2_that_is_wrong_though_intact(
    change: Callable[[Arrays, Arrays], None], words: str
) -> None:
    found = generation()
    old, store = found.manifest(), found.tools.store
    ref = old.manifest.segments[0]
    bundle = Bundle("key", store.view(found.folder + head_path(ref.id)), "head")
    raw = store.view(found.folder + body_path(ref.id))
    sections = [Section.parse(row) for row in bundle.meta["sections"]]
    body: Arrays = {
        one.name: np.frombuffer(raw[one.offset : one.offset + one.size], one.dtype)
        .reshape(one.shape)
        .copy()
        for one in sections
    }
    head: Arrays = {name: bundle[name] for name in bundle if not name.endswith(CHECK)}
    change(head, body)
    laid = lay(body, {one.name: one.block for one in sections})
    meta = {**bundle.meta, "sections": [one.json() for one in laid.sections]}
    checks = {f"{name}{CHECK}": value for name, value in laid.checks.items()}
    data, sha256 = encode("head", meta, {**head, **checks})
    for path, new in ((head_path(ref.id), data), (body_path(ref.id), laid.body)):
        store.delete(found.folder + path)
        put(found, path, new)
    wrong = replace(
        ref,
        head=ObjectRef(ref.id, sha256, len(data)),
        body=ObjectRef(ref.id, "", len(laid.body)),
    )
    commit(found, old, old.manifest.next(segments=(wrong, *old.manifest.segments[1:])))
    assert words in told(found)
