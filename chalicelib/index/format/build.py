"""Makes tables: from records, and from other tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

import numpy as np

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES
from chalicelib.index.format.bundle import Array, Memory
from chalicelib.index.format.columns import IntColumn, WordColumn, word_column
from chalicelib.index.format.digests import key_digests, product_digests
from chalicelib.index.format.records import Record
from chalicelib.index.format.table import Range, RowIds, Shape, Table
from chalicelib.index.format.text import Text

_ALL_ATTRIBUTES = attrgetter("custom_content", *INT_ATTRIBUTES, *STR_ATTRIBUTES)


def table_of(records: Sequence[Record], shape: Shape) -> Table:
    """The table of records with different keys. Raises ValueError for a record that does not fit
    `shape` or the columns' types.
    """
    digests = key_digests([record.key for record in records])
    categories = np.array([record.category_id for record in records], dtype=np.int64)
    order = np.lexsort((digests.low, digests.high, categories))
    records = [records[row] for row in order.tolist()]
    keys = Memory(high=digests.high[order], low=digests.low[order])
    features = _stacked([record.vector.feature for record in records], np.int8, shape.dimension)
    rows = Memory(
        codes=planes(
            _stacked([record.vector.code for record in records], np.uint8, shape.code_bytes), shape
        ),
        features=features,
        scales=np.array([record.vector.scale for record in records], dtype=np.float32),
        norms=norms(features),
        regions=_regions(records),
        products=product_digests([record.key.product_id for record in records]),
    )
    _add_text(rows, "product_id", Text.of(record.key.product_id for record in records))
    _add_text(rows, "pic_name", Text.of(record.key.pic_name for record in records))
    _add_attributes(rows, records)
    return Table(len(records), _ranges(categories[order]), shape, keys, rows)


def planes(codes: Array, shape: Shape) -> Array:
    """[size, code_bytes] u8 → [words, size] u64: a scan reads each word of all rows in one sweep."""
    padded = np.zeros((len(codes), shape.words * 8), dtype=np.uint8)
    padded[:, : shape.code_bytes] = codes
    return np.ascontiguousarray(padded.view("<u8").T)


def norms(features: Array) -> Array:
    """[size, dimension] i8 → [size] i32: Σ feature², exact."""
    found = np.empty(len(features), dtype=np.int32)
    for start in range(0, len(features), 4096):
        part = features[start : start + 4096].astype(
            np.float32
        )  # sums of squares below 2²⁴ are exact in float32 up to 1,040 dimensions
        found[start : start + 4096] = np.einsum("ij,ij->i", part, part, dtype=np.float64)
    return found


def joined(parts: Sequence[tuple[Table, RowIds]], shape: Shape) -> tuple[Table, RowIds]:
    """One table of the given rows of several (different keys); and for each of its rows, which of
    the rows given it was.

    Changed attributes are written into the columns.
    """
    if not parts:
        return table_of([], shape), np.empty(0, np.int64)
    categories = np.concatenate([_categories(table)[rows] for table, rows in parts])
    high = np.concatenate([table.keys["high"][rows] for table, rows in parts])
    low = np.concatenate([table.keys["low"][rows] for table, rows in parts])
    order = np.lexsort((low, high, categories))
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    rows = Memory(codes=np.empty((shape.words, len(order)), dtype=np.uint64))
    for name in ("features", "scales", "norms", "regions", "products"):
        first = parts[0][0].rows[name]
        rows[name] = np.empty((len(order), *first.shape[1:]), dtype=first.dtype)
    start = 0
    for table, taken in parts:
        into = places[start : start + len(taken)]
        start += len(taken)
        whole = len(taken) == table.size
        rows["codes"][:, into] = table.rows["codes"] if whole else table.rows["codes"][:, taken]
        for name in ("features", "scales", "norms", "regions", "products"):
            rows[name][into] = table.rows[name] if whole else table.rows.gather(name, taken)
    for name in ("product_id", "pic_name"):
        texts = [
            Text(table.rows[f"{name}.text"], table.rows[f"{name}.ends"]).take(taken)
            for table, taken in parts
        ]
        _add_text(rows, name, Text.joined(texts).take(order))
    _join_content(rows, parts, order)
    for name in INT_ATTRIBUTES:
        _join_numbers(rows, name, parts, order)
    for name in STR_ATTRIBUTES:
        _join_words(rows, name, parts, order)
    return Table(
        len(order),
        _ranges(categories[order]),
        shape,
        Memory(high=high[order], low=low[order]),
        rows,
    ), order


def _categories(table: Table) -> Array:
    found = np.empty(table.size, dtype=np.int64)
    for part in table.ranges:
        found[part.start : part.stop] = part.category_id
    return found


def _ranges(categories: Array) -> tuple[Range, ...]:
    values, starts = np.unique(categories, return_index=True)
    stops = np.append(starts[1:], [len(categories)] * bool(len(values)))
    return tuple(
        Range(*part) for part in zip(values.tolist(), starts.tolist(), stops.tolist(), strict=True)
    )


def _stacked(vectors: Sequence[Array], dtype: type[np.generic], width: int) -> Array:
    made = np.stack(vectors) if vectors else np.empty((0, width), dtype)
    if made.dtype != dtype or made.shape[1:] != (width,):
        raise ValueError(
            f"vectors are {made.dtype} {made.shape[1:]} where this collection has {np.dtype(dtype)} ({width},)"
        )
    return made


def _regions(records: Sequence[Record]) -> Array:
    regions = np.array([record.region for record in records], dtype=np.int64).reshape(-1, 4)
    if regions.size and not (regions.min() >= 0 and regions.max() < 1 << 16):
        raise ValueError("a region has a side that does not fit 16 bits")
    return regions.astype(np.uint16)


def _add_text(rows: Memory, name: str, text: Text) -> None:
    rows[f"{name}.text"], rows[f"{name}.ends"] = text.data, text.ends


def _add_attributes(rows: Memory, records: Sequence[Record]) -> None:
    columns = zip(*map(_ALL_ATTRIBUTES, [record.attributes for record in records]), strict=True)
    for name, values in zip(
        ("custom_content", *INT_ATTRIBUTES, *STR_ATTRIBUTES), columns, strict=False
    ):
        if values.count(None) == len(values):
            continue
        present = np.array([value is not None for value in values], dtype=np.bool_)
        if name in INT_ATTRIBUTES:
            _add_numbers(
                rows,
                name,
                IntColumn(np.array([value or 0 for value in values], dtype=np.int64), present),
            )
        elif name in STR_ATTRIBUTES:
            _add_words(rows, name, word_column(values))
        else:
            _add_content(rows, [value or "" for value in values], present)


def _add_content(rows: Memory, strings: Iterable[str] | Text, present: Array) -> None:
    if present.any():
        _add_text(
            rows, "custom_content", strings if isinstance(strings, Text) else Text.of(strings)
        )
        rows["custom_content.set"] = present.astype(np.uint8)


def _add_numbers(rows: Memory, name: str, column: IntColumn) -> None:
    if column.present.any():
        rows[f"{name}.values"], rows[f"{name}.set"] = column.values, column.present.astype(np.uint8)


def _add_words(rows: Memory, name: str, column: WordColumn) -> None:
    rows[f"{name}.codes"] = column.codes
    _add_text(rows, f"{name}.words", column.words)


def _join_content(rows: Memory, parts: Sequence[tuple[Table, RowIds]], order: RowIds) -> None:
    if not any(
        "custom_content.set" in table.rows or "custom_content" in table.changed
        for table, _ in parts
    ):
        return
    texts, present = [], []
    for table, taken in parts:
        if "custom_content.set" in table.rows:
            texts.append(
                Text(table.rows["custom_content.text"], table.rows["custom_content.ends"]).take(
                    taken
                )
            )
            present.append(table.rows["custom_content.set"][taken].view(np.bool_))
        else:
            texts.append(Text(np.empty(0, np.uint8), np.zeros(len(taken), np.uint32)))
            present.append(np.zeros(len(taken), np.bool_))
        override = table.changed.get("custom_content")
        local = override.take(np.arange(len(taken)), taken) if override is not None else None
        if local is not None:
            # content is text
            both = Text.joined([texts[-1], local.values])  # type: ignore[list-item]
            source = np.arange(len(taken))
            source[local.rows] = len(taken) + np.arange(len(local.rows))
            texts[-1] = both.take(source)
            present[-1] = present[-1].copy()
            present[-1][local.rows] = True
    _add_content(rows, Text.joined(texts).take(order), np.concatenate(present)[order])


def _join_numbers(
    rows: Memory, name: str, parts: Sequence[tuple[Table, RowIds]], order: RowIds
) -> None:
    values, present = [], []
    for table, taken in parts:
        column = table.column(name)
        known = isinstance(column, IntColumn)
        values.append(
            column.values[taken]
            if isinstance(column, IntColumn)
            else np.zeros(len(taken), np.int64)
        )
        present.append(
            column.present[taken]
            if isinstance(column, IntColumn) and known
            else np.zeros(len(taken), np.bool_)
        )
    _add_numbers(
        rows, name, IntColumn(np.concatenate(values)[order], np.concatenate(present)[order])
    )


def _join_words(
    rows: Memory, name: str, parts: Sequence[tuple[Table, RowIds]], order: RowIds
) -> None:
    words: dict[str, int] = {}
    codes: list[Array] = []
    for table, taken in parts:
        column = table.column(name)
        if not isinstance(column, WordColumn):
            codes.append(np.full(len(taken), -1, np.int32))
            continue
        local = column.codes[taken]
        places = np.full(len(column.words) + 1, -1, dtype=np.int32)
        for place in np.unique(local[local >= 0]).tolist():
            places[place] = words.setdefault(column.words[place], len(words))
        codes.append(places[local])
    if not words:
        return
    ordered = sorted(words)
    ranks = np.full(len(words) + 1, -1, dtype=np.int32)
    for rank, word in enumerate(ordered):
        ranks[words[word]] = rank
    _add_words(rows, name, WordColumn(Text.of(ordered), ranks[np.concatenate(codes)][order]))
