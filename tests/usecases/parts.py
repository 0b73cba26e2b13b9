"""A collection of eight segments, and functions that search its parts well or badly."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from chalicelib.attributes import Attributes
from chalicelib.config import Settings
from chalicelib.contract.filters import parse
from chalicelib.errors import StoreUnavailable
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import (
    Change,
    Delete,
    Key,
    Patch,
    Put,
    Record,
    Vector,
    quantise,
)
from chalicelib.index.read.query import Hits, Query
from chalicelib.index.write.absorb import absorb
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.secrets import MemorySecrets
from chalicelib.usecases import fan_out
from chalicelib.usecases.ask_parts import Ask, FanOut
from chalicelib.usecases.deployment import Deployment
from tests.doubles import TinyAnalyzer

SEGMENTS = 8
ROWS = 120
DIMENSION = BITS = 64


class Clock:
    """Moves by a millisecond at each look, so that records are ordered."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self._lock = threading.Lock()

    def __call__(self) -> float:
        with self._lock:
            self.now += 0.001
            return self.now


def vector_of(seed: np.random.Generator) -> Vector:
    feature = seed.normal(size=DIMENSION).astype(np.float32)
    feature /= np.linalg.norm(feature)
    return quantise(feature, np.packbits(feature > 0))


def record_of(number: int, seed: np.random.Generator) -> Record:
    return Record(
        key=Key(f"product-{number % 211}", f"{number % 499}.jpg"),
        category_id=(0, 4, 20)[number % 3],
        region=Region(0, 100, 0, 100 + number % 7),
        attributes=Attributes(
            int_attr=number % 50, str_attr=f"s{number % 5}", custom_content="ü" * (number % 3)
        ),
        vector=vector_of(seed),
    )


def eight_segments() -> tuple[Deployment, Collection]:
    """Eight segments, with rows that later segments and the log replace, change and delete."""
    ids = iter(range(10**9))
    clock = Clock()
    store = MemoryStore()
    new_id: Callable[[], str] = lambda: f"{next(ids):032x}"  # noqa: E731
    deployment = Deployment(
        settings=Settings(),
        store=store,
        catalog=Catalog(store, clock=clock, new_id=new_id),
        secrets=MemorySecrets(),
        analyzer=TinyAnalyzer,
        clock=clock,
        new_id=new_id,
    )
    collection = deployment.catalog.create(
        "shop", Service.PRODUCT, fingerprint="f", dimension=DIMENSION, bits=BITS
    )
    seed = np.random.default_rng(5)
    number = 0
    for segment in range(SEGMENTS + 1):
        changes: list[Change] = []
        for _ in range(ROWS):
            number += 1
            changes.append(Put(record_of(number, seed)))
        changes.append(Delete(Key(f"product-{segment}", f"{segment}.jpg")))
        changes.append(
            Patch(Key(f"product-{segment + 40}", f"{segment + 40}.jpg"), Attributes(int_attr=7))
        )
        collection.append(changes)
        if segment < SEGMENTS:
            assert absorb(collection.generation) is not None
    assert collection.snapshot().stats.segments == SEGMENTS
    assert collection.snapshot().stats.log_objects == 1
    return deployment, collection


def fanned_out(
    deployment: Deployment, ask: Ask | None = None, *, rows: int = ROWS, patience_s: float = 30.0
) -> Deployment:
    return replace(deployment, fan_out=FanOut(rows, ask, patience_s))


def random_query(seed: random.Random) -> Query:
    filters = [
        None,
        "int_attr < 10",
        'str_attr in ("s1", "s3") AND int_attr != 7',
        'str_attr = "none of them"',
        "int_attr2 = 1 OR int_attr = 7",
    ]
    text = seed.choice(filters)
    return Query(
        vector=vector_of(np.random.default_rng(seed.randrange(10**6))),
        count=seed.choice([1, 10, 100, 500]),
        categories=seed.choice([None, frozenset({4}), frozenset({0, 20}), frozenset({9})]),
        predicate=parse(text) if text else None,
        distinct=seed.random() < 0.4,
        min_similarity=seed.choice([-1.0, 0.0, 0.2]),
    )


def as_bytes(hits: Hits) -> bytes:
    rows = [
        (
            *hit.row.key,
            hit.row.category_id,
            hit.row.region,
            repr(hit.row.attributes),
            hit.similarity.hex(),
            hit.hamming,
        )
        for hit in hits.hits
    ]
    return json.dumps([rows, hits.found]).encode()


class Executor:
    """Lambda in this process: JSON in, JSON out, parsed and written again on the way as Lambda
    does. Misbehaves as told.
    """

    def __init__(
        self, deployment: Deployment, *, fails: int = 0, hangs: int = 0, of: int = 2
    ) -> None:
        self.asked: Counter[bytes] = Counter()
        self.release = threading.Event()
        self._deployment, self._fails, self._hangs, self._of = deployment, fails, hangs, of
        self._lock = threading.Lock()
        self._numbers: dict[bytes, int] = {}

    def __call__(self, question: bytes) -> bytes:
        with self._lock:
            self.asked[question] += 1
            again = self.asked[question]
            number = self._numbers.setdefault(question, len(self._numbers))
        if number % self._of == 0 and again <= self._hangs:
            self.release.wait(30)
        if number % self._of == 0 and again <= self._fails:
            raise StoreUnavailable("the function failed")
        event = json.dumps(json.loads(question), indent=1).encode()
        return fan_out.answer_part(event, self._deployment)
