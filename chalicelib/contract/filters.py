r"""The filter language (CONTRACT §2.6), compiled once per request to a predicate over columns.

    filter     = all { OR all }                     AND binds tighter than OR
    all        = test { AND test }
    test       = "(" filter ")" | comparison
    comparison = int_name  ( = | != | < | <= | > | >= ) integer
               | int_name  [ NOT ] IN "(" integer { "," integer } ")"
               | str_name  ( = | != ) string
               | str_name  [ NOT ] IN "(" string { "," string } ")"
    string     = '"' characters '"'                 \" and \\ inside stand for " and \

Names are int_attr, int_attr2 … str_attr4, or as one sample of the reference spells them intAttr,
strAttr2. Keywords in any case.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol, TypeVar, cast

from chalicelib.errors import InvalidFilter

MAX_CHARACTERS: Final = 4096
"""CONTRACT §1.4."""
MAX_DEPTH: Final = 64
"""Parentheses inside one another; a limit of ours, so that no input can exhaust the stack."""

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in"]
Operand = int | str | frozenset[int] | frozenset[str]
MaskT = TypeVar("MaskT")
MaskT_co = TypeVar("MaskT_co", covariant=True)


class FilterColumn(Protocol[MaskT_co]):
    """One attribute of all rows, as the index offers it."""

    def compare(self, operator: Operator, operand: Operand) -> MaskT_co:
        """The rows for which the comparison holds."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute against a value or a set of values."""

    name: str
    operator: Operator
    operand: Operand


@dataclass(frozen=True, slots=True)
class Every:
    """All parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one part holds."""

    parts: tuple[Node, ...]


