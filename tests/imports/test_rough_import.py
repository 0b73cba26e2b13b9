"""Workers and coordinators die at any call, messages come twice and in any order: the answers are
the same, bit for bit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.errors import StoreUnavailable
from chalicelib.gateway.import_events import wording
from chalicelib.index.catalog import Catalog
from chalicelib.index.read.query import Hit
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.records import JobStatus
from chalicelib.jobs.recover import recover
from chalicelib.jobs.tasks import Task
from chalicelib.storage.object_store import Blob, ObjectStore, Stat
from chalicelib.storage.source import Location, Source
from chalicelib.vision.analysis import Analysis, Request
from tests.doubles import TinyAnalyzer
from tests.imports.shop import Killed, RoughQueue, Shop, add, delete, open_shop


class DeadlyStore:
    """A store whose caller dies before or after a call, by chance."""

    def __init__(self, store: ObjectStore, chance: random.Random, rate: float) -> None:
        self._store = store
        self._chance = chance
        self.rate = rate
        self.deaths = 0

    def _maybe(self) -> None:
        if self._chance.random() < self.rate:
            self.deaths += 1
            raise Killed

    def get(self, key: str) -> Blob:
        self._maybe()
        return self._store.get(key)

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        self._maybe()
        return self._store.get_if_changed(key, version=version)

    def view(self, key: str) -> memoryview:
        self._maybe()
        return self._store.view(key)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        self._maybe()
        return self._store.get_range(key, start, stop)

    def create(self, key: str, data: bytes) -> str:
        self._maybe()
        version = self._store.create(key, data)
        self._maybe()
        return version

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        self._maybe()
        version = self._store.replace(key, data, version=version)
        self._maybe()
        return version

    def delete(self, key: str) -> None:
        self._maybe()
        self._store.delete(key)
        self._maybe()

    def delete_many(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        self._maybe()
        return self._store.list(prefix, after=after, limit=limit)


def filled(shop: Shop) -> list[bytes]:
    """Pictures of two imports, the second of which deletes, replaces, repeats itself and is wrong
    in places; queries for them.
    """
    pictures = [shop.draw(f"{n}.jpg", n) for n in range(70)]
    shop.write_meta(*(add(str(n % 9), f"{n}.jpg", IntAttr=n) for n in range(30)))
    start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    lines = [add(str(n % 9), f"{n}.jpg", StrAttr=f"s{n}") for n in range(20, 70)]
    lines += [add(str(n % 9), f"{n}.jpg", IntAttr=-n) for n in range(40, 50)]
    lines += [delete(str(n % 9), f"{n}.jpg") for n in range(10)] + [
        delete("8"),
        add("8", "17.jpg"),
        add("8", "gone.jpg"),
        delete("none"),
    ]
    shop.write_meta(*lines, "nonsense")
    return pictures


def result(shop: Shop, pictures: list[bytes]) -> tuple[list[list[Hit]], list[tuple[str, str]]]:
    return shop.answers(pictures, count=40), shop.keys()


@pytest.fixture(scope="module")
def calm(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[tuple[list[list[Hit]], list[tuple[str, str]]], list[tuple[int, str]]]:
    """What an import without trouble comes to."""
    shop = open_shop(tmp_path_factory.mktemp("calm"))
    pictures = filled(shop)
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    return result(shop, pictures), [(error.line, error.code) for error in shop.progress(job).errors]


@pytest.mark.parametrize("seed", range(12))
def test_deaths_duplicates_and_disorder_change_no_bit(
    tmp_path: Path,
    calm: tuple[tuple[list[list[Hit]], list[tuple[str, str]]], list[tuple[int, str]]],
    seed: int,
) -> None:
    chance = random.Random(seed)
    shop = open_shop(
        tmp_path, queue=RoughQueue(chance, grain=chance.choice([8, 16, 64]), duplicates=0.4)
    )
    pictures = filled(shop)
    job = start_folder_import("shop", shop.location, shop.deployment)
    healthy = shop.deployment
    deadly = DeadlyStore(healthy.store, chance, rate=0.02)
    for _ in range(10_000):
        # Every delivery meets a process of its own, which knows nothing of the others. Four deaths
        # in a row on one line would condemn it.
        deadly.rate = 0.0 if any(deaths >= 3 for _, deaths in shop.queue.waiting) else 0.02
        shop.deployment = replace(
            healthy,
            store=deadly,
            catalog=Catalog(deadly, clock=healthy.clock, new_id=healthy.new_id),
        )
        if not shop.work_off_one():
            break
    shop.deployment = healthy
    assert shop.job(job).finished
    assert result(shop, pictures) == calm[0]
    assert [(error.line, error.code) for error in shop.progress(job).errors] == calm[1]
    assert deadly.deaths > 0


def test_a_worker_stops_before_its_time_is_up_and_hands_on(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, queue=RoughQueue(random.Random(1), grain=64))
    for n in range(64):
        shop.draw(f"{n}.jpg")
    shop.write_meta(*(add("1", f"{n}.jpg") for n in range(64)))
    job = start_folder_import("shop", shop.location, shop.deployment)
    handled = shop.work_off(remaining_s=lambda: 10.0)
    assert shop.job(job).status is JobStatus.SUCCESS
    assert len(shop.keys()) == 64
    assert handled > 12  # one batch a delivery, not one slice


class Poisoned(TinyAnalyzer):
    """Models that kill the process at one picture."""

    def __init__(self, poison: bytes) -> None:
        self._poison = poison

    def analyze_many(self, pictures: Sequence[tuple[bytes, Request]]) -> list[Analysis | Exception]:
        if any(data == self._poison for data, _ in pictures):
            raise Killed
        return super().analyze_many(pictures)


def test_a_picture_that_kills_its_workers_costs_only_itself(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, queue=RoughQueue(random.Random(1), grain=64))
    pictures = [shop.draw(f"{n}.jpg", n) for n in range(64)]
    models = Poisoned(pictures[40])
    shop.deployment = replace(shop.deployment, analyzer=lambda: models)
    shop.write_meta(*(add("1", f"{n}.jpg") for n in range(64)))
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    failed = [error.line - 1 for error in shop.progress(job).errors]
    assert shop.job(job).status is JobStatus.SUCCESS
    assert failed == [40]
    assert len(shop.keys()) == 63


class Unreachable:
    """A source that does not answer for some calls, then does."""

    def __init__(self, source: Source, failures: int) -> None:
        self._source = source
        self._failures = failures

    def open(self, location: Location) -> Source:
        return self  # type: ignore[return-value]

    def picture(self, name: str, *, limit: int) -> bytes:
        if self._failures:
            self._failures -= 1
            raise StoreUnavailable("the bucket does not answer")
        return self._source.picture(name, limit=limit)

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)


def test_a_bucket_that_does_not_answer_for_a_while_costs_no_line(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    for n in range(20):
        shop.draw(f"{n}.jpg")
    shop.write_meta(*(add("1", f"{n}.jpg") for n in range(20)))
    sources = Unreachable(shop.deployment.sources.open(shop.location), failures=6)
    shop.deployment = replace(shop.deployment, sources=sources)
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert shop.job(job).failed == 0
    assert len(shop.keys()) == 20


@pytest.mark.parametrize("lost", ["plan", "slice"])
def test_work_whose_messages_are_lost_is_handed_out_again(tmp_path: Path, lost: str) -> None:
    shop = open_shop(tmp_path)
    for n in range(20):
        shop.draw(f"{n}.jpg")
    shop.write_meta(*(add("1", f"{n}.jpg") for n in range(20)))
    job = start_folder_import("shop", shop.location, shop.deployment)
    if lost == "slice":
        shop.work_off(most=1, finish=False)
    shop.queue.waiting.clear()
    assert recover(shop.deployment, wording(shop.deployment)) == []  # somebody may be at it still
    assert [each.id for each in recover(shop.deployment, wording(shop.deployment), quiet_s=0)] == [
        job.id
    ]
    shop.work_off()
    assert shop.job(job).status is JobStatus.SUCCESS
    assert len(shop.keys()) == 20
    assert recover(shop.deployment, wording(shop.deployment), quiet_s=0) == []


def test_a_job_whose_last_worker_died_before_ending_it_is_ended(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    shop.draw("a.jpg")
    shop.write_meta(add("1", "a.jpg"))
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off(most=1, finish=False)
    ((message, _),) = shop.queue.waiting
    deadly = DeadlyStore(shop.deployment.store, random.Random(0), rate=0.0)
    healthy = shop.deployment

    class Ending(DeadlyStore):
        def replace(self, key: str, data: bytes, *, version: str) -> str:
            if "/imports/" in key and b"SUCCESS" in data:
                raise Killed
            return deadly.replace(key, data, version=version)

    shop.deployment = replace(healthy, store=Ending(healthy.store, random.Random(0), rate=0.0))
    with pytest.raises(Killed):
        shop.handle(message)
    shop.queue.waiting.clear()
    shop.deployment = healthy
    assert not shop.job(job).finished
    recover(shop.deployment, wording(shop.deployment), quiet_s=0)
    assert shop.job(job).status is JobStatus.SUCCESS


def test_what_only_the_work_needed_is_gone_at_the_end(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    shop.draw("a.jpg")
    shop.write_meta(add("1", "a.jpg"), "nonsense")
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    left = [stat.key for stat in shop.deployment.store.list("collections/shop/jobs/")]
    assert left == [
        f"collections/shop/jobs/imports-work/{job.id:016d}/errors.jsonl",
        "collections/shop/jobs/imports.running",
        f"collections/shop/jobs/imports/{job.id:016d}.json",
    ]


def test_messages_of_a_collection_that_was_dropped_are_done(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    shop.draw("a.jpg")
    shop.write_meta(add("1", "a.jpg"))
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.deployment.catalog.drop("shop")
    shop.work_off()
    shop.handle(Task("slice", "shop", job.id, 0, "x").text())
    assert shop.deployment.catalog.names() == []
