"""A process that serves for months: what it holds does not grow with what came and went."""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.contract.messages import CreateCollection
from chalicelib.errors import ObjectMissing
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.limits import Limiter
from chalicelib.index.catalog import Catalog
from chalicelib.service import Service
from chalicelib.storage.files import FileStore
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import create_key
from chalicelib.usecases.maintain import collect_all, compact
from chalicelib.usecases.manage import create_collection
from chalicelib.wiring import new_id
from tests.gateway.client import Client, Clock, b64, picture
from tests.imports.tiny_deployment import build


class Months:
    """A server's work in fast motion, on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        settings = Settings(
            store=str(folder / "data"), secrets=str(folder / "keys.json"), requests_per_second=10**6
        )
        clock, made = Clock(), build(settings)
        catalog = Catalog(made.store, clock=clock, new_id=new_id, grace_s=settings.grace_s)
        self.deployment: Deployment = replace(made, clock=clock, catalog=catalog)
        gateway = Gateway(self.deployment)
        self.client = Client(self.deployment, gateway, create_key(self.deployment), clock)
        create_collection(CreateCollection("kept", Service.GENERIC), self.deployment)
        self.requests = 0

    def come_and_go(self, number: int) -> None:
        """A collection is made, filled, searched, compacted and dropped; four requests."""
        name = f"c{number}"
        create_collection(CreateCollection(name, Service.GENERIC), self.deployment)
        for product in range(3):
            self.client.add(name, f"p{product}", "a.png", picture(product))
        compact(self.deployment, name)
        self.search(name)
        self.deployment.catalog.drop(name)
        self.requests += 4

    def compaction(self, number: int) -> None:
        """The same record is replaced, and the log compacted; two requests."""
        self.client.add("kept", "p", "a.png", picture(number % 50))
        compact(self.deployment, "kept")
        self.search("kept")
        self.requests += 2
        if number % 25 == 0:
            self.client.later(2 * self.deployment.settings.grace_s)
            collect_all(self.deployment)

    def search(self, name: str) -> None:
        params = {"InstanceName": name, "PicContent": b64(picture(1))}
        assert self.client.ok("SearchImageByPic", params)["Auctions"]

    @property
    def folders(self) -> int:
        return sum(1 for path in (self.folder / "data").rglob("*") if path.is_dir())

    @staticmethod
    def mb() -> float:
        """Resident now."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * 4096 / 2**20

    def remembered(self) -> int:
        """Objects in the caches of the catalog."""
        gc.collect()
        catalog = self.deployment.catalog
        return len(catalog._open) + len(catalog._generations) + len(catalog._tools.cache._entries)


def test_collections_that_are_dropped_leave_nothing(tmp_path: Path) -> None:
    months = Months(tmp_path)
    months.come_and_go(0)
    folders, remembered = months.folders, months.remembered()
    for number in range(1, 12):
        months.come_and_go(number)
    assert months.folders == folders
    assert months.remembered() == remembered


def test_collections_that_another_process_dropped_are_let_go_of(tmp_path: Path) -> None:
    months = Months(tmp_path)
    for number in range(5):
        create_collection(CreateCollection(f"c{number}", Service.GENERIC), months.deployment)
    before = months.remembered()
    other = build(months.deployment.settings)
    for number in range(5):
        other.catalog.drop(f"c{number}")
    assert months.deployment.catalog.names() == ["kept"]
    assert months.remembered() < before
    assert set(months.deployment.catalog._open) == {"kept"}


def test_compactions_leave_no_empty_folders(tmp_path: Path) -> None:
    months = Months(tmp_path)
    for number in range(26):
        months.compaction(number)
    folders = months.folders
    for number in range(26, 76):
        months.compaction(number)
    assert months.folders <= folders + 4
    empty = [
        path
        for path in (tmp_path / "data" / "objects").rglob("*")
        if path.is_dir() and not any(path.iterdir())
    ]
    assert empty == []


def test_creating_and_deleting_in_one_folder_at_once_loses_nothing(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            for number in range(150):
                key = f"a/b/c/{worker}-{number}"
                store.create(key, b"x")
                assert store.get(key).data == b"x"
                store.delete(key)
                with pytest.raises(ObjectMissing):
                    store.get(key)
        except BaseException as error:  # noqa: BLE001  # told to the test
            failures.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert list((tmp_path / "objects").iterdir()) == []


def test_the_limiter_forgets_names_that_nobody_uses() -> None:
    limiter = Limiter(5)
    for number in range(10_000):
        limiter.admit(f"c{number}", now=float(number))
    assert len(limiter._buckets) <= 1000


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_memory_and_folders_are_flat(tmp_path: Path) -> None:
    months = Months(tmp_path)
    for number in range(100):  # what is made once is made
        months.come_and_go(number)
    for number in range(200):
        months.compaction(number)
    folders, before = months.folders, months.mb()
    for number in range(100, 500):
        months.come_and_go(number)
    for number in range(200, 1700):
        months.compaction(number)
    while months.requests < 5000 + 800:
        months.search("kept")
        months.requests += 1
    assert months.folders <= folders + 8
    assert months.mb() <= before + 15.0