Node = Comparison | Every | Some


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter. Called with columns by attribute name, it answers the mask of the
    matching rows.
    """

    text: str
    """As the caller wrote it."""
    root: Node

    def __call__(self, columns: Mapping[str, FilterColumn[MaskT]]) -> MaskT:
        """The mask of matching rows; masks need `&` and `|`."""
        return _evaluate(self.root, columns)


def _evaluate(node: Node, columns: Mapping[str, FilterColumn[MaskT]]) -> MaskT:
    """The rows of `columns` for which `node` holds."""
    if isinstance(node, Comparison):
        return columns[node.name].compare(node.operator, node.operand)
    join = operator.and_ if isinstance(node, Every) else operator.or_
    mask = _evaluate(node.parts[0], columns)
    for part in node.parts[1:]:
        mask = cast("MaskT", join(mask, _evaluate(part, columns)))
    return mask


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


_TOKENS: Final = re.compile(
    r"""\s*(?:
    (?P<number>[+-]?\d+(?![\w.]))
  | (?P<word>[A-Za-z_]\w*)
  | (?P<string>"(?:[^"\\]|\\["\\])*")
  | (?P<operator><=|>=|!=|<(?!>)|>|=(?!=))
  | (?P<mark>[(),])
    )""",
    re.VERBOSE | re.ASCII,
)
_NAME: Final = re.compile(r"(int|str)_?[Aa]ttr([234]?)", re.ASCII)
_INT32: Final = range(-(2**31), 2**31)


def _tokens(text: str) -> Iterator[_Token]:
    """The words, numbers, strings and marks of `text`. Raises InvalidFilter."""
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKENS.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise InvalidFilter(start, f"filter: {_what(text[start:])} at character {start}")
        yield _Token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup))
        position = match.end()
    yield _Token("end", "the end", end)


def _what(rest: str) -> str:
    """What a text that no token begins with looks like, for the message."""
    if rest[0] == '"':
        return (
            "a string without its closing quote, "
            "or with a backslash before something other than a quote or a backslash,"
        )
    if rest[0] == "'":
        return "strings stand in double quotes, not single ones,"
    if rest.startswith(("==", "<>")):
        return f"{rest[:2]!r} is no operator; write = or !=,"
    return f"unexpected {rest[:12]!r}"


class _Parser:
    """Recursive descent over the grammar above, one method per rule."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._next = 0

    def parse(self) -> Node:
        node = self._filter(0)
        if self._peek().kind != "end":
            self._fail("expected AND, OR or the end")
        return node

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _word(self, word: str) -> bool:
        token = self._peek()
        if token.kind == "word" and token.text.lower() == word:
            self._next += 1
            return True
        return False

    def _mark(self, mark: str) -> bool:
        token = self._peek()
        if token.kind == "mark" and token.text == mark:
            self._next += 1
            return True
        return False

    def _fail(self, expectation: str) -> None:
        token = self._peek()
        raise InvalidFilter(
            token.position,
            f"filter: {expectation}, found {token.text!r} at character {token.position}",
        )

    def _filter(self, depth: int) -> Node:
        parts = [self._all(depth)]
        while self._word("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _all(self, depth: int) -> Node:
        parts = [self._test(depth)]
        while self._word("and"):
            parts.append(self._test(depth))
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _test(self, depth: int) -> Node:
        """A comparison, or a filter in parentheses, `depth` of them outside."""
        if not self._mark("("):
            return self._comparison()
        if depth >= MAX_DEPTH:
            self._fail(f"parentheses may be nested {MAX_DEPTH} deep")
        node = self._filter(depth + 1)
        if not self._mark(")"):
            self._fail("expected )")
        return node

    def _comparison(self) -> Comparison:
        """One attribute, an operator and its value or values."""
        name, kind = self._name()
        if self._word("not"):
            if not self._word("in"):
                self._fail("expected IN after NOT")
            return Comparison(name, "not in", self._set(name, kind))
        if self._word("in"):
            return Comparison(name, "in", self._set(name, kind))
        token = self._peek()
        if token.kind != "operator":
            self._fail(f"expected an operator after {name}")
        if kind == "str" and token.text not in {"=", "!="}:
            self._fail(f"{name} is text: its operators are =, !=, in, not in")
        self._take()
        return Comparison(name, cast("Operator", token.text), self._value(name, kind))

    def _name(self) -> tuple[str, str]:
        """(attribute, int or str)."""
        token = self._peek()
        match = _NAME.fullmatch(token.text) if token.kind == "word" else None
        if match is None:
            self._fail(
                "expected an attribute: int_attr, int_attr2 to int_attr4, str_attr, str_attr2 to "
                "str_attr4"
            )
            raise AssertionError
        self._take()
        return f"{match[1]}_attr{match[2]}", match[1]

    def _value(self, name: str, kind: str) -> int | str:
        """The next token, if it is of the attribute's `kind`."""
        token = self._peek()
        if kind == "int":
            if token.kind != "number":
                self._fail(f"{name} is compared with a whole number without quotes")
            # twenty digits are past any limit already; int() of a long text is slow and refused by
            # Python itself
            if len(token.text) > 20 or int(token.text) not in _INT32:
                self._fail(f"{name} is a 32-bit number; expected -2147483648 to 2147483647")
            return int(self._take().text)
        if token.kind != "string":
            self._fail(f"{name} is compared with text in double quotes")
        return re.sub(r'\\(["\\])', r"\1", self._take().text[1:-1])

    def _set(self, name: str, kind: str) -> frozenset[int] | frozenset[str]:
        """The values in parentheses after IN."""
        if not self._mark("("):
            self._fail("expected ( and a list of values")
        values = [self._value(name, kind)]
        while self._mark(","):
            values.append(self._value(name, kind))
        if not self._mark(")"):
            self._fail("expected , or )")
        return cast("frozenset[int] | frozenset[str]", frozenset(values))


def parse(text: str) -> Filter:
    """The filter written in `text`. Raises InvalidFilter, with the position of what is wrong."""
    if len(text) > MAX_CHARACTERS:
        raise InvalidFilter(
            MAX_CHARACTERS, f"filter: {len(text)} characters; at most {MAX_CHARACTERS} are allowed"
        )
    if not text.strip():
        raise InvalidFilter(0, "filter: it is empty; leave it out to match everything")
    return Filter(text=text, root=_Parser(text).parse())
