"""Reads single rows of a table."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES, Attributes
from chalicelib.index.format.columns import AnyColumn
from chalicelib.index.format.records import Key, Record, Vector
from chalicelib.index.format.table import Override, Table
from chalicelib.index.format.text import Text
from chalicelib.index.read.clustered import ClusteredRows
from chalicelib.index.read.page_reader import PageReader
from chalicelib.index.read.query import Row
from chalicelib.region import Region


class Reader:
    """Keeps columns it has opened: make one for a task and drop it, since it holds on to memory
    that the cache would free.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns: dict[str, AnyColumn] = {}

    def key(self, row: int) -> Key:
        """Of `row`."""
        product_ids, pic_names = self._keys
        return Key(product_ids[row], pic_names[row])

    def row(self, row: int) -> Row:
        """`row` without its vector."""
        x1, x2, y1, y2 = self._regions[row].tolist()
        category = self._table.ranges[
            bisect.bisect_right(self._table.ranges, row, key=lambda span: span.start) - 1
        ].category_id
        return Row(self.key(row), category, Region(x1, x2, y1, y2), self.attributes(row))

    def rows(self, rows: Sequence[int]) -> list[Row]:
        """Those rows without their vectors, in the order given."""
        return [self.row(row) for row in rows]

    def records(self, rows: Sequence[int]) -> list[Record]:
        """The same with their vectors."""
        return [self.record(row) for row in rows]

    def record(self, row: int) -> Record:
        """`row` with its vector."""
        head = self.row(row)
        return Record(head.key, head.category_id, head.region, head.attributes, self.vector(row))

    def vector(self, row: int) -> Vector:
        """Of `row`."""
        rows = self._table.rows
        code = np.ascontiguousarray(rows["codes"][:, row]).view(np.uint8)[
            : self._table.shape.code_bytes
        ]
        return Vector(code, rows.gather("features", np.array([row]))[0], float(rows["scales"][row]))

    def attributes(self, row: int) -> Attributes:
        """Of `row`."""
        values = {name: self._column(name).value(row) for name in INT_ATTRIBUTES + STR_ATTRIBUTES}
        # columns of each kind
        return Attributes(custom_content=self._content(row), **values)  # type: ignore[arg-type]

    def _column(self, name: str) -> AnyColumn:
        if name not in self._columns:
            self._columns[name] = self._table.column(name)
        return self._columns[name]

    def _content(self, row: int) -> str | None:
        """The custom content of `row`: the changed one, else the stored one."""
        override = self._new_contents
        if override is not None:
            place = int(np.searchsorted(override.rows, row))
            if place < len(override.rows) and override.rows[place] == row:
                # narrows the type; content is text
                assert isinstance(override.values, Text)  # noqa: S101
                return override.values[place]
        stored = self._contents
        return stored[0][row] if stored is not None and stored[1][row] else None

    @cached_property
    def _keys(self) -> tuple[Text, Text]:
        return self._table.text("product_id"), self._table.text("pic_name")

    @cached_property
    def _regions(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
        return self._table.rows["regions"]

    @cached_property
    def _contents(self) -> tuple[Text, np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] | None:
        if "custom_content.set" not in self._table.rows:
            return None
        return self._table.text("custom_content"), self._table.rows["custom_content.set"]

    @cached_property
    def _new_contents(self) -> Override | None:
        return self._table.changed.get("custom_content")


def reader_of(table: Table) -> Reader | PageReader:
    """What reads single rows of `table` with the fewest bytes."""
    if isinstance(table.rows, ClusteredRows):
        return PageReader(table, table.rows)
    return Reader(table)
