"""Folders and buckets of pictures in the console, in a real browser against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from demo import pictures
from tests.browser.stage import Service, Visit

pytestmark = pytest.mark.browser


def _folder(tmp_path: Path) -> Path:
    """Three good lines, a missing file, a file that is no picture, and a line that is no JSON."""
    folder = tmp_path / "shop"
    folder.mkdir()
    samples = [sample for sample in pictures.samples() if sample.kind == "mark"][:3]
    lines = []
    for sample in samples:
        (folder / sample.key.pic_name).write_bytes(sample.data)
        lines.append(
            json.dumps(
                {
                    "OperationType": "ADD",
                    "ProductId": f"import-{sample.key.product_id}",
                    "PicName": sample.key.pic_name,
                }
            )
        )
    (folder / "broken.png").write_bytes(b"no picture at all")
    lines.append(
        json.dumps({"OperationType": "ADD", "ProductId": "broken", "PicName": "broken.png"})
    )
    lines.append(
        json.dumps({"OperationType": "ADD", "ProductId": "absent", "PicName": "absent.png"})
    )
    lines.append("{not json")
    (folder / "increment.meta").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_folder_of_this_computer_is_imported_and_its_errors_are_listed(
    signed_in: Visit, tmp_path: Path
) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Imports").click()
    page.get_by_label("Folder to import").set_input_files(_folder(tmp_path))
    expect(page.get_by_text("4 lines of increment.meta")).to_be_visible()
    page.get_by_role("button", name="Import into demo").click()
    page.get_by_role("link", name="Keys").click()  # it goes on meanwhile
    page.locator("tbody tr").first.wait_for()
    page.get_by_role("link", name="Imports").click()
    expect(page.get_by_role("heading", name="Finished")).to_be_visible(timeout=120_000)
    expect(page.locator(".import .num").first).to_contain_text("3 done, 3 failed, of 6")
    errors = page.get_by_role("region", name="Errors")
    for code in ("UnsupportedPicFormat", "PicNotExist", "InvalidMetaItem"):
        expect(errors).to_contain_text(code)
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download the errors").click()
    assert len(Path(saved.value.path()).read_text().splitlines()) == 3
    signed_in.complaints.clear()  # the browser notes the 400 of broken.png


def test_a_bucket_is_imported_by_the_service_and_watched_until_it_is_done(
    signed_in: Visit, service: Service, tmp_path: Path
) -> None:
    bucket = service.home / "buckets" / "photos"
    bucket.mkdir(parents=True, exist_ok=True)
    _folder(tmp_path).rename(bucket / "shop")
    page = signed_in.page
    page.get_by_role("link", name="Imports").click()
    page.get_by_label("Bucket").fill("photos")
    page.get_by_label("Folder", exact=True).fill("/shop")
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".job .tag").first).to_have_text("SUCCESS", timeout=120_000)
    page.get_by_role("button", name="Show the errors").first.click()
    expect(page.get_by_role("region", name="Errors").locator("tbody tr")).to_have_count(3)


def test_a_labelled_folder_is_measured_in_a_collection_of_its_own(
    signed_in: Visit, tmp_path: Path
) -> None:
    folder = tmp_path / "labelled"
    folder.mkdir()
    rows = ["path,split,label,category,instance"]
    for sample in list(pictures.samples())[:4]:
        (folder / sample.key.pic_name).write_bytes(sample.data)
        rows += [f"{sample.key.pic_name},gallery,,,{sample.key.product_id}"]
    query = pictures.query()
    other = next(
        sample for sample in pictures.samples() if sample.key.pic_name == "motorcycle_left.png"
    )
    (folder / other.key.pic_name).write_bytes(other.data)
    (folder / query.key.pic_name).write_bytes(query.data)
    rows += [
        f"{other.key.pic_name},gallery,,,motorcycle",
        f"{query.key.pic_name},query,,,motorcycle",
    ]
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    page = signed_in.page
    page.get_by_role("link", name="Quality").click()
    page.get_by_label("Kind of search").select_option("generic")
    page.get_by_label("Labelled folder").set_input_files(folder)
    row = page.get_by_role("region", name="Retrieval").locator("tbody tr")
    expect(row).to_contain_text("100.0 %", timeout=120_000)
    page.get_by_role("link", name="Collections").click()
    expect(page.locator(".rows")).not_to_contain_text("quality-")
