"""Exports, error lists and job records have an end, whatever became of the job."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.contract.messages import ListExports, ListImports, StartExport
from chalicelib.errors import CorruptObject, NotFound
from chalicelib.gateway.import_events import SCHEDULE_S, SWEEP_S, on_schedule, wording
from chalicelib.jobs.exports import list_exports, start_export
from chalicelib.jobs.imports import list_imports, start_folder_import
from chalicelib.jobs.retention import sweep_jobs
from chalicelib.storage.memory import MemoryStore
from chalicelib.usecases.downloads import open_download
from chalicelib.usecases.erasure import promise_s
from tests.imports.shop import Shop, add, delete, open_shop

DAY_S = 86_400.0
START = 1_700_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(tmp_path: Path, clock: Clock) -> Shop:
    made = open_shop(tmp_path, store=MemoryStore(clock=clock))
    made.deployment = replace(made.deployment, clock=clock)
    made.draw("secret.jpg")
    made.write_meta(add("geheim", "secret.jpg", CustomContent="geheim"), delete("geheim", "none"))
    return made


def sweep(shop: Shop) -> int:
    return sweep_jobs(shop.deployment, wording(shop.deployment))


def keys(shop: Shop) -> list[str]:
    found = [stat.key for stat in shop.deployment.store.list("collections/shop/jobs/")]
    return [key for key in found if not key.endswith(".running")]


def says(shop: Shop, word: bytes) -> list[str]:
    store = shop.deployment.store
    return [key for key in keys(shop) if word in store.get(key).data]


def test_what_jobs_wrote_of_a_record_is_gone_in_the_promised_time(shop: Shop, clock: Clock) -> None:
    start_folder_import("shop", shop.location, shop.deployment)
    start_export(StartExport("shop"), shop.deployment)
    shop.work_off()
    (job,) = list_exports(ListExports("shop"), shop.deployment).jobs
    assert job.meta_url
    token = job.meta_url.removeprefix("/files/")
    assert b"geheim" in open_download(token, shop.deployment)
    assert len(says(shop, b"geheim")) == 2, "an export and an error list"

    clock.now = START + promise_s(shop.deployment) - 1.5 * DAY_S
    assert sweep(shop) == 0
    assert len(says(shop, b"geheim")) == 2

    clock.now = START + promise_s(shop.deployment) - SWEEP_S
    assert sweep(shop) == 2
    assert keys(shop) == []
    assert list_imports(ListImports("shop"), shop.deployment).total == 0
    clock.now = START + 100
    with pytest.raises(NotFound):
        open_download(token, shop.deployment)


def test_a_job_that_is_worked_on_stays_however_long_it_takes(shop: Shop, clock: Clock) -> None:
    job = start_folder_import("shop", shop.location, shop.deployment)
    for _ in range(5):
        clock.now += 5 * DAY_S
        shop.deployment.store.create(f"collections/shop/jobs/imports-work/{job.id:016d}/x{_}", b"")
        assert sweep(shop) == 0
    shop.work_off()
    assert shop.job(job).added == 1


def test_a_job_that_nobody_works_on_ends_and_lets_the_next_one_begin(
    shop: Shop, clock: Clock
) -> None:
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.queue.waiting.clear()
    clock.now += 8 * DAY_S
    assert sweep(shop) == 1
    assert shop.job(job).finished
    start_folder_import("shop", shop.location, shop.deployment)
    clock.now += 8 * DAY_S
    sweep(shop)
    assert f"collections/shop/jobs/imports/{job.id:016d}.json" not in keys(shop)


def test_work_without_a_record_and_old_events_go_and_strays_stay(shop: Shop, clock: Clock) -> None:
    store = shop.deployment.store
    for name in ("imports-work/0000000000000017/plan.json", "events/abc", "readme.txt"):
        store.create(f"collections/shop/jobs/{name}", b"geheim")
    clock.now += 8 * DAY_S
    store.create("collections/shop/jobs/events/new", b"1")
    assert sweep(shop) == 1
    assert [key.rpartition("/")[2] for key in keys(shop)] == ["new", "readme.txt"]


def test_a_damaged_record_keeps_no_other_collection_from_its_sweep(
    shop: Shop, clock: Clock
) -> None:
    made = shop.deployment.analyzer()
    shop.deployment.catalog.create(
        "another",
        shop.collection.info.service,
        fingerprint=made.fingerprint,
        dimension=made.dimension,
        bits=made.bits,
    )
    damaged = f"collections/another/jobs/imports/{17:016d}.json"
    shop.deployment.store.create(damaged, json.dumps({"format": 1}).encode())
    start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    clock.now += 8 * DAY_S
    with pytest.raises(CorruptObject):
        sweep(shop)
    assert keys(shop) == []


def test_the_schedule_sweeps_a_few_times_a_day(shop: Shop, clock: Clock) -> None:
    start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    clock.now = (START + 8 * DAY_S) // SWEEP_S * SWEEP_S + SCHEDULE_S + 1
    on_schedule(shop.deployment)
    assert keys(shop) != []
    clock.now += SWEEP_S - SCHEDULE_S
    on_schedule(shop.deployment)
    assert keys(shop) == []
