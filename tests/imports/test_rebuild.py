"""A rebuild fills a fresh generation and switches at once: no search fails, and none sees a
mixture.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.contract.messages import AddPicture, DeletePictures, UpdatePictures
from chalicelib.contract.values import AttributeValues
from chalicelib.errors import FingerprintMismatch, JobRunning, RecordNotFound
from chalicelib.index.catalog import Catalog
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.rebuild import start_rebuild
from chalicelib.jobs.records import JobStatus
from chalicelib.region import Region
from chalicelib.usecases.add import add_picture, fitting_analyzer
from chalicelib.usecases.manage import delete as delete_pictures
from chalicelib.usecases.manage import update
from tests.doubles import TinyAnalyzer
from tests.imports.shop import Shop, add, delete, open_shop


class NewerModels(TinyAnalyzer):
    """Other models: their features do not mix with the old ones."""

    fingerprint = "tiny-2"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Twenty pictures, `old` in an attribute."""
    found = open_shop(tmp_path)
    for n in range(20):
        found.draw(f"{n}.jpg", n)
    found.write_meta(*(add(str(n), f"{n}.jpg", StrAttr="old") for n in range(20)))
    start_folder_import("shop", found.location, found.deployment)
    found.work_off()
    return found


def attributes(shop: Shop) -> set[str | None]:
    return {row.attributes.str_attr for row in shop.collection.snapshot().rows()}


def test_a_rebuild_takes_the_place_of_everything(shop: Shop) -> None:
    shop.write_meta(
        *(add(str(n), f"{n}.jpg", StrAttr="new") for n in range(5, 15)), delete("3", "3.jpg")
    )
    job = start_rebuild("shop", shop.location, shop.deployment)
    assert len(shop.keys()) == 20
    shop.work_off()
    ended = shop.job(job)
    assert (ended.status, ended.added, ended.failed) == (JobStatus.SUCCESS, 10, 0)
    assert shop.keys() == sorted((str(n), f"{n}.jpg") for n in range(5, 15))
    assert attributes(shop) == {"new"}


