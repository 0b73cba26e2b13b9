"""What became of lines: each worker writes down what it did, and the sum of that is the job's
progress and result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple

from chalicelib.errors import LookalikeError

_INPUT_CHARACTERS: Final = 2000
_DIGITS: Final = 7


class Unexpected(LookalikeError):
    """A mistake of ours, met with one picture or one job."""


@dataclass(frozen=True, slots=True)
class LineError:
    """A line that was not carried out."""

    line: int
    """From 1."""
    input: str
    """The line itself, shortened if it is long."""
    code: str
    """As in answers to requests."""
    message: str

    def place(self, *, made_up: bool) -> str:
        """Where it is, for people. `made_up`: whether the increment.meta was made up for a folder
        without one, so that nobody could look up the line; then the picture's name.
        """
        if made_up:
            try:
                return str(json.loads(self.input)["PicName"])
            except (ValueError, KeyError, TypeError):
                pass  # a line cut short, or a product's
        return f"line {self.line}"

    def text(self) -> str:
        """One line of the error file."""
        members = {
            "Line": self.line,
            "Input": self.input,
            "Code": self.code,
            "Message": self.message,
        }
        return json.dumps(members, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str | bytes) -> LineError:
        """From a line of the error file."""
        members = json.loads(text)
        return cls(members["Line"], members["Input"], members["Code"], members["Message"])


def line_error(number: int, text: str, error: LookalikeError, code: str) -> LineError:
    """`error`, met at line `number`."""
    shown = text if len(text) <= _INPUT_CHARACTERS else text[:_INPUT_CHARACTERS] + "…"
    return LineError(number, shown, code, str(error))


class Span(NamedTuple):
    """Entries `start` to `stop` of slice `slice`, done."""

    slice: int
    start: int
    stop: int

    def name(self) -> str:
        """As the last part of a key; sorts by slice, then start."""
        return "-".join(f"{number:0{_DIGITS}d}" for number in self)

    @classmethod
    def named(cls, name: str) -> Span:
        """The span whose name this is."""
        return cls(*map(int, name.split("-")))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a span, or (without one) of the planning."""

    added: int
    deleted: int
    errors: tuple[LineError, ...]

    def encode(self) -> bytes:
        """For the store."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Outcome:
        """From the store."""
        values = json.loads(data)
        return cls(
            values["added"],
            values["deleted"],
            tuple(LineError(**error) for error in values["errors"]),
        )


def chain(spans: Iterable[Span], slice_number: int) -> list[Span]:
    """The spans that together cover a slice from its beginning, without overlap; where two begin
    alike, the longer.

    Two workers that had the same message may have stopped at different entries; their spans then
    overlap and say the same.
    """
    longest: dict[int, Span] = {}
    for span in spans:
        if span.slice == slice_number and (
            span.start not in longest or span.stop > longest[span.start].stop
        ):
            longest[span.start] = span
    found: list[Span] = []
    at = 0
    while at in longest and longest[at].stop > at:
        found.append(longest[at])
        at = longest[at].stop
    return found


def progress(spans: Iterable[Span], slices: int) -> list[int]:
    """Entries done of each slice, counted from its beginning."""
    by_slice: list[list[Span]] = [[] for _ in range(slices)]
    for span in spans:
        by_slice[span.slice].append(span)
    return [
        links[-1].stop if (links := chain(each, number)) else 0
        for number, each in enumerate(by_slice)
    ]


def covering(spans: Iterable[Span], slices: int) -> list[Span]:
    """Spans that hold everything done, each entry once."""
    by_slice: list[list[Span]] = [[] for _ in range(slices)]
    for span in spans:
        by_slice[span.slice].append(span)
    return [link for number, each in enumerate(by_slice) for link in chain(each, number)]


def merged(outcomes: Iterable[Outcome]) -> Outcome:
    """The sum; errors by line, each once."""
    added = deleted = 0
    errors: dict[LineError, None] = {}
    for outcome in outcomes:
        added += outcome.added
        deleted += outcome.deleted
        errors |= dict.fromkeys(outcome.errors)
    return Outcome(
        added, deleted, tuple(sorted(errors, key=lambda error: (error.line, error.message)))
    )
