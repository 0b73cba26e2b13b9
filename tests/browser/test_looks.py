"""How the console looks and weighs: every view at two widths, light and dark, looked at by axe-core
and kept as screenshots.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect

from demo import pictures
from tests.browser.stage import SCREENSHOTS, Service, sign_in, visit

pytestmark = pytest.mark.browser

BUDGET_BYTES = 150_000
BUDGET_MS = 1000
MANY = 10


def _searched(page: Page, query: Path) -> None:
    page.locator(".query input[type=file]").set_input_files(query)
    page.locator(".card").first.wait_for()
    for at in range(min(4, page.locator(".card img").count())):
        expect(page.locator(".card img").nth(at)).to_have_js_property("complete", value=True)


def _details(page: Page, query: Path) -> None:
    _searched(page, query)
    page.locator(".card").first.get_by_role("button", name="Details").click()


def _adding(page: Page, query: Path) -> None:
    _searched(page, query)
    page.get_by_role("button", name="Add it").click()
    page.get_by_text("Attributes", exact=True).click()


def _filtering(page: Page, query: Path) -> None:
    _searched(page, query)
    if not page.get_by_role("combobox", name="Filter").is_visible():
        page.get_by_text("Narrow the search").click()
    page.get_by_role("combobox", name="Filter").press_sequentially("str_attr = ")


def _at(place: str, ready: str) -> Callable[[Page, Path], None]:
    def go(page: Page, query: Path) -> None:
        page.evaluate("place => { location.hash = place; }", place)
        page.locator(ready).first.wait_for()

    return go


VIEWS: dict[str, Callable[[Page, Path], None]] = {
    "start": _at("#/search", ".drop"),
    "search": _searched,
    "details": _details,
    "add": _adding,
    "filter": _filtering,
    "compare": _at("#/compare", ".drop"),
    "collections": _at("#/collections", ".rows li"),
    "collection": _at("#/collections/demo", ".checks li"),
    "imports": _at("#/imports", ".line"),
    "keys": _at("#/keys", "tbody tr"),
    "quality": _at("#/quality", ".drop"),
}


@pytest.fixture(scope="session")
def query(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("query") / "motorcycle.png"
    path.write_bytes(pictures.query().data)
    return path


def _examined(page: Page, name: str) -> list[str]:
    """Violations that axe-core finds, in words; a screenshot is left for people."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    found = (
        Axe()
        .run(
            page,
            options={
                "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
            },
        )
        .response["violations"]
    )
    return [
        f"{name}: {each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_view_is_accessible_and_fits(
    browser: Browser, service: Service, query: Path, width: int, dark: bool
) -> None:
    opened = visit(browser, service, width=width, height=800 if width == 360 else 900, dark=dark)
    page, tag = opened.page, f"{width}-{'dark' if dark else 'light'}"
    page.locator("form.signin").wait_for()
    violations = _examined(page, f"{tag}-sign-in")
    sign_in(page, service)
    for name, go in VIEWS.items():
        page.evaluate("document.querySelectorAll('dialog').forEach(dialog => dialog.close())")
        if (again := page.get_by_role("button", name="Another picture")).is_visible():
            again.click()
        for place, ready in (("#/compare", ".pane"), ("#/search", ".search .drop")):
            _at(place, ready)(page, query)
        go(page, query)
        violations += _examined(page, f"{tag}-{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (
            f"{name} is wider than the window"
        )
    page.context.close()
    assert violations == []
    assert opened.complaints == []


def test_the_page_weighs_little(browser: Browser, service: Service) -> None:
    weights: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if "/console/" in response.url:
            weights[response.url] = len(response.body())

    opened = visit(browser, service)
    page = opened.page
    page.on("response", weigh)
    page.reload()
    sign_in(page, service)
    for place in ("compare", "collections", "imports", "keys", "quality"):
        page.evaluate("place => { location.hash = '#/' + place; }", place)
        page.locator(".page h1").wait_for()
    page.wait_for_timeout(200)
    page.context.close()
    assert len(weights) > 10
    assert sum(weights.values()) <= BUDGET_BYTES


def _slowed() -> float:
    """How many times longer than by itself a program runs at this moment."""
    began, used = time.perf_counter(), time.process_time()
    while time.process_time() - used < 0.2:
        pass
    return max(1.0, (time.perf_counter() - began) / (time.process_time() - used))


def test_the_first_answer_is_there_within_a_second_of_the_drop(
    browser: Browser, service: Service, query: Path
) -> None:
    """On a machine with nothing else to do: other programs' share of the processor is taken off,
    and one of many drops must do.
    """
    took_ms: list[float] = []
    while len(took_ms) < MANY and min(took_ms, default=BUDGET_MS + 1) > BUDGET_MS:
        page = visit(browser, service).page
        sign_in(page, service)
        _searched(page, query)
        took_ms.append(int(page.locator(".status").get_attribute("data-ms") or "0") / _slowed())
        page.context.close()
    assert 0 < min(took_ms) <= BUDGET_MS, took_ms


def test_nothing_moves_where_motion_is_unwanted(
    browser: Browser, service: Service, query: Path
) -> None:
    page = visit(browser, service).page
    sign_in(page, service)
    _searched(page, query)
    durations = page.evaluate(
        """[...document.querySelectorAll('*')].map(node => getComputedStyle(node))
        .flatMap(({transitionDuration, animationDuration}) =>
            [transitionDuration, animationDuration])"""
    )
    assert set(durations) == {"0s"}
    page.context.close()
