"""Whoever ends the last slice finds that out, with few requests, in any order and at once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.last_slice import BLOCK, was_last
from chalicelib.jobs.outcomes import Span
from chalicelib.jobs.records import Job, JobKind
from chalicelib.jobs.work import Plan, Work
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import Stat
from tests.imports.shop import RoughQueue, add, open_shop

SIZE = 3


class Counting(MemoryStore):
    """Counts requests by kind and by what they are about."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        self.count["get"] += 1
        return super().get_range(key, start, stop)

    def create(self, key: str, data: bytes) -> str:
        self.count["put"] += 1
        return super().create(key, data)

    def delete_many(self, keys: Sequence[str]) -> None:
        self.count["delete"] += -(-len(keys) // 1000)
        super().delete_many(keys)

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        self.count["list done" if "/done/" in prefix else "list"] += 1
        return super().list(prefix, after=after, limit=limit)


def begun(slices: int) -> tuple[Counting, Work, Plan]:
    store = Counting()
    work = Work(Job(1, JobKind.IMPORT, "shop", created=1.0, modified=1.0), store)
    return store, work, Plan("a", (SIZE,) * slices)


def end(work: Work, store: Counting, number: int, chance: random.Random) -> None:
    """Writes the end of a slice, done in one span or in several."""
    spans = [(0, SIZE)] if chance.random() < 0.8 else [(0, 1), (1, SIZE)]
    for start, stop in spans:
        store.create(work.outcome_key(Span(number, start, stop)), b"{}")
    if len(spans) > 1:
        work.mark_done(number)


@pytest.mark.parametrize("slices", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7])
@pytest.mark.parametrize("seed", range(5))
def test_the_last_one_knows_and_nobody_else(slices: int, seed: int) -> None:
    chance = random.Random(seed)
    store, work, made = begun(slices)
    order = list(range(slices))
    if seed:
        chance.shuffle(order)
    said = []
    for number in order:
        end(work, store, number, chance)
        said.append(was_last(number, made, work))
    assert said == [False] * (slices - 1) + [True]


@pytest.mark.parametrize("seed", range(5))
def test_of_those_that_end_at_once_one_knows(seed: int) -> None:
    chance = random.Random(seed)
    store, work, made = begun(3 * BLOCK)
    waiting = list(range(3 * BLOCK))
    chance.shuffle(waiting)
    said = []
    while waiting:
        at_once, waiting = waiting[:16], waiting[16:]
        for number in at_once:
            end(work, store, number, chance)
        said.append([was_last(number, made, work) for number in at_once])
    assert any(said[-1])
    assert not any(any(each) for each in said[:-1])


def test_whoever_looks_again_sees_it_again() -> None:
    chance = random.Random(1)
    store, work, made = begun(BLOCK + 1)
    for number in range(BLOCK + 1):
        end(work, store, number, chance)
        was_last(number, made, work)
    assert was_last(7, made, work)


def test_ten_thousand_slices_take_no_listing_and_few_reads() -> None:
    slices = 10_000
    store, work, made = begun(slices)
    order = list(range(slices))
    random.Random(3).shuffle(order)
    for number in order:
        store.create(work.outcome_key(Span(number, 0, SIZE)), b"{}")
        was_last(number, made, work)
    assert store.count["list"] + store.count["list done"] == 0
    assert store.count["get"] <= 12 * slices
    assert store.count["put"] <= slices + slices // BLOCK + 16


def test_an_import_lists_its_ends_once(tmp_path: Path) -> None:
    store = Counting()
    shop = open_shop(tmp_path, store=store, queue=RoughQueue(random.Random(1), grain=8))
    for number in range(160):
        shop.draw(f"{number}.jpg", number)
    shop.write_meta(*(add("p", f"{number}.jpg") for number in range(160)))
    job = start_folder_import("shop", shop.location, shop.deployment)
    store.count.clear()
    shop.work_off()
    assert shop.job(job).added == 160
    assert store.count["list done"] <= 3, "publishing, ending, and a chance one"
    assert store.count["delete"] <= 2
