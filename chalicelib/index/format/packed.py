"""Columns that filters read, in few bytes a row (docs/FORMAT.md §5.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES
from chalicelib.index.format.bundle import Array
from chalicelib.index.format.columns import AnyColumn, IntColumn, UnsetColumn, WordColumn
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.format.text import Text

ReadSection = Callable[[str], Array]
"""The whole section of a name."""


def pack_columns(table: Table, order: RowIds) -> tuple[dict[str, Array], dict[str, int]]:
    """The sections of all attributes that any row of `table` has, its rows in this order, and what
    is added to the stored values of each number column.
    """
    arrays: dict[str, Array] = {}
    bases: dict[str, int] = {}
    for name in INT_ATTRIBUTES + STR_ATTRIBUTES:
        column = table.column(name)
        if isinstance(column, IntColumn):
            bases[name] = _pack_numbers(arrays, name, column, order)
        elif isinstance(column, WordColumn):
            codes = column.codes[order] + 1
            arrays[f"{name}.codes"] = codes.astype(_smallest(len(column.words)))
            arrays[f"{name}.words.text"] = column.words.data
            arrays[f"{name}.words.ends"] = column.words.ends
    return arrays, bases


def unpack_column(
    name: str,
    size: int,
    bases: Mapping[str, int],
    sections: Mapping[str, object],
    read: ReadSection,
) -> AnyColumn:
    """An attribute of all rows; `sections` says which there are."""
    if f"{name}.values" in sections:
        present = np.ones(size, dtype=np.bool_)
        if f"{name}.unset" in sections:
            unset = np.unpackbits(read(f"{name}.unset"), count=size, bitorder="little")
            present = unset == 0
        return IntColumn(read(f"{name}.values").astype(np.int64) + bases[name], present)
    if f"{name}.codes" in sections:
        words = Text(read(f"{name}.words.text"), read(f"{name}.words.ends"))
        return WordColumn(words, read(f"{name}.codes").astype(np.int32) - np.int32(1))
    return UnsetColumn(size)


def _pack_numbers(arrays: dict[str, Array], name: str, column: IntColumn, order: RowIds) -> int:
    """Adds the sections of a number column; what is to be added to the values it stores."""
    values, present = column.values[order], column.present[order]
    least, most = int(values[present].min()), int(values[present].max())
    if not present.all():
        arrays[f"{name}.unset"] = np.packbits(~present, bitorder="little")
    if most - least >= 1 << 32:
        arrays[f"{name}.values"] = np.where(present, values, 0)
        return 0
    offsets = np.where(present, values - least, 0)
    arrays[f"{name}.values"] = offsets.astype(_smallest(most - least))
    return least


def _smallest(most: int) -> type[np.unsignedinteger]:
    """The narrowest type for 0 to `most`, which is below 2³²."""
    if most < 1 << 8:
        return np.uint8
    return np.uint16 if most < 1 << 16 else np.uint32
