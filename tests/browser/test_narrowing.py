"""Narrowing what was found and looking closer at it, in a real browser."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from playwright.sync_api import expect

from demo import pictures
from demo.client import Client
from tests.browser.stage import Service, Visit, create_collection, search

pytestmark = pytest.mark.browser


def test_a_filter_is_completed_applied_and_explained_when_it_is_wrong(
    signed_in: Visit, query: Path
) -> None:
    page = signed_in.page
    search(page, query)
    field = page.get_by_role("combobox", name="Filter")
    field.press_sequentially("str_at")
    page.get_by_role("option", name="str_attr", exact=True).click()
    page.get_by_role("option", name="=", exact=True).click()
    page.get_by_role("option", name='"photo"', exact=True).click()
    assert field.input_value().strip() == 'str_attr = "photo"'
    with page.expect_request(lambda request: "Filter=" in (request.post_data or "")):
        field.press("Enter")
    page.locator(".results:not([aria-busy]) .card").first.wait_for()
    field.fill("str_attr ==")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("InvalidFilterClause")
    signed_in.complaints.clear()  # the browser notes the 400 that was provoked


def test_the_category_is_predicted_and_another_one_click_away(
    signed_in: Visit, query: Path
) -> None:
    page = signed_in.page
    search(page, query)
    expect(page.locator(".chip[aria-pressed=true]")).to_contain_text("predicted")
    with page.expect_request(lambda request: "CategoryId=20" in (request.post_data or "")):
        page.get_by_role("button", name="Toy").click()
    expect(page.get_by_role("button", name="Toy")).to_have_attribute("aria-pressed", "true")


def test_paging_distinct_and_threshold_narrow_the_answer(
    signed_in: Visit, service: Service, query: Path
) -> None:
    """In a generic collection of 13 pictures, one more than a page; two show one product."""
    page = signed_in.page
    create_collection(page, "paged", "Generic")
    client = Client(service.url.removeprefix("http://").rstrip("/"), service.key_id, service.secret)
    for number, sample in enumerate(list(pictures.samples())[:13]):
        content = base64.b64encode(sample.data).decode()
        client.call(
            "AddImage",
            InstanceName="paged",
            ProductId=f"product {max(number, 1)}",
            PicName=sample.key.pic_name,
            PicContent=content,
        )
    page.get_by_role("button", name="Search in it").click()
    search(page, query)
    expect(page.locator(".card")).to_have_count(12)
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".rank")).to_have_text(["13"])
    page.get_by_role("button", name="Previous").click()
    expect(page.locator(".rank").first).to_have_text("1")
    page.get_by_label("Best picture of each product only").check()
    expect(page.locator(".status")).to_contain_text("12 candidates")
    page.locator("#least").evaluate(
        "range => { range.value = '1'; range.dispatchEvent(new Event('change')); }"
    )
    expect(page.locator(".results")).to_contain_text("Nothing like it")


def test_an_indexed_picture_finds_itself_as_identical(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    search(page, query)
    page.locator(".card").first.get_by_role("button", name="Search pictures like").click()
    expect(page.locator(".card").first).to_contain_text("identical")
    page.locator(".card").first.get_by_role("button", name="Details").click()
    expect(page.get_by_role("dialog")).to_contain_text("same picture")
    page.keyboard.press("Escape")


def test_the_query_and_a_result_are_seen_side_by_side(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    search(page, query)
    page.locator(".card").first.get_by_role("button", name="Details").click()
    page.get_by_role("button", name="Compare side by side").click()
    expect(page.get_by_role("dialog", name="Side by side").locator("img")).to_have_count(2)
    page.keyboard.press("Escape")


def test_two_pictures_are_compared(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("First picture").set_input_files(query)
    page.get_by_label("Second picture").set_input_files(query)
    expect(page.locator(".answer .big")).to_have_text("1.000")
