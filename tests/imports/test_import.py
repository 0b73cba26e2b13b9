"""An import does what its file says, line by line, however its queue and workers behave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.contract.messages import ListImports, StartImport
from chalicelib.contract.values import JobsPage
from chalicelib.errors import CollectionNotFound, InvalidField, JobRunning, SourceError, SourceFault
from chalicelib.jobs.imports import list_imports, start_folder_import, start_import
from chalicelib.jobs.records import JobStatus
from chalicelib.region import Region
from tests.imports.shop import Shop, add, delete, open_shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return open_shop(tmp_path)


def run(shop: Shop) -> list[tuple[int, str]]:
    """Imports the folder; line and code of every error."""
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    ended = shop.job(job)
    assert ended.finished
    return [(error.line, error.code) for error in shop.progress(ended).errors]


def test_pictures_and_attributes_become_searchable(shop: Shop) -> None:
    data = shop.draw("tops/a.jpg")
    shop.draw("b.jpg")
    shop.write_meta(
        add(
            "1",
            "tops/a.jpg",
            CategoryId=3,
            Region="10,100,20,110",
            IntAttr=7,
            StrAttr2="x",
            CustomContent="k:v",
        ),
        add("2", "b.jpg"),
    )
    assert run(shop) == []
    ((first, *_),) = shop.answers([data])
    assert shop.keys() == [("1", "tops/a.jpg"), ("2", "b.jpg")]
    (row,) = shop.collection.snapshot().of_product("1")
    assert (row.category_id, row.region) == (3, Region(10, 100, 20, 110))
    assert (row.attributes.int_attr, row.attributes.str_attr2, row.attributes.custom_content) == (
        7,
        "x",
        "k:v",
    )
    assert first.row.key.product_id in {"1", "2"}


def test_a_line_that_fails_stops_no_other(shop: Shop) -> None:
    for name in ("a.jpg", "b.jpg"):
        shop.draw(name)
    (shop.folder / "text.jpg").write_bytes(b"not a picture")
    (shop.folder / "big.jpg").write_bytes(b"\xff\xd8" + b"x" * (4 * 1024 * 1024))
    shop.write_meta(
        add("1", "a.jpg"),
        "{broken",
        add("2", "missing.jpg"),
        add("3", "text.jpg"),
        add("4", "big.jpg"),
        add("5", "b.jpg", CategoryId=77),
        add("6", "b.jpg", Region="1,2,3"),
        {"OperationType": "MERGE", "ProductId": "7", "PicName": "b.jpg"},
        add("8", "b.jpg", StrAttr="100 %"),
        delete("9", "b.jpg"),
        delete("10"),
        add("11", "b.jpg"),
    )
    assert run(shop) == [
        (2, "BadRequest"),
        (3, "PicNotExist"),
        (4, "UnsupportedPicFormat"),
        (5, "InvalidPicContent"),
        (6, "InvalidCategory"),
        (7, "InvalidRegion"),
        (8, "BadRequest"),
        (9, "InvalidStrAttr"),
        (10, "PicNotExist"),
        (11, "PicNotExist"),
    ]
    assert shop.keys() == [("1", "a.jpg"), ("11", "b.jpg")]


def test_the_last_line_about_a_picture_counts(shop: Shop) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        shop.draw(name)
    shop.write_meta(
        add("1", "a.jpg", IntAttr=1),
        add("1", "b.jpg"),
        add("1", "a.jpg", IntAttr=2),
        delete("1", "b.jpg"),
        add("1", "c.jpg"),
        delete("1", "c.jpg"),
        add("1", "c.jpg", IntAttr=3),
    )
    assert run(shop) == [(1, "Superseded"), (2, "Superseded"), (5, "Superseded"), (6, "Superseded")]
    assert {
        row.key.pic_name: row.attributes.int_attr
        for row in shop.collection.snapshot().of_product("1")
    } == {"a.jpg": 2, "c.jpg": 3}


def test_where_the_last_line_fails_the_one_before_it_counts(shop: Shop) -> None:
    shop.draw("a.jpg")
    shop.write_meta(
        add("1", "a.jpg", IntAttr=1),
        add("1", "a.jpg", IntAttr=2),
        add("1", "a.jpg", IntAttr=3, Region="0,9999,0,9999"),
    )
    assert [line for line, _ in run(shop)] == [1, 3]
    (row,) = shop.collection.snapshot().of_product("1")
    assert row.attributes.int_attr == 2


def test_deleting_a_product_spares_what_later_lines_add(shop: Shop) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        shop.draw(name)
    shop.write_meta(add("1", "a.jpg"), add("1", "b.jpg"), add("2", "a.jpg"))
    run(shop)
    shop.write_meta(
        add("1", "c.jpg"),
        delete("1"),
        add("1", "b.jpg", IntAttr=5),
        add("1", "d.jpg"),
        add("1", "a.jpg", CategoryId=99),
    )
    assert run(shop) == [(1, "Superseded"), (2, "Superseded"), (5, "InvalidCategory")]
    assert shop.keys() == [("1", "b.jpg"), ("1", "d.jpg"), ("2", "a.jpg")]


def test_a_product_is_gone_even_where_a_later_line_fails_on_its_picture(shop: Shop) -> None:
    shop.draw("a.jpg")
    shop.write_meta(add("1", "a.jpg"))
    run(shop)
    (shop.folder / "a.jpg").unlink()
    shop.write_meta(delete("1"), add("1", "a.jpg"))
    assert run(shop) == [(2, "PicNotExist")]
    assert shop.keys() == []


def test_the_same_file_twice_changes_nothing(shop: Shop) -> None:
    pictures = [shop.draw(f"{n}.jpg") for n in range(40)]
    shop.write_meta(*(add(str(n % 7), f"{n}.jpg", IntAttr=n) for n in range(40)))
    run(shop)
    before = shop.answers(pictures)
    assert run(shop) == []
    assert shop.answers(pictures) == before


def test_the_older_form_imports_every_picture_of_its_list(shop: Shop) -> None:
    for name in ("a.jpg", "b.jpg"):
        shop.draw(name)
    shop.write_meta(
        {
            "operator": "ADD",
            "item_id": "1",
            "cat_id": 4,
            "pic_list": ["a.jpg", "missing.jpg", "b.jpg"],
        }
    )
    assert run(shop) == [(1, "PicNotExist")]
    assert shop.keys() == [("1", "a.jpg"), ("1", "b.jpg")]


def test_a_file_in_which_every_line_fails_fails(shop: Shop) -> None:
    shop.write_meta(add("1", "missing.jpg"), "nonsense")
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    ended = shop.job(job)
    assert (ended.status, ended.code, ended.failed) == (JobStatus.FAIL, "PicNotExist", 2)
    assert "line 1" in ended.message


def test_an_empty_file_is_imported(shop: Shop) -> None:
    shop.write_meta()
    job = start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    assert shop.job(job).status is JobStatus.SUCCESS


def test_a_collection_takes_no_more_than_its_capacity(tmp_path: Path) -> None:
    shop = open_shop(tmp_path, settings=Settings(capacity_records=3))
    for n in range(5):
        shop.draw(f"{n}.jpg")
    shop.write_meta(*(add("1", f"{n}.jpg") for n in range(5)))
    assert run(shop) == [(4, "InstanceOverQuota"), (5, "InstanceOverQuota")]
    assert run(shop) == [(4, "InstanceOverQuota"), (5, "InstanceOverQuota")]
    assert len(shop.keys()) == 3


def test_one_import_at_a_time(shop: Shop) -> None:
    shop.draw("a.jpg")
    shop.write_meta(add("1", "a.jpg"))
    first = start_import(StartImport("shop", "pics", "/shop"), shop.deployment)
    with pytest.raises(JobRunning, match=str(first.id)):
        start_import(StartImport("shop", "pics", "/shop"), shop.deployment)
    shop.work_off()
    second = start_import(StartImport("shop", "pics", "/shop"), shop.deployment)
    shop.work_off()
    page = list_imports(ListImports("shop"), shop.deployment)
    assert [(job.id, job.status, job.bucket, job.path) for job in page.jobs] == [
        (second.id, "SUCCESS", "pics", "/shop"),
        (first.id, "SUCCESS", "pics", "/shop"),
    ]


def test_imports_are_listed_by_page_and_by_what_is_asked(shop: Shop) -> None:
    (shop.folder.parent / "other").mkdir()
    shop.write_meta()
    (shop.folder.parent / "other" / "increment.meta").write_text("")
    made = []
    for path in ("/shop", "/other", "/shop"):
        made.append(start_import(StartImport("shop", "pics", path), shop.deployment).id)
        shop.work_off()

    def ids(message: ListImports) -> list[int]:
        return [job.id for job in list_imports(message, shop.deployment).jobs]

    assert ids(ListImports("shop")) == made[::-1]
    assert ids(ListImports("shop", page=JobsPage(2, 2))) == [made[0]]
    assert ids(ListImports("shop", path="/shop")) == [made[2], made[0]]
    assert ids(ListImports("shop", job_id=made[1])) == [made[1]]
    assert ids(ListImports("shop", bucket="elsewhere")) == []
    assert (
        list_imports(ListImports("shop", path="/shop", page=JobsPage(1, 1)), shop.deployment).total
        == 2
    )


def test_what_cannot_work_is_refused_before_there_is_a_job(shop: Shop) -> None:
    with pytest.raises(SourceError) as missing:
        start_import(StartImport("shop", "pics", "/shop"), shop.deployment)
    assert missing.value.fault is SourceFault.NO_META
    shop.write_meta()
    with pytest.raises(CollectionNotFound):
        start_import(StartImport("none", "pics", "/shop"), shop.deployment)
    with pytest.raises(InvalidField, match="private"):
        start_import(
            StartImport("shop", "pics", "/shop", callback="http://10.0.0.1/x"), shop.deployment
        )
    assert list_imports(ListImports("shop"), shop.deployment).total == 0


def test_the_callback_hears_of_the_end_once(shop: Shop) -> None:
    shop.draw("a.jpg")
    shop.write_meta(add("1", "a.jpg"), add("1", "b.jpg"))
    shop.queue.duplicates = 1.0
    job = start_import(
        StartImport("shop", "pics", "/shop", callback="https://example.com/done"), shop.deployment
    )
    shop.work_off()
    ((url, body),) = shop.told
    row = json.loads(body)
    assert url == "https://example.com/done"
    assert (row["Id"], row["Status"], row["Code"], row["BucketName"], row["Path"]) == (
        job.id,
        "SUCCESS",
        "0",
        "pics",
        "/shop",
    )


def test_pictures_of_another_folder_are_out_of_reach(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(shop.draw("a.jpg"))
    (shop.folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    shop.write_meta(add("1", "link.jpg"), add("2", "../../../secret.jpg"))
    assert run(shop) == [(1, "PicNotExist"), (2, "InvalidPicName")]
