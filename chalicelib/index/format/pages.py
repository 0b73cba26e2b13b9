"""What a search shows of its winners, some rows a page: one read each gives all of it
(docs/FORMAT.md §5.6).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES
from chalicelib.index.format.bundle import Memory
from chalicelib.index.format.columns import AnyColumn, IntColumn, WordColumn
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.format.text import Text

PAGE_ROWS = 64
"""A page of 64 rows is about 2 kB deflated."""

_LEVEL = 1
PageColumns = dict[str, list[Any]]
"""By field, one value for each row: `product_id`, `pic_name`, `region` (x1, x2, y1, y2), and of
`custom_content` and the attributes those that any row of the segment has, null for none.
"""


def encode_pages(table: Table, order: RowIds) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """The pages of the rows of `table` in this order, one after the other, and where each ends
    (u32).
    """
    fields = _fields(table, order)
    made = [
        _deflated({name: values[start : start + PAGE_ROWS] for name, values in fields.items()})
        for start in range(0, len(order), PAGE_ROWS)
    ]
    ends = np.cumsum([len(page) for page in made], dtype=np.uint64)
    if made and int(ends[-1]) >= 1 << 32:
        raise ValueError("more than 4 GiB of text in one segment")
    return np.frombuffer(b"".join(made), np.uint8), ends.astype(np.uint32)


def _fields(table: Table, order: RowIds) -> PageColumns:
    """What is shown of all rows, in this order."""
    fields: PageColumns = {
        "product_id": _strings(table.text("product_id"), order),
        "pic_name": _strings(table.text("pic_name"), order),
        "region": table.rows["regions"][order].tolist(),
    }
    if "custom_content.set" in table.rows:
        present = table.rows["custom_content.set"][order].tolist()
        texts = _strings(table.text("custom_content"), order)
        fields["custom_content"] = [
            text if there else None for text, there in zip(texts, present, strict=True)
        ]
    for name in INT_ATTRIBUTES + STR_ATTRIBUTES:
        values = _values(table.column(name), order)
        if values is not None:
            fields[name] = values
    return fields


def decode_page(data: memoryview) -> PageColumns:
    """The inverse of what `encode_pages` does with some rows."""
    page: PageColumns = json.loads(zlib.decompress(data))
    return page


def texts_of(pages: Iterable[PageColumns]) -> Memory:
    """All rows of `pages` as the arrays of a table: texts and regions (docs/FORMAT.md §5.2)."""
    fields: PageColumns = {}
    for page in pages:
        for name, values in page.items():
            fields.setdefault(name, []).extend(values)
    found = Memory(regions=np.array(fields.get("region", []), np.uint16).reshape(-1, 4))
    for name in ("product_id", "pic_name"):
        text = Text.of(fields.get(name, []))
        found[f"{name}.text"], found[f"{name}.ends"] = text.data, text.ends
    if "custom_content" in fields:
        contents = fields["custom_content"]
        text = Text.of(value or "" for value in contents)
        found["custom_content.text"], found["custom_content.ends"] = text.data, text.ends
        found["custom_content.set"] = np.array([value is not None for value in contents], np.uint8)
    return found


def _deflated(page: Mapping[str, Sequence[Any]]) -> bytes:
    text = json.dumps(page, separators=(",", ":"), sort_keys=True)
    return zlib.compress(text.encode("ascii"), _LEVEL)


def _strings(text: Text, order: RowIds) -> list[str]:
    """The strings of these rows; cut out of one string where a byte is a character."""
    data = text.data.tobytes()
    if not data.isascii():
        strings = list(text)
        return [strings[row] for row in order.tolist()]
    whole = data.decode("ascii")
    ends = text.ends.astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    spans = zip(starts[order].tolist(), ends[order].tolist(), strict=True)
    return [whole[start:end] for start, end in spans]


def _values(column: AnyColumn, order: RowIds) -> list[Any] | None:
    """A value for each row, None for none; None if there is no value at all."""
    if isinstance(column, IntColumn):
        numbers: list[Any] = column.values[order].tolist()
        if column.present.all():
            return numbers
        there = column.present[order].tolist()
        return [one if known else None for one, known in zip(numbers, there, strict=True)]
    if isinstance(column, WordColumn):
        words: list[str | None] = [*column.words, None]  # code -1 is the last
        return [words[code] for code in column.codes[order].tolist()]
    return None
