"""A search and a comparison without a mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from demo import pictures
from tests.browser.stage import Service, visit

pytestmark = pytest.mark.browser

FAR = 90
"""Stops on one page; more mean that what is looked for is not among them."""
NAME = """(() => { const node = document.activeElement;
return node.getAttribute('aria-label') || node.labels?.[0]?.innerText || node.innerText
    || ''; })()"""


def _focused(page: Page) -> str:
    name = page.evaluate(NAME)
    assert isinstance(name, str)
    return name


def _tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Goes on to the control whose name begins with `name`; every stop must be seen."""
    for _ in range(FAR):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        at = _focused(page)
        if at:
            assert (
                page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            ), f"{at} is focused and does not show it"
        if at.startswith(name):
            return
    raise AssertionError(f"{name} is not reached by keyboard")


def _choose(page: Page) -> None:
    _tab_to(page, "Choose a picture")
    page.keyboard.press("Enter")


def _sign_in(page: Page, service: Service) -> None:
    page.locator("form.signin").wait_for()
    page.keyboard.press("Tab")
    assert _focused(page) == "Skip to the content"
    _tab_to(page, "Access key")
    page.keyboard.type(service.key_id)
    page.keyboard.press("Tab")
    page.keyboard.type(service.secret)
    page.keyboard.press("Enter")
    page.locator(".search .drop").wait_for()


def test_a_search_and_a_comparison_need_no_mouse(
    browser: Browser, service: Service, tmp_path: Path
) -> None:
    query = tmp_path / "motorcycle.png"
    query.write_bytes(pictures.query().data)
    opened = visit(browser, service)
    page = opened.page
    page.on("filechooser", lambda chooser: chooser.set_files(query))
    _sign_in(page, service)
    _choose(page)
    page.locator(".card").first.wait_for()

    _tab_to(page, "Subject box")
    with page.expect_request(lambda request: "Region=" in (request.post_data or "")):
        page.keyboard.press("Shift+ArrowLeft")
    _tab_to(page, "Filter")
    page.keyboard.type("str_attr = ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    with page.expect_request(lambda request: "Filter=" in (request.post_data or "")):
        page.keyboard.press("Enter")
    page.locator(".results:not([aria-busy]) .card").first.wait_for()

    _tab_to(page, "Next")
    page.keyboard.press("Enter")
    expect(page.locator(".rank").first).to_have_text("13")
    page.locator(".results:not([aria-busy]) .card").first.wait_for()
    assert _focused(page) in ("Next", "2")
    _tab_to(page, "Details of", back=True)
    page.keyboard.press("Enter")
    _tab_to(page, "Compare side by side")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Side by side")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    _tab_to(page, "Compare", back=True)
    page.keyboard.press("Enter")
    page.locator(".pane .drop").first.wait_for()
    assert _focused(page) == "Compare"
    _choose(page)
    page.locator(".pane img").first.wait_for()
    _choose(page)
    expect(page.locator(".answer .big")).to_have_text("1.000")
    page.context.close()
    assert opened.complaints == []
