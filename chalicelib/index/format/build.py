"""Makes a table of records."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES
from chalicelib.index.format.bundle import Array, Memory
from chalicelib.index.format.columns import IntColumn, word_column
from chalicelib.index.format.digests import key_digests, product_digests
from chalicelib.index.format.layout import (
    add_content,
    add_numbers,
    add_text,
    add_words,
    category_ranges,
)
from chalicelib.index.format.records import Record
from chalicelib.index.format.table import Shape, Table
from chalicelib.index.format.text import Text

_NAMES = ("custom_content", *INT_ATTRIBUTES, *STR_ATTRIBUTES)
_ALL_ATTRIBUTES = attrgetter(*_NAMES)


def table_of(records: Sequence[Record], shape: Shape) -> Table:
    """The table of records with different keys. Raises ValueError for a record that does not fit
    `shape` or the columns' types.
    """
    digests = key_digests([record.key for record in records])
    categories = np.array([record.category_id for record in records], dtype=np.int64)
    # lexsort takes the last key first: category, then key digest
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
    add_text(rows, "product_id", Text.of(record.key.product_id for record in records))
    add_text(rows, "pic_name", Text.of(record.key.pic_name for record in records))
    _add_attributes(rows, records)
    return Table(len(records), category_ranges(categories[order]), shape, keys, rows)


def planes(codes: Array, shape: Shape) -> Array:
    """[size, code_bytes] u8 → [words, size] u64: a scan reads each word of all rows in one
    sweep.
    """
    padded = np.zeros((len(codes), shape.words * 8), dtype=np.uint8)
    padded[:, : shape.code_bytes] = codes
    return np.ascontiguousarray(padded.view("<u8").T)


def norms(features: Array) -> Array:
    """[size, dimension] i8 → [size] i32: Σ feature², exact."""
    found = np.empty(len(features), dtype=np.int32)
    for start in range(0, len(features), 4096):
        # sums of squares below 2²⁴ are exact in float32 up to 1,040 dimensions
        block = features[start : start + 4096].astype(np.float32)
        found[start : start + 4096] = np.einsum("ij,ij->i", block, block, dtype=np.float64)
    return found


def _stacked(vectors: Sequence[Array], dtype: type[np.generic], width: int) -> Array:
    """[len(vectors), width]. Raises ValueError where one is of another type or length."""
    made = np.stack(vectors) if vectors else np.empty((0, width), dtype)
    if made.dtype != dtype or made.shape[1:] != (width,):
        raise ValueError(
            f"vectors are {made.dtype} {made.shape[1:]} "
            f"where this collection has {np.dtype(dtype)} ({width},)"
        )
    return made


def _regions(records: Sequence[Record]) -> Array:
    regions = np.array([record.region for record in records], dtype=np.int64).reshape(-1, 4)
    if regions.size and not (regions.min() >= 0 and regions.max() < 1 << 16):
        raise ValueError("a region has a side that does not fit 16 bits")
    return regions.astype(np.uint16)


def _add_attributes(rows: Memory, records: Sequence[Record]) -> None:
    """The columns of all attributes that any record has."""
    columns = zip(*map(_ALL_ATTRIBUTES, [record.attributes for record in records]), strict=True)
    # of no records there are no columns
    for name, values in zip(_NAMES, columns, strict=False):
        if values.count(None) < len(values):
            _add_attribute(rows, name, values)


def _add_attribute(rows: Memory, name: str, values: Sequence[Any]) -> None:
    """One column: of each record its value, None where it has none."""
    present = np.array([value is not None for value in values], dtype=np.bool_)
    if name in INT_ATTRIBUTES:
        numbers = np.array([value or 0 for value in values], dtype=np.int64)
        add_numbers(rows, name, IntColumn(numbers, present))
    elif name in STR_ATTRIBUTES:
        add_words(rows, name, word_column(values))
    else:
        add_content(rows, Text.of(value or "" for value in values), present)
