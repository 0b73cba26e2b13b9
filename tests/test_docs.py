"""What the pages name is there: links, commands, options, settings, tests, files."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import typer

from chalicelib.config import Settings
from cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md"))
)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@lru_cache
def text_of(path: Path) -> str:
    return path.read_text()


def anchors(path: Path) -> set[str]:
    """Of the page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text_of(path), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).replace(" ", "-")
        for heading in headings
    }


def code(path: Path) -> Iterator[str]:
    """Spans and lines of blocks that are code."""
    text = text_of(path)
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        yield from re.sub(r"\\\n\s*", " ", block).splitlines()
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from (span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", prose))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        assert file.exists(), f"{target} is not there"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_of_ours_is_one(page: Path) -> None:
    for line in code(page):
        for words in re.findall(r"(?:^|[\s/(])lookalike((?: +[^\s|;&)]+)+)", line):
            check(words.split(), line)


def check(words: list[str], line: str) -> None:
    """Raises AssertionError for a command or an option that is not there."""
    command: Any = typer.main.get_command(app)
    if not re.fullmatch(r"[a-z]+", words[0]):
        return  # the name in a sentence, not the command
    while hasattr(command, "commands") and words and re.fullmatch(r"[a-z]+", words[0]):
        assert words[0] in command.commands, f"{line!r}: there is no command {words[0]!r}"
        command = command.commands[words.pop(0)]
    known = {
        option
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help"}
    for option in (word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)):
        assert option in known, f"{line!r}: there is no option {option}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_target_module_setting_and_test_is_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    settings = {f"LOOKALIKE_{field.name.upper()}" for field in fields(Settings)}
    for line in code(page):
        for target in re.findall(r"(?:^|[\s;&])make ([a-z][a-z-]*)", line):
            assert target in targets, f"{line!r}: there is no make {target}"
        for module in re.findall(
            r"(?:python -m|^) ?((?:tools|benchmarks|demo|models|cli)\.[a-z_.]+[a-z_])(?= |$)", line
        ):
            assert importlib.util.find_spec(module), f"{line!r}: there is no {module}"
        for name in re.findall(r"LOOKALIKE_[A-Z_]+[A-Z]", line):
            assert name in settings, f"{line!r}: there is no setting {name}"
        for path in re.findall(
            r"(?:^|[\s(])((?:tests|tools|infra|examples|chalicelib|benchmarks)/[\w/.-]+\.\w+)", line
        ):
            assert (ROOT / path).exists(), f"{line!r}: there is no {path}"


def test_every_test_that_security_md_names_is_there() -> None:
    names = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text_of(ROOT / "SECURITY.md"))
    assert len(names) > 20
    for path, function in names:
        assert f"def {function}(" in (ROOT / path).read_text(), f"{path} has no {function}"


def test_every_threat_of_security_md_has_its_test() -> None:
    page = text_of(ROOT / "SECURITY.md")
    threats = page[page.index("## Threats") : page.index("## Measured")]
    rows = [
        line for line in threats.splitlines() if line.startswith("| ") and "| test |" not in line
    ]
    assert len(rows) > 25
    assert [row for row in rows if "::test_" not in row] == []


@pytest.mark.parametrize(
    "pins", sorted((*ROOT.glob("requirements*.txt"), ROOT / "constraints.txt")), ids=named
)
def test_every_pinned_package_has_its_reason(pins: Path) -> None:
    reasons = text_of(ROOT / "docs/adr/0003-dependencies.md")
    names = re.findall(r"^([\w-]+)(?:\[.*\])?==", pins.read_text(), re.MULTILINE)
    assert names
    assert [
        name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", reasons)
    ] == []


def test_the_index_of_decisions_has_each_with_status_and_date() -> None:
    pages = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    expected = [
        (
            page.name[:4],
            page.name,
            text_of(page).splitlines()[0].removeprefix(f"# {page.name[:4]} "),
        )
        for page in pages
    ]
    index = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \| (.+) \| (.+) \|$",
        text_of(ROOT / "docs/adr/README.md"),
        re.MULTILINE,
    )
    assert [row[:3] for row in index] == expected
    numbers = {number for number, *_ in index}
    assert len(numbers) == len(pages)
    for *_, status, date in index:
        by = re.fullmatch(r"accepted|superseded by \[(\d{4})\]\([^)]+\)", status)
        assert by, f"{status} is no status"
        assert by[1] is None or by[1] in numbers
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", date), f"{date} is no date"


def test_hosted_ci_calls_what_ci_is() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert "run: .ci/run" in workflow
    actions = re.findall(r"uses: (\S+)", workflow)
    assert actions
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in actions)
    assert 'python-version: "3.11"' in workflow


def test_the_readme_knows_the_price() -> None:
    prices = text_of(ROOT / "docs/COSTS.md")
    named = re.findall(r"\$([\d.]*\d)", text_of(ROOT / "README.md"))
    assert named
    assert [price for price in named if f"| {price} |" not in prices] == []


def test_the_three_questions_lead_to_the_place() -> None:
    page = text_of(ROOT / "docs/ARCHITECTURE.md")
    section = page[page.index("## Three questions") : page.index("## One AddImage")]
    assert section.count("| Where ") == 3
    assert "(docs/ARCHITECTURE.md)" in text_of(ROOT / "README.md")
    places = re.findall(r"((?:`\w+`(?:, | and )?)+) in \[[^]]+\]\(\.\./([^)]+)\)", section)
    assert len(places) == 6
    for names, place in places:
        files = [ROOT / place] if place.endswith(".py") else (ROOT / place).glob("*.py")
        code = "\n".join(file.read_text() for file in files)
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"(def|class) {name}\b", code), f"{place} has no {name}"
