"""Makes one table of rows of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES
from chalicelib.index.format.build import table_of
from chalicelib.index.format.bundle import Array, Memory
from chalicelib.index.format.columns import IntColumn, WordColumn
from chalicelib.index.format.layout import (
    add_content,
    add_numbers,
    add_text,
    add_words,
    category_ranges,
)
from chalicelib.index.format.table import Override, RowIds, Shape, Table
from chalicelib.index.format.text import Text

_FIXED = ("features", "scales", "norms", "regions", "products")
"""Arrays of one entry a row."""

Taken = Sequence[tuple[Table, RowIds]]
"""Tables, and which of their rows are taken."""


def joined(taken: Taken, shape: Shape) -> tuple[Table, RowIds]:
    """One table of the given rows of several (different keys); and for each of its rows, which of
    the rows given it was.

    Changed attributes are written into the columns.
    """
    if not taken:
        return table_of([], shape), np.empty(0, np.int64)
    categories = np.concatenate([_categories(table)[rows] for table, rows in taken])
    high = np.concatenate([table.keys["high"][rows] for table, rows in taken])
    low = np.concatenate([table.keys["low"][rows] for table, rows in taken])
    # lexsort takes the last key first: category, then key digest
    order = np.lexsort((low, high, categories))
    rows = _join_fixed(taken, order, shape)
    for name in ("product_id", "pic_name"):
        texts = [table.text(name).take(chosen) for table, chosen in taken]
        add_text(rows, name, Text.joined(texts).take(order))
    _join_content(rows, taken, order)
    for name in INT_ATTRIBUTES:
        _join_numbers(rows, name, taken, order)
    for name in STR_ATTRIBUTES:
        _join_words(rows, name, taken, order)
    keys = Memory(high=high[order], low=low[order])
    return Table(len(order), category_ranges(categories[order]), shape, keys, rows), order


def _categories(table: Table) -> Array:
    found = np.empty(table.size, dtype=np.int64)
    for span in table.ranges:
        found[span.start : span.stop] = span.category_id
    return found


def _join_fixed(taken: Taken, order: RowIds, shape: Shape) -> Memory:
    """Codes and _FIXED of all rows in their new `order`; each table is copied in at once, so that
    no more than one copy of everything is held.
    """
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    rows = Memory(codes=np.empty((shape.words, len(order)), dtype=np.uint64))
    for name in _FIXED:
        first = taken[0][0].rows[name]
        rows[name] = np.empty((len(order), *first.shape[1:]), dtype=first.dtype)
    start = 0
    for table, chosen in taken:
        into = places[start : start + len(chosen)]
        start += len(chosen)
        whole = len(chosen) == table.size
        rows["codes"][:, into] = table.rows["codes"] if whole else table.rows["codes"][:, chosen]
        for name in _FIXED:
            rows[name][into] = table.rows[name] if whole else table.rows.gather(name, chosen)
    return rows


def _join_content(rows: Memory, taken: Taken, order: RowIds) -> None:
    """Custom contents, in their new order, if any row has one."""
    stored = any("custom_content.set" in table.rows for table, _ in taken)
    if not stored and not any("custom_content" in table.changed for table, _ in taken):
        return
    contents = [_content(table, chosen) for table, chosen in taken]
    texts = Text.joined([text for text, _ in contents]).take(order)
    add_content(rows, texts, np.concatenate([present for _, present in contents])[order])


def _content(table: Table, chosen: RowIds) -> tuple[Text, Array]:
    """The custom contents of some rows as they are now, and which of them have one [len(chosen)]
    bool.
    """
    if "custom_content.set" in table.rows:
        text = table.text("custom_content").take(chosen)
        present = table.rows["custom_content.set"][chosen].view(np.bool_)
    else:
        text = Text(np.empty(0, np.uint8), np.zeros(len(chosen), np.uint32))
        present = np.zeros(len(chosen), np.bool_)
    override = table.changed.get("custom_content")
    local = override.take(np.arange(len(chosen)), chosen) if override is not None else None
    return (text, present) if local is None else _overridden(text, present, local)


def _overridden(text: Text, present: Array, local: Override) -> tuple[Text, Array]:
    """Both with the contents that `local` sets."""
    # narrows the type; content is text
    assert isinstance(local.values, Text)  # noqa: S101
    source = np.arange(len(present))
    source[local.rows] = len(present) + np.arange(len(local.rows))
    now = present.copy()
    now[local.rows] = True
    return Text.joined([text, local.values]).take(source), now


def _join_numbers(rows: Memory, name: str, taken: Taken, order: RowIds) -> None:
    """One int attribute, in its new order; a table without it has no value in any row."""
    values, present = [], []
    for table, chosen in taken:
        column = table.column(name)
        if isinstance(column, IntColumn):
            values.append(column.values[chosen])
            present.append(column.present[chosen])
        else:
            values.append(np.zeros(len(chosen), np.int64))
            present.append(np.zeros(len(chosen), np.bool_))
    column = IntColumn(np.concatenate(values)[order], np.concatenate(present)[order])
    add_numbers(rows, name, column)


def _join_words(rows: Memory, name: str, taken: Taken, order: RowIds) -> None:
    """One string attribute, in its new order, over the words that are still used, ascending."""
    words: dict[str, int] = {}
    codes: list[Array] = []
    for table, chosen in taken:
        column = table.column(name)
        if not isinstance(column, WordColumn):
            codes.append(np.full(len(chosen), -1, np.int32))
            continue
        local = column.codes[chosen]
        places = np.full(len(column.words) + 1, -1, dtype=np.int32)
        for place in np.unique(local[local >= 0]).tolist():
            places[place] = words.setdefault(column.words[place], len(words))
        codes.append(places[local])  # -1 is the last of `places`, and -1 there
    if not words:
        return
    ordered = sorted(words)
    ranks = np.full(len(words) + 1, -1, dtype=np.int32)
    for rank, word in enumerate(ordered):
        ranks[words[word]] = rank
    add_words(rows, name, WordColumn(Text.of(ordered), ranks[np.concatenate(codes)][order]))
