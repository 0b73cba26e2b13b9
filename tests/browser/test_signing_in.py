"""Signing in to the console and out of it, in a real browser against a real server."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.stage import Service, Visit, search, sign_in, visit

pytestmark = pytest.mark.browser


def test_a_first_visit_asks_for_a_key_and_a_wrong_one_is_refused(
    browser: Browser, service: Service
) -> None:
    opened = visit(browser, service)
    expect(opened.page.get_by_role("heading", name="Find what looks like it")).to_be_visible()
    opened.page.get_by_label("Access key").fill(service.key_id)
    opened.page.get_by_label("Secret").fill("wrong")
    opened.page.get_by_role("button", name="Sign in").click()
    expect(opened.page.get_by_role("alert")).to_contain_text("SignatureDoesNotMatch")
    expect(opened.page.get_by_role("navigation", name="Main")).to_be_hidden()
    opened.page.context.close()


def test_key_and_secret_pasted_together_fill_both_fields(
    browser: Browser, service: Service
) -> None:
    page = visit(browser, service).page
    page.get_by_label("Access key").focus()
    page.evaluate(
        """text => { const data = new DataTransfer(); data.setData('text', text);
        document.activeElement.dispatchEvent(new ClipboardEvent('paste',
            {clipboardData: data, bubbles: true, cancelable: true})); }""",
        f"{service.key_id} {service.secret}\n",
    )
    assert page.get_by_label("Secret").input_value() == service.secret
    page.context.close()


def test_nothing_of_the_key_is_kept(signed_in: Visit) -> None:
    page = signed_in.page
    assert (
        page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    )
    assert page.context.cookies() == []
    page.reload()
    expect(page.get_by_label("Access key")).to_have_value("")


def test_a_clock_that_is_wrong_is_corrected_by_the_service_s(
    browser: Browser, service: Service
) -> None:
    opened = visit(browser, service)
    opened.page.clock.install(time=time.time() - 7200)
    opened.page.reload()
    sign_in(opened.page, service)
    expect(opened.page.get_by_role("heading", name="What looks like it?")).to_be_visible()
    opened.page.context.close()


def test_signing_out_forgets_everything(signed_in: Visit, service: Service, query: Path) -> None:
    page = signed_in.page
    search(page, query)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Access key")).to_have_value("")
    expect(page.locator(".card")).to_have_count(0)
    sign_in(page, service)
    expect(page.get_by_role("heading", name="What looks like it?")).to_be_visible()
