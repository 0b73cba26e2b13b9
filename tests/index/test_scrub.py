"""Scrub derives the invariants anew: bytes that are intact and still wrong are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from chalicelib.index.format.bundle import Bundle, Memory, encode
from chalicelib.index.format.manifest import Garbage, Manifest, ObjectRef
from chalicelib.index.format.positions import Position
from chalicelib.index.format.records import Delete, Key, Put
from chalicelib.index.format.segment import rows_path
from chalicelib.index.read.generation import Generation
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.commit import commit, put
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import Clock, ids, make, open_catalog, record


def generation() -> Generation:
    """Two segments, the first with a revision."""
    collection = make(open_catalog(MemoryStore(), Clock(), ids()))
    collection.append(
        [Put(record(f"p{number}", "a", number, category_id=number % 2)) for number in range(8)]
    )
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
        "not in order",
    ),
    (
        lambda one: replace(one, segments=(replace(one.segments[0], rows=7), *one.segments[1:])),
        "has 8 rows, the manifest says 7",
    ),
    (
        lambda one: replace(one, garbage=(Garbage(rows_path(one.segments[0].id), 0.0),)),
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
def test_a_segment_that_is_wrong_though_intact(
    change: Callable[[Memory], None], words: str
) -> None:
    found = generation()
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
