"""Attributes as columns, and what a filter may ask of them (Column)."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.text import Text

Mask = npt.NDArray[np.bool_]
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in"]
Operand = int | str | frozenset[int] | frozenset[str]

_ORDER: dict[str, Callable[..., Mask]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NEGATIVE = frozenset({"!=", "not in"})


class Column(Protocol):
    """One attribute of all rows. An unset value matches only `!=` and `not in` (CONTRACT §2.6)."""

    def compare(
        self, operator: Operator, operand: int | str | frozenset[int] | frozenset[str]
    ) -> Mask:
        """[rows] bool."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class IntColumn:
    """A number per row, or none."""

    values: npt.NDArray[np.int64]
    present: Mask

    def compare(self, operator: Operator, operand: Operand) -> Mask:
        """See Column."""
        if operator in {"in", "not in"}:
            found = np.isin(self.values, np.fromiter(_numbers(operand), np.int64))
        else:
            (number,) = _numbers(operand)
            found = (
                _ORDER[operator](self.values, number)
                if operator in _ORDER
                else self.values == number
            )
        found &= self.present
        return ~found if operator in _NEGATIVE else found

    def value(self, row: int) -> int | None:
        """What `row` says."""
        return int(self.values[row]) if self.present[row] else None


@dataclass(frozen=True, slots=True, eq=False)
class WordColumn:
    """A string per row, or none: a table of the different ones, and for each row its place
    there.
    """

    words: Text
    codes: npt.NDArray[np.int32]
    """-1: none."""

    def compare(self, operator: Operator, operand: Operand) -> Mask:
        """See Column. Strings are ordered by code point."""
        words = list(self.words)
        if operator in _ORDER:
            (bound,) = _strings(operand)
            fits = np.array([_ORDER[operator](word, bound) for word in words], dtype=np.bool_)
        else:
            wanted = _strings(operand)
            fits = np.array([word in wanted for word in words], dtype=np.bool_)
        found: Mask = np.append(fits, False)[self.codes]  # row -1, the last, is "none"
        return ~found if operator in _NEGATIVE else found

    def value(self, row: int) -> str | None:
        """What `row` says."""
        code = int(self.codes[row])
        return None if code < 0 else self.words[code]


@dataclass(frozen=True, slots=True)
class UnsetColumn:
    """Nothing in any row."""

    size: int

    # nothing equals nothing
    def compare(self, operator: Operator, operand: Operand) -> Mask:  # noqa: ARG002
        """See Column."""
        return np.full(self.size, operator in _NEGATIVE)

    def value(self, row: int) -> None:  # the same for all
        """None."""


AnyColumn = IntColumn | WordColumn | UnsetColumn


def word_column(strings: Sequence[str | None]) -> WordColumn:
    """The column of these strings."""
    words = sorted({string for string in strings if string is not None})
    places: dict[str | None, int] = {word: place for place, word in enumerate(words)}
    places[None] = -1
    return WordColumn(
        Text.of(words), np.fromiter((places[string] for string in strings), np.int32, len(strings))
    )


def _numbers(operand: Operand) -> frozenset[int]:
    operands: frozenset[object] = (
        frozenset(operand) if isinstance(operand, frozenset) else frozenset((operand,))
    )
    if not all(isinstance(one, int) for one in operands):
        raise TypeError(f"{operand!r} compared with numbers")
    return operands  # type: ignore[return-value]  # checked above


def _strings(operand: Operand) -> frozenset[str]:
    operands: frozenset[object] = (
        frozenset(operand) if isinstance(operand, frozenset) else frozenset((operand,))
    )
    if not all(isinstance(one, str) for one in operands):
        raise TypeError(f"{operand!r} compared with strings")
    return operands  # type: ignore[return-value]  # checked above
