import re
from pathlib import Path

import pytest

from chalicelib.contract.categories import PRODUCT_CATEGORIES
from chalicelib.gateway.console.assets import asset

FOLDER = Path(__file__).resolve().parents[2] / "chalicelib" / "gateway" / "console" / "static"
FILES = sorted(path.name for path in FOLDER.iterdir())


def test_the_page_and_everything_it_asks_for_is_there() -> None:
    page = asset("")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for name in re.findall(r'(?:href|src)="([^"#]+)"', page.body):
        assert asset(name).status == 200, name


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_every_import_of_a_module_is_there(name: str) -> None:
    for other in re.findall(r'(?:from|import)\s*\(?"\./([^"]+)"', asset(name).body):
        assert other in FILES


@pytest.mark.parametrize(
    "name", ["nothing.js", "../console.py", "..%2f..%2fapp.py", "index.html/..", "console", "\0"]
)
def test_no_name_leads_elsewhere(name: str) -> None:
    assert asset(name).status == 404


def test_the_policy_lets_nothing_inline_and_nothing_foreign_run() -> None:
    policy = dict(
        part.strip().split(" ", 1)
        for part in asset("").headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"


@pytest.mark.parametrize("name", FILES)
def test_no_file_makes_markup_from_text_or_keeps_anything(name: str) -> None:
    text = asset(name).body
    for unwanted in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "localStorage",
        "sessionStorage",
        "document.cookie",
        "indexedDB",
    ):
        assert unwanted not in text, unwanted


@pytest.mark.parametrize("name", FILES)
def test_no_file_asks_another_host(name: str) -> None:
    hosts = set(re.findall(r"https?://([\w.-]+)", asset(name).body)) - {"www.w3.org", "cdn.example"}
    assert hosts == set()


def test_the_whole_console_weighs_at_most_150_kb() -> None:
    assert sum(len(asset(name).body.encode()) for name in FILES) <= 150_000


def test_categories_are_called_what_the_service_calls_them() -> None:
    told = re.findall(r'\[(\d+), "([^"]+)"\]', asset("words.js").body)
    assert {int(number): name for number, name in told} == dict(PRODUCT_CATEGORIES)
