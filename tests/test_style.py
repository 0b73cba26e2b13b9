"""The form of the code: what `python -m tools.style` measures stays within bounds."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import pytest

from tools import style
from tools.circles import circles

TIGHT = ("app.py", "chalicelib/", "cli/", "lookalike/", "tools/")
"""What ships and what makes it."""


def told(offences: Iterable[style.Offence]) -> list[str]:
    return sorted(map(str, offences))


def test_no_file_is_long_and_few_modules_are_tiny() -> None:
    assert told(style.long_files()) == []
    assert 80 <= style.median_lines("chalicelib/") <= 150


def test_no_line_is_long() -> None:
    assert told(style.long_lines()) == []


def test_no_function_is_tangled() -> None:
    assert told(style.tangled()) == []


def test_private_rooms_have_a_sign() -> None:
    assert style.described_share(*TIGHT) >= 0.7


def test_no_modules_import_each_other() -> None:
    assert told(style.import_circles()) == []


@pytest.mark.parametrize(
    ("body", "points"),
    [
        ("return 1", 1),
        ("if a:\n  pass\n elif b:\n  pass\n else:\n  pass", 3),
        ("return [b for b in a if b if b > 1]", 4),
        ("return a and b or a", 3),
        ("return 1 if a else 2", 2),
        ("for b in a:\n  pass\n while a:\n  pass", 3),
        ("try:\n  pass\n except ValueError:\n  pass\n finally:\n  pass", 2),
        ("match a:\n  case 1:\n   pass\n  case _:\n   pass", 3),
        ("def inner():\n  return 1 if a else 2\n return inner", 2),
        ("assert a\n with b:\n  pass", 1),
    ],
)
def test_complexity_counts_each_way_through(body: str, points: int) -> None:
    assert style.complexity(ast.parse(f"def f(a, b):\n {body}")) == points


def test_circles_are_found_through_packages_and_inside_functions() -> None:
    sources = {
        "p/__init__.py": "",
        "p/a.py": "from p import b",
        "p/b.py": "def f():\n import p.c",
        "p/c.py": "from p.a import x",
        "p/d.py": "import json\nfrom p.a import x",
    }
    trees = {path: ast.parse(text) for path, text in sources.items()}
    assert circles(trees) == [["p/a.py", "p/b.py", "p/c.py"]]


def test_every_file_of_code_is_looked_at() -> None:
    looked = {style.named(file) for file in style.files()}
    assert {"app.py", "chalicelib/wiring.py", "tests/test_style.py"} <= looked
    assert any(name.endswith(".js") for name in looked)
    assert not any(".venv" in Path(name).parts for name in looked)