def test_an_empty_collection_has_nothing_to_rebuild(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    shop.write_meta()
    with pytest.raises(RecordNotFound, match="empty"):
        start_rebuild("shop", shop.location, shop.deployment)


def test_a_rebuild_with_failures_changes_nothing_unless_they_are_accepted(shop: Shop) -> None:
    shop.write_meta(*(add(str(n), f"{n}.jpg", StrAttr="new") for n in range(18, 22)))
    job = start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off()
    assert shop.job(job).status is JobStatus.FAIL
    assert "2 lines failed" in shop.job(job).message
    assert [error.line for error in shop.progress(job).errors] == [3, 4]
    assert len(shop.keys()) == 20
    assert attributes(shop) == {"old"}

    job = start_rebuild("shop", shop.location, shop.deployment, accept_failures=True)
    shop.work_off()
    assert shop.job(job).status is JobStatus.SUCCESS
    assert shop.keys() == [("18", "18.jpg"), ("19", "19.jpg")]


def test_a_rebuild_that_adds_nothing_changes_nothing(shop: Shop) -> None:
    shop.write_meta()
    job = start_rebuild("shop", shop.location, shop.deployment, accept_failures=True)
    shop.work_off()
    assert shop.job(job).status is JobStatus.FAIL
    assert len(shop.keys()) == 20


def test_imports_and_rebuilds_exclude_each_other(shop: Shop) -> None:
    start_rebuild("shop", shop.location, shop.deployment)
    with pytest.raises(JobRunning):
        start_folder_import("shop", shop.location, shop.deployment)
    with pytest.raises(JobRunning):
        start_rebuild("shop", shop.location, shop.deployment)


def test_new_models_refuse_the_old_features_and_name_the_command(shop: Shop) -> None:
    models = NewerModels()
    shop.deployment = replace(shop.deployment, analyzer=lambda: models)
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert shop.job(job).status is JobStatus.FAIL
    assert "`lookalike rebuild s3://BUCKET/PATH -c shop`" in shop.job(job).message
    with pytest.raises(FingerprintMismatch, match="lookalike rebuild"):
        fitting_analyzer(shop.collection, shop.deployment)
    assert len(shop.keys()) == 20


def test_a_rebuild_is_the_way_over_to_new_models(shop: Shop) -> None:
    models = NewerModels()
    shop.deployment = replace(shop.deployment, analyzer=lambda: models)
    job = start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off()
    assert shop.job(job).status is JobStatus.SUCCESS
    assert shop.collection.snapshot().fingerprint == "tiny-2"
    assert fitting_analyzer(shop.collection, shop.deployment) is models
    assert len(shop.keys()) == 20


def test_searches_under_way_never_fail_and_never_see_a_mixture(shop: Shop) -> None:
    queries = [shop.draw(f"{n}.jpg", n) for n in range(4)]
    shop.write_meta(*(add(str(n), f"{n}.jpg", StrAttr="new") for n in range(20)))
    seen: list[frozenset[str | None]] = []
    failures: list[BaseException] = []
    ended = threading.Event()

    def search() -> None:
        try:
            while not ended.is_set():
                for hits in shop.answers(queries):
                    seen.append(frozenset(hit.row.attributes.str_attr for hit in hits))
                    assert len(hits) == 20
        except BaseException as error:  # noqa: BLE001  # told to the test
            failures.append(error)

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(search)
        try:
            for _ in range(3):
                start_rebuild("shop", shop.location, shop.deployment)
                shop.work_off()
        finally:
            ended.set()
    assert failures == []
    assert set(seen) == {frozenset({"old"}), frozenset({"new"})}


def put(shop: Shop, number: int, str_attr: str | None = None) -> None:
    """Adds a picture as AddImage does."""
    data = shop.draw(f"api/{number}.jpg", 1000 + number)
    message = AddPicture(
        "shop", "api", f"{number}.jpg", data, attributes=AttributeValues(str_attr=str_attr)
    )
    add_picture(message, shop.deployment)


def test_what_is_written_while_a_rebuild_runs_is_not_lost(shop: Shop) -> None:
    put(shop, 1, str_attr="before")
    start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off(most=2, finish=False)
    put(shop, 2, str_attr="meanwhile")
    delete_pictures(DeletePictures("shop", "5"), shop.deployment)
    update(
        UpdatePictures("shop", "6", changes=AttributeValues(str_attr="changed")), shop.deployment
    )
    shop.work_off()
    found = {row.key: row.attributes.str_attr for row in shop.collection.snapshot().rows()}
    assert ("api", "1.jpg") not in found  # it was there before and is not in the folder
    assert found["api", "2.jpg"] == "meanwhile"  # type: ignore[index]  # keys are tuples
    assert ("5", "5.jpg") not in found
    assert found["6", "6.jpg"] == "changed"  # type: ignore[index]
    assert len(found) == 20


def test_attributes_changed_meanwhile_go_over_to_new_models_and_new_pictures_forbid_the_switch(
    shop: Shop,
) -> None:
    models = NewerModels()
    old, new = shop.deployment, replace(shop.deployment, analyzer=lambda: models)
    shop.deployment = new
    start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off(most=1, finish=False)
    update(UpdatePictures("shop", "6", changes=AttributeValues(str_attr="changed")), old)
    shop.work_off()
    assert shop.collection.snapshot().fingerprint == "tiny-2"
    assert [row.attributes.str_attr for row in shop.collection.snapshot().of_product("6")] == [
        "changed"
    ]

    shop.deployment = replace(shop.deployment, analyzer=TinyAnalyzer)
    job = start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off(most=1, finish=False)
    rebuilding, shop.deployment = shop.deployment, new
    put(shop, 3)
    shop.deployment = rebuilding
    shop.work_off()
    assert shop.job(job).status is JobStatus.FAIL
    assert "1 pictures were added" in shop.job(job).message
    assert shop.collection.snapshot().fingerprint == "tiny-2"


def test_an_add_acknowledged_at_the_moment_of_the_switch_is_carried_over(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_rebuild("shop", shop.location, shop.deployment)
    switch = Catalog.switch

    def slow(catalog: Catalog, name: str, generation: str) -> None:
        put(shop, 4, str_attr="late")
        switch(catalog, name, generation)

    monkeypatch.setattr(Catalog, "switch", slow)
    shop.work_off()
    assert [row.attributes.str_attr for row in shop.collection.snapshot().of_product("api")] == [
        "late"
    ]


def test_regions_and_categories_come_with_the_lines(shop: Shop) -> None:
    shop.write_meta(add("1", "1.jpg", CategoryId=20, Region="0,100,0,90"))
    start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off()
    (row,) = shop.collection.snapshot().rows()
    assert (row.category_id, row.region) == (20, Region(0, 100, 0, 90))
