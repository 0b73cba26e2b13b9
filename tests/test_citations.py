"""What code and pages cite is there: numbered headings of the pages, and decisions."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = ("CONTRACT", "SIGNATURES", "FORMAT")
PLACES = (
    *("app.py", "benchmarks", "chalicelib", "cli", "demo", "docs", "infra", "lookalike", "models"),
    *("pyproject.toml", "tests", "tools"),
    *(path.name for path in ROOT.glob("*.md")),
)
SUFFIXES = {".css", ".html", ".js", ".md", ".py", ".toml", ".yaml"}
NUMBERS = r"§[\d.]*\d(?:(?:,| and| to|, and) §?[\d.]*\d)*"


@cache
def texts() -> dict[str, str]:
    """Every file, in one line: a citation may run over the end of one, in a comment too."""
    return {
        file.relative_to(ROOT).as_posix(): re.sub(
            r"\s*\n\s*(?:#|//|\*)?\s*", " ", file.read_text(encoding="utf-8")
        )
        for place in PLACES
        for file in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob("*"))
        if file.suffix in SUFFIXES and file != Path(__file__)
    }


def headings(page: str) -> list[str]:
    """Numbers of the page's headings."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^#+ ([\d.]*\d)\.? ", text, re.MULTILINE)


def cited(page: str) -> dict[str, list[str]]:
    """Numbers that are cited of `page`, by the file that cites them."""
    cites = re.compile(rf"\b{page}(?:\.md)?(?:\]\([^)]*\))? ({NUMBERS})")
    found = {path: cites.findall(text) for path, text in texts().items()}
    own = f"docs/{page}.md"
    found[own] += re.findall(rf"(?<!CONTRACT )(?<!SIGNATURES )(?<!\.md )({NUMBERS})", texts()[own])
    return {
        path: [number for one in hits for number in re.findall(r"[\d.]*\d", one)]
        for path, hits in found.items()
        if hits
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_cited_section_is_there(page: str) -> None:
    there = headings(page)
    assert len(set(there)) == len(there)
    lost = {
        path: [number for number in numbers if number not in there]
        for path, numbers in cited(page).items()
    }
    assert {path: numbers for path, numbers in lost.items() if numbers} == {}


def test_citations_are_found() -> None:
    assert len(cited("CONTRACT")) > 25
    assert cited("CONTRACT")["chalicelib/service.py"] == ["2.2", "1.4", "2.2"]
    assert "chalicelib/gateway/wire/faults.py" in cited("SIGNATURES")
    assert len(cited("FORMAT")) > 10


def test_no_section_of_an_unnumbered_page_is_cited() -> None:
    stray = {
        path: found
        for path, text in texts().items()
        if path not in {f"docs/{page}.md" for page in PAGES}
        and (found := re.findall(r"(?<!\w)(?:API|docs/API)\.md §?[\d.]+", text))
    }
    assert stray == {}


def test_every_cited_decision_is_there() -> None:
    there = {path.name[:4] for path in (ROOT / "docs/adr").glob("[0-9]*.md")}
    lost = {
        (path, number)
        for path, text in texts().items()
        for number in re.findall(r"\badrs?[ /](\d{4})", text, re.IGNORECASE)
        if number not in there
    }
    assert lost == set()
