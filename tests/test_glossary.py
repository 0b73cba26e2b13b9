"""The field's words, one meaning each: those of docs/GLOSSARY.md occur, retired ones do not."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/GLOSSARY.md").read_text(encoding="utf-8")
TERMS = re.findall(r"^\| ([^|]+?) \|", PAGE, re.MULTILINE)[1:]
PLACES = (
    *("app.py", "benchmarks", "chalicelib", "cli", "demo", "docs", "examples", "lookalike"),
    *("models", "tests", "tools"),
)
SHIPPED = ("app.py", "chalicelib/", "cli/", "demo/", "lookalike/", "tools/")
SUFFIXES = {".py", ".js", ".html", ".css", ".md"}

RETIRED = {
    r"houses?": "the deployment, the code",
    r"doors?": "the gateway",
    r"workshops?": "a worker, what is built here",
    r"wish(es)?": "a request, an operation",
    r"tend(s|ed|ing)?": "recover",
    r"anatom(y|ies)": "storage statistics",
    r"rents?": "the ski-rental rule",
    r"sights?": "an observation",
    r"worlds?": "what stands for it in a test: a deployment, a double",
}
"""As words of prose and as parts of names; what to say instead."""

RETIRED_NAMES = {
    r"def carry\b": "replay",
    r"class Marks?\b": "Tombstone",
    r"class Door\b": "Gateway",
    r"def (spread|gather)_(parts|search)": "fan_out",
}


def words(text: str) -> str:
    """The text with names taken apart: `FanOut` and `fan_out` become `fan out`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return re.sub(r"[_\-\s]+", " ", apart).lower()


def texts() -> Iterator[tuple[str, str]]:
    """Every file of code and prose: its path and text."""
    for place in (*PLACES, *(path.name for path in ROOT.glob("*.md"))):
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.suffix in SUFFIXES and file != Path(__file__):
                yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


@cache
def prose() -> dict[str, str]:
    """Every file's words, by path."""
    return {path: words(text) for path, text in texts()}


@cache
def code() -> str:
    return "\n".join(text for path, text in prose().items() if path.startswith("chalicelib/"))


@pytest.mark.parametrize("term", TERMS)
def test_a_term_occurs_in_the_code(term: str) -> None:
    assert re.search(rf"\b{words(term)}s?\b", code())


def test_the_page_is_short_and_says_a_word_once() -> None:
    assert len(PAGE.splitlines()) <= 40
    assert len(TERMS) > 25
    assert len(set(TERMS)) == len(TERMS)


@pytest.mark.parametrize(("pattern", "instead"), RETIRED.items())
def test_a_retired_word_stays_away(pattern: str, instead: str) -> None:
    found = {
        path: text[max(hit.start() - 40, 0) : hit.end() + 40]
        for path, text in prose().items()
        if (hit := re.search(rf"\b({pattern})\b", text))
    }
    assert not found, f"say instead: {instead}"


@pytest.mark.parametrize(("pattern", "instead"), RETIRED_NAMES.items())
def test_a_retired_name_stays_away(pattern: str, instead: str) -> None:
    found = [path for path, text in texts() if re.search(pattern, text)]
    assert not found, f"say instead: {instead}"


def types(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Public classes of a module, and names for types: the name and what it stands for."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, ast.unparse(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if re.fullmatch(r"[A-Z][A-Za-z]*[a-z][A-Za-z]*", name):
                yield name, ast.unparse(node.value)


def test_a_type_means_one_thing() -> None:
    declared: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path, text in texts():
        if path.endswith(".py") and path.startswith(SHIPPED):
            for name, meaning in types(ast.parse(text)):
                declared[name][meaning].add(path)
    assert len(declared) > 300
    twice = {name: list(found.values()) for name, found in declared.items() if len(found) > 1}
    assert twice == {}


def test_types_are_seen() -> None:
    tree = ast.parse(
        "class A:\n  pass\nclass _A:\n  pass\nRows = list[int]\n_B = A\nLIMIT = 3\nT = 1\nx = Rows"
    )
    assert [name for name, _ in types(tree)] == ["A", "Rows"]


def test_names_are_taken_apart() -> None:
    assert words("the_front_door = Door()\nindoors backDoor") == (
        "the front door = door() indoors back door"
    )
