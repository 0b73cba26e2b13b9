"""Reads rows of a segment of format 2: one page holds all that is shown of some rows."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES, Attributes
from chalicelib.index.format.pages import PAGE_ROWS, PageColumns
from chalicelib.index.format.records import Key, Record, Vector
from chalicelib.index.format.table import Table
from chalicelib.index.read.clustered import ClusteredRows
from chalicelib.index.read.query import Row
from chalicelib.region import Region

_ATTRIBUTES = ("custom_content", *INT_ATTRIBUTES, *STR_ATTRIBUTES)


class PageReader:
    """Holds nothing between calls. Methods raise ObjectMissing, CorruptObject."""

    def __init__(self, table: Table, stored: ClusteredRows) -> None:
        """`stored` are the rows of `table`, which knows in addition what changed."""
        self._table = table
        self._stored = stored

    def rows(self, rows: Sequence[int]) -> list[Row]:
        """Those rows without their vectors, in the order given; all that must be read is read at
        once.
        """
        numbers = sorted({row // PAGE_ROWS for row in rows})
        pages = dict(zip(numbers, self._stored.opened().pages(numbers), strict=True))
        return [self._row(pages[row // PAGE_ROWS], row) for row in rows]

    def records(self, rows: Sequence[int]) -> list[Record]:
        """The same with their vectors."""
        places = np.array(rows, dtype=np.int64)
        codes, features, scales = (
            self._stored.gather(name, places) for name in ("codes", "features", "scales")
        )
        width = self._table.shape.code_bytes
        return [
            Record(
                row.key,
                row.category_id,
                row.region,
                row.attributes,
                Vector(codes[place].view(np.uint8)[:width], features[place], float(scales[place])),
            )
            for place, row in enumerate(self.rows(rows))
        ]

    def _row(self, page: PageColumns, row: int) -> Row:
        place = row % PAGE_ROWS
        ranges = self._table.ranges
        at = bisect.bisect_right(ranges, row, key=lambda span: span.start) - 1
        x1, x2, y1, y2 = page["region"][place]
        values: dict[str, Any] = {
            name: page[name][place] for name in _ATTRIBUTES if name in page
        } | self._changed(row)
        return Row(
            Key(page["product_id"][place], page["pic_name"][place]),
            ranges[at].category_id,
            Region(x1, x2, y1, y2),
            Attributes(**values),
        )

    def _changed(self, row: int) -> dict[str, Any]:
        """Attributes that were set after the segment was written."""
        found: dict[str, Any] = {}
        for name, override in self._table.changed.items():
            place = int(np.searchsorted(override.rows, row))
            if place < len(override.rows) and override.rows[place] == row:
                value = override.values[place]
                found[name] = value if isinstance(value, str) else int(value)
        return found
