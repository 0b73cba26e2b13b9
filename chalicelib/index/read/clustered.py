"""A segment of format 2 as it is read: by cluster, by key, by page, or, when a whole column is
needed, as the arrays that every table has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES
from chalicelib.index.format.build import norms
from chalicelib.index.format.bundle import Array, Memory
from chalicelib.index.format.clustered import (
    ENTRY_ROWS,
    HIGH,
    LOW,
    ROW,
    TIE,
    TIME,
    Head,
    entry_blocks,
    found_in,
)
from chalicelib.index.format.clusters import projected
from chalicelib.index.format.columns import IntColumn, WordColumn
from chalicelib.index.format.digests import Digests
from chalicelib.index.format.key_filter import may_hold
from chalicelib.index.format.packed import unpack_column
from chalicelib.index.format.pages import PAGE_ROWS, PageColumns, decode_page, texts_of
from chalicelib.index.format.positions import Positions
from chalicelib.index.format.table import RowIds
from chalicelib.index.read.ranged import Ranged

Keep = Callable[[Callable[[], tuple[Memory, int]]], Memory]
"""Finds something in a cache, or makes it, with its size in bytes."""

_STORED = ("features", "scales", "products")


class Clustered:
    """An opened segment. All methods may be called from several threads, and raise ObjectMissing
    and CorruptObject.
    """

    def __init__(self, size: int, head: Head, body: Ranged, keep: Keep) -> None:
        """`keep` finds decoded texts in a cache, or makes them."""
        self.size = size
        self.head = head
        self.body = body
        self._keep = keep

    @cached_property
    def _centroids(self) -> npt.NDArray[np.float32]:
        return self.head.centroids.astype(np.float32)

    def likeness(self, feature: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
        """[clusters]: how much each centroid is like `feature` [dimension]; comparable among
        themselves.
        """
        found: npt.NDArray[np.float32] = (
            self._centroids @ projected(feature[None, :], self.head.projection)[0]
        )
        return found

    def find(self, wanted: Digests) -> tuple[RowIds, Positions]:
        """The row of each key, -1 where the segment has none, and its position. Reads the filter,
        and the blocks of the keys that pass it.
        """
        rows = np.full(len(wanted), -1, dtype=np.int64)
        times, ties = np.zeros(len(wanted), np.uint64), np.zeros(len(wanted), np.uint64)
        if not len(wanted):
            return rows, Positions(times, ties)
        passed = np.flatnonzero(may_hold(self.body.array("filter"), wanted))
        blocks = entry_blocks(self.head, wanted.take(passed))
        places = (blocks[:, None] * ENTRY_ROWS + np.arange(ENTRY_ROWS)).reshape(-1)
        entries = self.body.gather("entries", places[places < self.size])
        found = found_in(entries, wanted.take(passed))
        held = passed[found >= 0]
        chosen = entries[found[found >= 0]]
        rows[held] = chosen[:, ROW].astype(np.int64)
        times[held], ties[held] = chosen[:, TIME], chosen[:, TIE]
        return rows, Positions(times, ties)

    def pages(self, numbers: Sequence[int]) -> list[PageColumns]:
        """Those pages, read at once."""
        ends = self.head.page_ends
        spans = [(int(ends[number - 1]) if number else 0, int(ends[number])) for number in numbers]
        return [decode_page(data) for data in self.body.pieces("pages", spans)]

    def texts(self) -> Memory:
        """All pages as arrays (format/pages.py)."""

        def load() -> tuple[Memory, int]:
            self.body.array("pages")  # in few reads
            made = texts_of(self.pages(range(-(-self.size // PAGE_ROWS))))
            return made, sum(array.nbytes for array in made.values())

        return self._keep(load)


Open = Callable[[], Clustered]
"""Opens the segment, or finds it in the cache."""


class ClusteredRows(Mapping[str, Array]):
    """The arrays of docs/FORMAT.md §5.2, made of a segment of format 2 (Arrays)."""

    def __init__(self, opened: Open) -> None:
        self.opened = opened

    def __getitem__(self, name: str) -> Array:
        """The whole array. Raises KeyError, ObjectMissing, CorruptObject."""
        segment = self.opened()
        if name == "codes":
            return segment.body.array("codes").T
        if name in _STORED:
            return segment.body.array(name)
        if name == "norms":
            return norms(segment.body.array("features"))
        attribute, _, part = name.rpartition(".")
        if attribute in INT_ATTRIBUTES or attribute.partition(".")[0] in STR_ATTRIBUTES:
            return _column_array(segment, attribute, part)
        return segment.texts()[name]

    def gather(self, name: str, rows: RowIds) -> Array:
        """`self[name][rows]`; of the stored ones, reads only what holds these rows. `codes` are
        [rows, words] here, as they are stored.
        """
        if name in _STORED or name == "codes":
            return self.opened().body.gather(name, rows)
        taken: Array = self[name][rows]
        return taken

    def __contains__(self, name: object) -> bool:
        attribute, _, part = str(name).rpartition(".")
        sections = self.opened().head.sections
        if attribute in INT_ATTRIBUTES:
            return f"{attribute}.values" in sections
        if attribute.partition(".")[0] in STR_ATTRIBUTES:
            return f"{attribute}.{part}" in sections
        return name in _STORED or name in ("codes", "norms") or name in self.opened().texts()

    def __iter__(self) -> Iterator[str]:
        names = ["codes", "norms", *_STORED, *self.opened().texts()]
        for name in INT_ATTRIBUTES:
            names += [f"{name}.{part}" for part in ("values", "set")]
        for name in STR_ATTRIBUTES:
            names += [f"{name}.{part}" for part in ("codes", "words.text", "words.ends")]
        return iter([name for name in names if name in self])

    def __len__(self) -> int:
        return len(list(iter(self)))


class ClusteredKeys(Mapping[str, Array]):
    """The arrays of docs/FORMAT.md §5.1, by row, made of the entries of a segment of format 2."""

    def __init__(self, opened: Open) -> None:
        self._opened = opened

    def __getitem__(self, name: str) -> Array:
        segment = self._opened()
        if name == "positions":
            return np.arange(segment.size, dtype=np.uint32)
        column = {"high": HIGH, "low": LOW, "times": TIME, "ties": TIE}[name]
        entries = segment.body.array("entries")
        found = np.empty(segment.size, dtype=np.uint64)
        found[entries[:, ROW].astype(np.int64)] = entries[:, column]
        return found

    def gather(self, name: str, rows: RowIds) -> Array:
        """`self[name][rows]`."""
        taken: Array = self[name][rows]
        return taken

    def __iter__(self) -> Iterator[str]:
        return iter(("high", "low", "positions", "times", "ties"))

    def __len__(self) -> int:
        return 5


def _column_array(segment: Clustered, attribute: str, part: str) -> Array:
    """One of the arrays that a table has of an attribute."""
    name = attribute.partition(".")[0]
    sections = segment.head.sections
    column = unpack_column(name, segment.size, segment.head.bases, sections, segment.body.array)
    if isinstance(column, IntColumn):
        return column.values if part == "values" else column.present.astype(np.uint8)
    if not isinstance(column, WordColumn):
        raise KeyError(f"{attribute}.{part}")
    if part == "codes":
        return column.codes
    return column.words.data if part == "text" else column.words.ends
