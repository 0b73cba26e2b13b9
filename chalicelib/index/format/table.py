"""Records as columns: what log objects and segments hold, on the store or in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import INT_ATTRIBUTES, STR_ATTRIBUTES, Attributes
from chalicelib.index.format.bundle import Arrays
from chalicelib.index.format.columns import AnyColumn, Column, IntColumn, UnsetColumn, WordColumn
from chalicelib.index.format.digests import Digests
from chalicelib.index.format.text import Text

RowIds = npt.NDArray[np.int64]


class Range(NamedTuple):
    """The rows of one category."""

    category_id: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What all vectors of a collection have in common."""

    dimension: int
    bits: int

    @property
    def code_bytes(self) -> int:
        """Of a record's code."""
        return (self.bits + 7) // 8

    @property
    def words(self) -> int:
        """64-bit words of a code; the last is filled up with zeros."""
        return (self.bits + 63) // 64


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Rows in order of category, then of key digest; no key twice.

    Arrays (docs/FORMAT.md §5): high, low · codes [words, size] u64 · features [size, dimension] i8
    · scales f32 · norms i32 (Σ feature²) · regions [size, 4] u16 · products u64 · product_id,
    pic_name (`.text`, `.ends`) · attributes where any row has one.
    """

    size: int
    ranges: tuple[Range, ...]
    shape: Shape
    keys: Arrays
    """high and low."""
    rows: Arrays
    """Everything else. On the store these two are different objects, because compaction needs the
    keys alone.
    """
    changed: Mapping[str, Override] = field(default_factory=dict)
    """Attributes that were changed since these arrays were written."""

    @property
    def digests(self) -> Digests:
        """Of all keys; sorted within each range."""
        return Digests(self.keys["high"], self.keys["low"])

    def column(self, name: str) -> AnyColumn:
        """One of the eight attributes that filters may name."""
        base = self._stored_column(name)
        override = self.changed.get(name)
        return base if override is None else _overridden(base, override, self.size)

    def columns(self) -> Mapping[str, Column]:
        """The eight attributes, each read when it is asked for."""
        return _Columns(self.column)

    def _stored_column(self, name: str) -> AnyColumn:
        if name in INT_ATTRIBUTES and f"{name}.set" in self.rows:
            return IntColumn(self.rows[f"{name}.values"], self.rows[f"{name}.set"].view(np.bool_))
        if name in STR_ATTRIBUTES and f"{name}.codes" in self.rows:
            return WordColumn(self.text(f"{name}.words"), self.rows[f"{name}.codes"])
        return UnsetColumn(self.size)

    def text(self, name: str) -> Text:
        """A column of strings as stored."""
        return Text(self.rows[f"{name}.text"], self.rows[f"{name}.ends"])


@dataclass(frozen=True, slots=True, eq=False)
class Override:
    """New values of one attribute for some rows."""

    rows: RowIds
    """Ascending."""
    values: npt.NDArray[np.int64] | Text
    """As many."""

    def after(self, older: Override | None) -> Override:
        """Both, this one winning."""
        if older is None:
            return self
        kept = ~np.isin(older.rows, self.rows)
        rows = np.concatenate([older.rows[kept], self.rows])
        order = np.argsort(rows, kind="stable")
        if isinstance(self.values, Text):
            # narrows the type; an attribute is text or number for good
            assert isinstance(older.values, Text)  # noqa: S101
            return Override(
                rows[order],
                Text.joined([older.values.take(np.flatnonzero(kept)), self.values]).take(order),
            )
        assert not isinstance(older.values, Text)  # noqa: S101  # as above
        return Override(rows[order], np.concatenate([older.values[kept], self.values])[order])

    def take(self, rows: RowIds, old_rows: RowIds) -> Override | None:
        """For the table whose row `rows[i]` is this one's row `old_rows[i]`; None where nothing is
        left.
        """
        places = np.searchsorted(self.rows, old_rows)
        places[places == len(self.rows)] = 0
        hit = self.rows[places] == old_rows if len(self.rows) else np.zeros(len(old_rows), np.bool_)
        if not hit.any():
            return None
        new_rows, places = rows[hit], places[hit]
        order = np.argsort(new_rows)
        values = (
            self.values.take(places[order])
            if isinstance(self.values, Text)
            else self.values[places[order]]
        )
        return Override(new_rows[order], values)


def overrides(changes: Mapping[int, Attributes]) -> dict[str, Override]:
    """The columns of changes by row; attributes that are None stay as they are."""
    made: dict[str, Override] = {}
    rows = sorted(changes)
    for name in ("custom_content", *INT_ATTRIBUTES, *STR_ATTRIBUTES):
        values = [
            (row, value) for row in rows if (value := getattr(changes[row], name)) is not None
        ]
        if values:
            ids = np.array([row for row, _ in values], dtype=np.int64)
            only = [value for _, value in values]
            made[name] = Override(
                ids, np.array(only, dtype=np.int64) if name in INT_ATTRIBUTES else Text.of(only)
            )
    return made


def merged(older: Mapping[str, Override], newer: Mapping[str, Override]) -> dict[str, Override]:
    """Both, `newer` winning."""
    return {**older, **{name: override.after(older.get(name)) for name, override in newer.items()}}


def _overridden(base: AnyColumn, override: Override, size: int) -> AnyColumn:
    """`base` [size] with new values; words that it has not come after its own."""
    if isinstance(override.values, Text):
        words = list(base.words) if isinstance(base, WordColumn) else []
        places = {word: place for place, word in enumerate(words)}
        codes = base.codes.copy() if isinstance(base, WordColumn) else np.full(size, -1, np.int32)
        codes[override.rows] = [places.setdefault(word, len(places)) for word in override.values]
        return WordColumn(Text.of(places), codes)
    values = base.values.copy() if isinstance(base, IntColumn) else np.zeros(size, np.int64)
    present = base.present.copy() if isinstance(base, IntColumn) else np.zeros(size, np.bool_)
    values[override.rows] = override.values
    present[override.rows] = True
    return IntColumn(values, present)


class _Columns(Mapping[str, Column]):
    def __init__(self, read: Callable[[str], Column]) -> None:
        self._read = read
        self._seen: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        if name not in INT_ATTRIBUTES and name not in STR_ATTRIBUTES:
            raise KeyError(name)
        if name not in self._seen:
            self._seen[name] = self._read(name)
        return self._seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter(INT_ATTRIBUTES + STR_ATTRIBUTES)

    def __len__(self) -> int:
        return len(INT_ATTRIBUTES) + len(STR_ATTRIBUTES)
