from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import ge, gt, le, lt, ne
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contract import filters
from chalicelib.contract.filters import MAX_CHARACTERS, MAX_DEPTH, parse
from chalicelib.errors import InvalidFilter
from chalicelib.index.format.columns import Mask, Operator
from chalicelib.index.read.query import Predicate

ROWS = [
    {"int_attr": 1000, "str_attr": "value1"},
    {"int_attr": 100, "int_attr2": 5, "str_attr": "a"},
    {"int_attr": 99, "str_attr": 'say "hi"'},
    {"str_attr": "b", "str_attr4": "z"},
    {},
]


def ordered(order: Callable[[int, int], bool], value: object, other: object) -> bool:
    """Whether both are numbers and in this order."""
    return isinstance(value, int) and isinstance(other, int) and order(value, other)


@dataclass(frozen=True, slots=True)
class ListColumn:
    """The semantics of CONTRACT §2.6 over a plain list."""

    values: list[int | str | None]

    def compare(
        self, operator: Operator, operand: int | str | frozenset[int] | frozenset[str]
    ) -> Mask:
        tests: dict[str, Callable[[Any, Any], bool]] = {
            "=": lambda value, other: value is not None and value == other,
            "!=": ne,
            "in": lambda value, others: value in others,
            "not in": lambda value, others: value not in others,
        }
        for sign, order in {"<": lt, "<=": le, ">": gt, ">=": ge}.items():
            tests[sign] = partial(ordered, order)
        return np.array([tests[operator](value, operand) for value in self.values])


def matching(text: str) -> list[int]:
    predicate: Predicate = parse(text)
    names = (
        "int_attr",
        "int_attr2",
        "int_attr3",
        "int_attr4",
        "str_attr",
        "str_attr2",
        "str_attr3",
        "str_attr4",
    )
    columns = {
        name: ListColumn([row.get(name) for row in ROWS])  # type: ignore[attr-defined]
        for name in names
    }
    return [int(index) for index in np.flatnonzero(predicate(columns))]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("int_attr>=100", [0, 1]),
        ("int_attr > 100", [0]),
        ("int_attr<=99", [2]),
        ("int_attr<100", [2]),
        ("int_attr = -1", []),
        ("int_attr in (1000, 99)", [0, 2]),
        ("int_attr not in (1000,99)", [1, 3, 4]),
        ('str_attr != "value1"', [1, 2, 3, 4]),
        ('str_attr in ("a","b")', [1, 3]),
        ('str_attr NOT IN ("a","b")', [0, 2, 4]),
        (r'str_attr="say \"hi\""', [2]),
        ('int_attr=1000 AND str_attr="value1"', [0]),
        ('(int_attr >= 100 AND str_attr="a")', [1]),
        ('intAttr2=5 or strAttr4="z"', [1, 3]),
        ('str_attr="b" OR int_attr=1000 AND str_attr="nothing"', [3]),
        ('(str_attr="b" OR int_attr=1000) AND str_attr4="z"', [3]),
        ("int_attr2 != 5", [0, 2, 3, 4]),
        ("int_attr3 = 1", []),
        ("int_attr3 not in (1)", [0, 1, 2, 3, 4]),
    ],
)
def test_a_filter_matches(text: str, rows: list[int]) -> None:
    assert matching(text) == rows


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("int_attr >> 1", 10, "whole number"),
        ("int_attr", 8, "expected an operator"),
        ("", 0, "empty"),
        ("   ", 0, "empty"),
        ("str_attr = 'a'", 11, "double quotes, not single"),
        ("int_attr == 1", 9, "write ="),
        ("int_attr <> 1", 9, "write ="),
        ('str_attr = "a', 11, "closing quote"),
        (r'str_attr = "a\n"', 11, "backslash"),
        ('str_attr < "a"', 9, "is text"),
        ("str_attr = 1", 11, "double quotes"),
        ('int_attr = "1"', 11, "without quotes"),
        ("int_attr = 1.5", 11, "unexpected"),
        ("int_attr = 2147483648", 11, "32-bit"),
        ("int_attr = " + "9" * 3000, 11, "32-bit"),
        ("int_attr in 1", 12, r"expected \("),
        ("int_attr in ()", 13, "whole number"),
        ("int_attr in (1", 14, r"expected , or \)"),
        ("int_attr not = 1", 13, "IN after NOT"),
        ("int_attr5 = 1", 0, "an attribute"),
        ("price = 1", 0, "an attribute"),
        ("int_attr = 1 int_attr = 2", 13, "AND, OR"),
        ("int_attr = 1 AND", 16, "an attribute"),
        ("(int_attr = 1", 13, r"expected \)"),
        ("int_attr = 1)", 12, "AND, OR"),
        ("int_attr = 1; drop", 12, "unexpected"),
        ("(" * (MAX_DEPTH + 1) + "int_attr=1", MAX_DEPTH + 1, "nested"),
        ("x" * (MAX_CHARACTERS + 1), MAX_CHARACTERS, "characters"),
    ],
)
def test_a_malformed_filter_is_refused_where_it_is_malformed(
    text: str, position: int, message: str
) -> None:
    with pytest.raises(InvalidFilter, match=message) as caught:
        parse(text)
    assert caught.value.position == position
    assert caught.value.field == "filter"


@given(st.text(max_size=200))
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    with contextlib.suppress(InvalidFilter):
        assert parse(text).text == text


@given(
    st.lists(
        st.sampled_from(
            [
                "int_attr",
                "str_attr2",
                "(",
                ")",
                "and",
                "OR",
                "not",
                "in",
                "=",
                "<",
                ",",
                "7",
                '"a"',
                " ",
            ]
        ),
        max_size=30,
    )
)
def test_no_heap_of_words_does_worse_than_being_refused(words: list[str]) -> None:
    check = test_no_text_does_worse_than_being_refused
    check.hypothesis.inner_test(" ".join(words))  # type: ignore[attr-defined]


def test_a_filter_keeps_its_text() -> None:
    assert parse("int_attr=1").text == "int_attr=1"
    assert parse("int_attr=1").root == filters.Comparison("int_attr", "=", 1)
