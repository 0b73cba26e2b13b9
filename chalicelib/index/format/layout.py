"""How columns lie among a table's arrays (docs/FORMAT.md §5.2). A column that no row has a value in
is left out.
"""

from __future__ import annotations

import numpy as np

from chalicelib.index.format.bundle import Array, Memory
from chalicelib.index.format.columns import IntColumn, WordColumn
from chalicelib.index.format.table import Range
from chalicelib.index.format.text import Text


def category_ranges(categories: Array) -> tuple[Range, ...]:
    """The ranges of rows whose categories [size] are ascending."""
    values, starts = np.unique(categories, return_index=True)
    stops = np.append(starts[1:], [len(categories)] * bool(len(values)))
    return tuple(
        Range(*found)
        for found in zip(values.tolist(), starts.tolist(), stops.tolist(), strict=True)
    )


def add_text(rows: Memory, name: str, text: Text) -> None:
    """One string a row."""
    rows[f"{name}.text"], rows[f"{name}.ends"] = text.data, text.ends


def add_content(rows: Memory, text: Text, present: Array) -> None:
    """The custom content of the rows that are `present` [size] bool; of others the text is
    empty.
    """
    if present.any():
        add_text(rows, "custom_content", text)
        rows["custom_content.set"] = present.astype(np.uint8)


def add_numbers(rows: Memory, name: str, column: IntColumn) -> None:
    """An int attribute."""
    if column.present.any():
        rows[f"{name}.values"], rows[f"{name}.set"] = column.values, column.present.astype(np.uint8)


def add_words(rows: Memory, name: str, column: WordColumn) -> None:
    """A string attribute."""
    rows[f"{name}.codes"] = column.codes
    add_text(rows, f"{name}.words", column.words)
