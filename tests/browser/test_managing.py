"""Records, collections and keys in the console, in a real browser against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.stage import Service, Visit, create_collection, first, search, sign_in, visit

pytestmark = pytest.mark.browser


def test_a_picture_is_added_changed_and_deleted(signed_in: Visit, query: Path) -> None:
    page = signed_in.page
    search(page, query)
    page.get_by_role("button", name="Add it").click()
    dialog = page.get_by_role("dialog", name="Add a picture")
    dialog.get_by_label("Product", exact=True).fill("mine")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator(".card").first).to_contain_text("identical")
    assert first(page) == "mine"

    page.locator(".card").first.get_by_role("button", name="Details").click()
    page.get_by_role("button", name="Change").click()
    page.get_by_label("str_attr2", exact=True).fill("red")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Changed.")).to_be_visible()
    page.locator(".results:not([aria-busy]) .card").first.get_by_role(
        "button", name="Details"
    ).click()
    expect(page.get_by_role("dialog")).to_contain_text("red")

    page.get_by_role("button", name="Delete").click()
    confirm = page.get_by_role("dialog", name="Delete")
    expect(confirm).to_contain_text("mine")
    confirm.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".card .said.strong").first).to_have_text("motorcycle")


def test_a_collection_is_created_described_and_deleted(signed_in: Visit) -> None:
    page = signed_in.page
    create_collection(page, "marks", "Trademark")
    expect(page.get_by_text("Made by the models this service runs.")).to_be_visible()
    expect(page.locator(".checks li").first).to_be_visible()
    page.get_by_label("Picture URL").fill("https://cdn.example/{PicName}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    page.get_by_role("button", name="Delete the collection").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("heading", name="Collections")).to_be_visible()
    expect(page.get_by_role("link", name="marks")).to_have_count(0)


def test_the_records_of_a_collection_are_exported(signed_in: Visit) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Collections").click()
    page.get_by_role("link", name="demo").click()
    page.get_by_role("button", name="Export the records").click()
    expect(page.locator(".job .tag").first).to_have_text("SUCCESS", timeout=120_000)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download").first.click()
    lines = Path(saved.value.path()).read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 49
    assert json.loads(lines[0])["OperationType"] == "ADD"


def test_a_key_is_created_used_and_revoked(
    browser: Browser, service: Service, signed_in: Visit
) -> None:
    page = signed_in.page
    page.get_by_role("link", name="Keys").click()
    page.get_by_role("button", name="Create a key").click()
    page.get_by_label("It may").select_option("read")
    page.get_by_label("Collections").fill("demo")
    page.get_by_role("button", name="Create", exact=True).click()
    codes = page.get_by_role("dialog", name="The new key").locator("code")
    key_id, secret = codes.nth(0).inner_text(), codes.nth(1).inner_text()
    page.get_by_role("button", name="Done").click()

    other = visit(browser, service)
    sign_in(other.page, service, key_id=key_id, secret=secret)
    expect(other.page.get_by_label("Collection", exact=True)).to_have_value("demo")
    other.page.get_by_role("link", name="Keys").click()
    expect(other.page.get_by_role("alert")).to_contain_text("NoPermission")
    other.page.context.close()

    page.get_by_role("button", name=f"Revoke {key_id}").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("button", name=f"Revoke {key_id}")).to_have_count(0)
