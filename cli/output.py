"""What commands print: tables for people, one JSON value with --json, and exit codes that scripts
can trust.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Final, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from chalicelib.errors import (
    Conflict,
    InvalidRequest,
    LookalikeError,
    NotFound,
    Refused,
    SourceError,
    StorageError,
    Unsupported,
)

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


_NO_WIDTH: Final = 1_000_000


def _width(stream: TextIO) -> int | None:
    """A pipe has no width: what goes through one is folded nowhere, so that a row is a line."""
    return None if stream.isatty() or "COLUMNS" in os.environ else _NO_WIDTH


# No markup: what is printed is often other people's words, and a name may hold brackets.
out = Console(highlight=False, markup=False, emoji=False, width=_width(sys.stdout))
err = Console(stderr=True, highlight=False, markup=False, emoji=False, width=_width(sys.stderr))

_EXIT_CODES: tuple[tuple[type[LookalikeError], int], ...] = (
    (InvalidRequest, 2),
    (NotFound, 3),
    (Conflict, 4),
    (Refused, 5),
    (Unsupported, 2),
    (SourceError, 6),
    (StorageError, 7),
)

_STEERING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_JOINERS = frozenset("\u200c\u200d")

_ROOMY: Final = 90
"""Columns from which on a table has air between its columns; results fit into 80 without it."""

EXIT_CODES = (
    "Exit codes: 0 done, 1 partly or unexpectedly failed, 2 bad input, 3 not found, 4 conflict,"
    " 5 refused, 6 source, 7 store."
)


def exit_code(error: LookalikeError) -> int:
    """The process's exit code for `error`: by what the caller must do, as chalicelib/errors.py."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def emit(value: JSON) -> None:
    """Prints `value` as JSON on standard output."""
    sys.stdout.write(
        json.dumps(value, ensure_ascii=False, indent=None if not sys.stdout.isatty() else 2) + "\n"
    )


def report(error: LookalikeError, *, as_json: bool, store: str = "") -> int:
    """Prints `error` and returns the exit code for it. `store` names where something was looked
    for: the folder one stands in decides.
    """
    named = store if isinstance(error, NotFound | StorageError) and store not in str(error) else ""
    if as_json:
        said = {"kind": type(error).__name__, "message": str(error)}
        emit({"error": {**said, "store": named} if named else said})
    else:
        where = f" (store {named}; LOOKALIKE_STORE names another)" if named else ""
        text = visible(str(error) + where)
        err.print(Text.assemble(("error: ", "bold red"), text), soft_wrap=True)
    return exit_code(error)


def note(label: str, text: str, *, style: str = "yellow") -> None:
    """One coloured word on standard error, and what it says of somebody's file or name."""
    err.print(Text.assemble((label, style), " ", visible(text)), soft_wrap=True)


def report_usage(message: str, *, as_json: bool) -> None:
    """Prints what is wrong with a command line."""
    if as_json:
        emit({"error": {"kind": "Usage", "message": message}})
    else:
        err.print(
            Text.assemble(
                ("error: ", "bold red"),
                visible(message),
                ("  (--help shows how it is used)", "dim"),
            ),
            soft_wrap=True,
        )


def visible(text: str) -> str:
    """`text` with everything that could steer a terminal or reorder a line spelled out, as in
    `u{1b}` for ESC. Joiners stay: emoji.
    """
    return "".join(
        f"\\u{{{ord(char):x}}}"
        if unicodedata.category(char) in _STEERING and char not in _JOINERS
        else char
        for char in text
    )


def table(*columns: str) -> Table:
    """A plain table with these headings, none where all are empty; one that ends in `#` is of
    numbers and stands to the right.
    """
    made = Table(
        show_header=any(columns),
        box=None,
        header_style="dim",
        pad_edge=False,
        padding=(0, 3 if out.width >= _ROOMY else 1, 0, 0),
    )
    for column in columns:
        made.add_column(
            column.rstrip("#"), justify="right" if column.endswith("#") else "left", overflow="fold"
        )
    return made


def show_under(title: str, made: Table, *, on: Console = out) -> None:
    """Prints a table below a line of its own; rich would fold a title at the table's width."""
    on.print(Text(visible(title), style="italic"), soft_wrap=True)
    on.print(made)


def row(into: Table, *cells: object) -> None:
    """Adds `cells` to a table, each as harmless text."""
    into.add_row(*(Text(visible(str(cell))) for cell in cells))


@contextmanager
def progress(label: str, total: int, *, quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on standard error; nothing where `quiet` or where standard error is no
    terminal. Its one task has id 0.
    """
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
        transient=False,
    )
    with bar:
        bar.add_task(label, total=total)
        yield bar
