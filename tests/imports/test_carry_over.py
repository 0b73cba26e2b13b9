"""Records whose picture lies in no bucket are exported, imported again and survive a rebuild."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.contract.messages import AddPicture, StartExport
from chalicelib.contract.values import AttributeValues
from chalicelib.errors import PictureNotFound
from chalicelib.index.format.records import Key, Record
from chalicelib.jobs.exports import start_export
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.rebuild import start_rebuild
from chalicelib.usecases.add import add_picture
from tests.doubles import TinyAnalyzer
from tests.imports.shop import Shop, add, delete, drawn, open_shop

NAMES = (
    "./d.jpg",
    "../up.jpg",
    "a//b.jpg",
    "/leading.jpg",
    "trailing/",
    "..",
    "https://shop.example/p/1.jpg?size=2",
    "ünï/ç.jpg",
    "plain.jpg",
    "x" * 512,
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = open_shop(tmp_path)
    for number, name in enumerate(NAMES):
        values = AttributeValues(int_attr=number)
        message = AddPicture("shop", "api", name, drawn(number), attributes=values)
        add_picture(message, made.deployment)
    return made


def records(shop: Shop) -> dict[str, Record]:
    return {record.key.pic_name: record for record in shop.collection.snapshot().records()}


def exported(shop: Shop) -> bytes:
    job = start_export(StartExport("shop"), shop.deployment)
    shop.work_off()
    key = shop.job(job).export_key
    assert key
    return shop.deployment.store.get(key).data


def test_an_export_of_records_without_pictures_is_imported_again(shop: Shop) -> None:
    before = {name: repr(record) for name, record in records(shop).items()}
    lines = [json.loads(line) for line in exported(shop).splitlines()]
    assert {line["PicName"] for line in lines} == set(NAMES)
    shop.write_meta(*lines)
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert (shop.job(job).added, shop.job(job).failed) == (len(NAMES), 0)
    assert {name: repr(record) for name, record in records(shop).items()} == before


def test_attributes_and_category_of_the_line_count(shop: Shop) -> None:
    lines = [json.loads(line) for line in exported(shop).splitlines()]
    shop.write_meta(*({**line, "IntAttr": 77, "CategoryId": 5} for line in lines))
    start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    found = records(shop)
    assert {(each.attributes.int_attr, each.category_id) for each in found.values()} == {(77, 5)}


def test_a_line_that_does_not_describe_the_record_is_an_error(shop: Shop) -> None:
    shop.write_meta(
        add("api", "plain.jpg", IntAttr=1),
        add("api", "/leading.jpg", Region="1,50,1,50"),
        add("api", "../up.jpg"),
        add("new", "a//b.jpg", Region="1,50,1,50"),
    )
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert [(error.line, error.code) for error in shop.progress(job).errors] == [
        (1, "PicNotExist"),
        (2, "PicNotExist"),
        (3, "InvalidPicName"),
        (4, "PicNotExist"),
    ]
    assert records(shop)["plain.jpg"].attributes.int_attr == NAMES.index("plain.jpg")


def test_a_picture_that_is_there_is_read(shop: Shop) -> None:
    line = next(json.loads(x) for x in exported(shop).splitlines() if b'"plain.jpg"' in x)
    shop.draw("plain.jpg", 999)
    shop.write_meta({**line, "Region": ""})
    start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    before = records(shop)["plain.jpg"].vector.feature.tobytes()
    shop.write_meta(line)
    start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    key = Key("api", "plain.jpg")
    found = shop.collection.snapshot().find(key)
    assert found
    assert found.vector.feature.tobytes() == before


def test_a_name_that_leads_out_is_never_asked_for(shop: Shop, tmp_path: Path) -> None:
    (shop.folder / "d.jpg").write_bytes(drawn(1))
    (shop.folder.parent / "up.jpg").write_bytes(drawn(1))
    asked: list[str] = []
    source = shop.deployment.sources.open(shop.location)
    real = type(source).picture

    def picture(self: object, name: str, *, limit: int) -> bytes:
        asked.append(name)
        raise PictureNotFound(name)

    lines = [json.loads(line) for line in exported(shop).splitlines()]
    shop.write_meta(*lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(source), "picture", picture)
        start_folder_import("shop", shop.location, shop.deployment)
        shop.work_off()
    assert set(asked) == {"ünï/ç.jpg", "plain.jpg", "x" * 512}
    assert type(source).picture is real


def test_any_record_is_deleted_by_its_line(shop: Shop) -> None:
    shop.write_meta(*(delete("api", name) for name in NAMES))
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert (shop.job(job).deleted, shop.job(job).failed) == (len(NAMES), 0)
    assert records(shop) == {}


def test_a_rebuild_by_the_same_models_keeps_them(shop: Shop) -> None:
    before = {name: repr(record) for name, record in records(shop).items()}
    lines = [json.loads(line) for line in exported(shop).splitlines()]
    shop.draw("there.jpg")
    shop.write_meta(*lines, add("p", "there.jpg"))
    job = start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off()
    assert shop.job(job).status == "SUCCESS", shop.job(job)
    after = {name: repr(record) for name, record in records(shop).items()}
    assert after.keys() == before.keys() | {"there.jpg"}
    assert {name: after[name] for name in before} == before


def test_a_rebuild_by_other_models_says_which_it_cannot_keep(shop: Shop) -> None:
    class Newer(TinyAnalyzer):
        fingerprint = "tiny-2"

    from dataclasses import replace

    lines = [json.loads(line) for line in exported(shop).splitlines()]
    shop.draw("there.jpg")
    shop.write_meta(*lines, add("p", "there.jpg"))
    models = Newer()
    shop.deployment = replace(shop.deployment, analyzer=lambda: models)
    job = start_rebuild("shop", shop.location, shop.deployment)
    shop.work_off()
    ended = shop.job(job)
    assert (ended.status, ended.failed) == ("FAIL", len(NAMES))
    assert set(records(shop)) == set(NAMES), "the old records stay"
