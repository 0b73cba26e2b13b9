"""An export is an increment.meta: beside the same pictures it makes the same collection again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chalicelib.contract.messages import ListExports, StartExport
from chalicelib.errors import CollectionNotFound, JobRunning
from chalicelib.jobs.exports import list_exports, start_export
from chalicelib.jobs.imports import start_folder_import
from chalicelib.service import Service
from chalicelib.usecases.downloads import open_download
from tests.imports.shop import Shop, add, open_shop


def filled(folder: Path, service: Service = Service.PRODUCT) -> tuple[Shop, list[bytes]]:
    shop = open_shop(folder, service=service)
    pictures = [shop.draw(f"sub/{n}.jpg", n) for n in range(30)]
    odd = {"StrAttr": 'quote " and ünï', "IntAttr3": -5, "CustomContent": "line\nbreak,\u2028\\"}
    lines = [add(f"p{n % 4}", f"sub/{n}.jpg", IntAttr=n) for n in range(20)]
    lines += [
        add("odd", f"sub/{n}.jpg", CategoryId=20, Region="5,90,10,100", **odd)
        for n in range(20, 30)
    ]
    shop.write_meta(*lines)
    start_folder_import("shop", shop.location, shop.deployment)
    shop.work_off()
    return shop, pictures


@pytest.mark.parametrize("service", [Service.PRODUCT, Service.GENERIC])
def test_export_and_import_into_an_empty_collection_gives_the_same_answers(
    tmp_path: Path, service: Service
) -> None:
    shop, pictures = filled(tmp_path / "a", service)
    start_export(StartExport("shop"), shop.deployment)
    shop.work_off()
    (job,) = list_exports(ListExports("shop"), shop.deployment).jobs
    assert (job.status, job.code, job.added) == ("SUCCESS", "0", 30)
    assert job.meta_url
    data = open_download(job.meta_url.removeprefix("/files/"), shop.deployment)

    other = open_shop(tmp_path / "b", service=service)
    for n in range(30):
        other.draw(f"sub/{n}.jpg", n)
    (other.folder / "increment.meta").write_bytes(data)
    start_folder_import("shop", other.location, other.deployment)
    other.work_off()
    assert other.answers(pictures, count=30) == shop.answers(pictures, count=30)
    assert other.keys() == shop.keys()


def test_lines_are_those_of_the_contract(tmp_path: Path) -> None:
    shop, _ = filled(tmp_path)
    start_export(StartExport("shop"), shop.deployment)
    shop.work_off()
    (job,) = list_exports(ListExports("shop"), shop.deployment).jobs
    assert job.meta_url
    lines = [
        json.loads(line)
        for line in open_download(
            job.meta_url.removeprefix("/files/"), shop.deployment
        ).splitlines()
    ]
    assert [(line["ProductId"], line["PicName"]) for line in lines] == shop.keys()
    assert {line["OperationType"] for line in lines} == {"ADD"}
    assert lines[0] == {
        "OperationType": "ADD",
        "ProductId": "odd",
        "PicName": "sub/20.jpg",
        "CategoryId": 20,
        "Region": "5,90,10,100",
        "CustomContent": "line\nbreak,\u2028\\",
        "IntAttr3": -5,
        "StrAttr": 'quote " and ünï',
    }


def test_one_export_at_a_time_and_beside_an_import(tmp_path: Path) -> None:
    shop, _ = filled(tmp_path)
    start_folder_import("shop", shop.location, shop.deployment)
    first = start_export(StartExport("shop"), shop.deployment)
    with pytest.raises(JobRunning):
        start_export(StartExport("shop"), shop.deployment)
    shop.work_off()
    second = start_export(StartExport("shop"), shop.deployment)
    shop.work_off()
    assert [job.id for job in list_exports(ListExports("shop"), shop.deployment).jobs] == [
        second.id,
        first.id,
    ]
    assert [
        job.id for job in list_exports(ListExports("shop", job_id=first.id), shop.deployment).jobs
    ] == [first.id]


def test_an_export_delivered_twice_is_one(tmp_path: Path) -> None:
    shop, _ = filled(tmp_path)
    shop.queue.duplicates = 1.0
    start_export(StartExport("shop"), shop.deployment)
    shop.work_off()
    assert [job.status for job in list_exports(ListExports("shop"), shop.deployment).jobs] == [
        "SUCCESS"
    ]


def test_no_collection_no_export(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    with pytest.raises(CollectionNotFound):
        start_export(StartExport("none"), shop.deployment)
