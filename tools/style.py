"""The form of the code, measured: `python -m tools.style [ROOM …]` prints what is out of bounds, by
room. tests/test_style.py holds the bounds.

Complexity is McCabe's as radon counts it: one for the function, one for each if, elif, for, while,
except, case and conditional expression, one for each for and each if of a comprehension, and one
for each further operand of a boolean expression; asserts do not count. A function inside a function
counts with it.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

from tools.circles import circles

ROOT = Path(__file__).parents[1]
CODE = (
    *("app.py", "benchmarks", "chalicelib", "cli", "demo", "examples", "lookalike", "models"),
    *("tests", "tools"),
)
SUFFIXES = {".py", ".js", ".mjs", ".css", ".html", ".sh"}
MAX_LINES = 350
MAX_COLUMNS = 100
MAX_COMPLEXITY = 10
LONG_PRIVATE = 8
"""Lines from which a private function counts as one that needs a docstring."""

Function = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
BRANCH = (
    ast.If,
    ast.IfExp,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.match_case,
)


@dataclass(frozen=True, slots=True, order=True)
class Offence:
    """Something out of bounds."""

    path: str
    line: int
    rule: str
    """lines, columns, complexity, docstring or circle."""
    text: str

    @property
    def room(self) -> str:
        """The folder, two levels deep."""
        return "/".join(self.path.split("/")[:-1][:2]) or self.path

    def __str__(self) -> str:
        """As a compiler says it, so that editors can follow."""
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def files() -> list[Path]:
    """Every file of code, but what tools fetched or built."""
    found = [
        file
        for top in CODE
        for file in ([ROOT / top] if (ROOT / top).is_file() else sorted((ROOT / top).rglob("*")))
        if file.suffix in SUFFIXES and "node_modules" not in file.parts
    ]
    return [file for file in found if "__pycache__" not in file.parts]


def named(file: Path) -> str:
    """The path from the repository's root."""
    return file.relative_to(ROOT).as_posix()


@cache
def text_of(file: Path) -> str:
    """The whole text."""
    return file.read_text(encoding="utf-8")


@cache
def tree_of(file: Path) -> ast.Module:
    """The file's syntax."""
    return ast.parse(text_of(file))


def complexity(function: ast.AST) -> int:
    """McCabe's number, as the module says."""
    points = 1
    for node in ast.walk(function):
        if isinstance(node, BRANCH):
            points += 1
        elif isinstance(node, COMPREHENSION):
            points += sum(1 + len(part.ifs) for part in node.generators)
        elif isinstance(node, ast.BoolOp):
            points += len(node.values) - 1
    return points


def long_files() -> Iterator[Offence]:
    """Files over MAX_LINES."""
    for file in files():
        count = len(text_of(file).splitlines())
        if count > MAX_LINES:
            yield Offence(named(file), 1, "lines", f"{count} lines")


def long_lines() -> Iterator[Offence]:
    """Lines over MAX_COLUMNS."""
    for file in files():
        for number, line in enumerate(text_of(file).splitlines(), 1):
            if len(line) > MAX_COLUMNS:
                yield Offence(named(file), number, "columns", f"{len(line)} columns")


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file, those inside others too."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, Function):
            yield node


def tangled() -> Iterator[Offence]:
    """Functions over MAX_COMPLEXITY."""
    for file in files():
        if file.suffix == ".py":
            for function in functions(file):
                points = complexity(function)
                if points > MAX_COMPLEXITY:
                    text = f"{function.name} has a complexity of {points}"
                    yield Offence(named(file), function.lineno, "complexity", text)


def long_private(file: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Private functions of LONG_PRIVATE lines or more, and whether they have a docstring.

    Lines are counted from `def` to the end; `__names__` are not private.
    """
    for function in functions(file):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        private = function.name.startswith("_") and not function.name.startswith("__")
        if private and lines >= LONG_PRIVATE:
            yield function, ast.get_docstring(function) is not None


def undescribed() -> Iterator[Offence]:
    """Long private functions without a docstring."""
    for file in files():
        if file.suffix == ".py":
            for function, described in long_private(file):
                if not described:
                    yield Offence(named(file), function.lineno, "docstring", function.name)


def described_share(*tops: str) -> float:
    """Of the long private functions under `tops`, the part that has a docstring."""
    found = [
        described
        for file in files()
        if file.suffix == ".py" and named(file).startswith(tops)
        for _, described in long_private(file)
    ]
    return sum(found) / len(found)


def median_lines(top: str) -> float:
    """Of the modules under `top`, those that are more than a docstring."""
    return median(
        len(text_of(file).splitlines())
        for file in files()
        if file.suffix == ".py" and named(file).startswith(top) and len(tree_of(file).body) > 1
    )


def import_circles() -> Iterator[Offence]:
    """Modules that import each other, be it inside a function."""
    trees = {named(file): tree_of(file) for file in files() if file.suffix == ".py"}
    for circle in circles(trees):
        yield Offence(circle[0], 1, "circle", " → ".join((*circle, circle[0])))


def main(rooms: list[str]) -> None:
    """Print the offences under `rooms`, or all of them."""
    found: dict[str, list[Offence]] = defaultdict(list)
    for offence in (
        *long_files(),
        *long_lines(),
        *tangled(),
        *undescribed(),
        *import_circles(),
    ):
        if not rooms or offence.path.startswith(tuple(rooms)):
            found[offence.room].append(offence)
    for room, offences in sorted(found.items()):
        kinds = Counter(offence.rule for offence in offences)
        print(f"\n{room}: {', '.join(f'{count} {rule}' for rule, count in sorted(kinds.items()))}")
        print(*(f"  {offence}" for offence in sorted(offences)), sep="\n")
    share = described_share("chalicelib", "cli", "tools")
    print(f"\nchalicelib: median of {median_lines('chalicelib'):.0f} lines a module")
    print(f"chalicelib, cli, tools: {share:.0%} of long private functions have a docstring")


if __name__ == "__main__":
    main(sys.argv[1:])
