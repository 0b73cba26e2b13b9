"""What the queue is told: one message, one piece of a job's work."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

from chalicelib.errors import LookalikeError

SLICE_SECONDS: Final = 900
"""Longest a worker may take; Lambda's own limit."""


_Kind = Literal["plan", "slice", "export"]


class UnreadableTask(LookalikeError):
    """A message that is no task of this version: a newer one's, or damaged."""


@dataclass(frozen=True, slots=True)
class Task:
    """A message of the queue."""

    do: _Kind
    collection: str
    job: int
    slice: int = 0
    attempt: str = ""
    """Of the plan that cut the slice."""

    def text(self) -> str:
        """For the queue."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Task:
        """From the queue. Raises UnreadableTask for what is none of this version."""
        try:
            task = cls(**json.loads(text))
        except (ValueError, TypeError, RecursionError) as error:
            raise UnreadableTask(
                f"the message {text[:200]!r} is none that this version knows; after an upgrade "
                "it may be delivered again"
            ) from error
        if task.do not in get_args(_Kind) or not all(
            type(value) is kind
            for value, kind in (
                (task.collection, str),
                (task.job, int),
                (task.slice, int),
                (task.attempt, str),
            )
        ):
            raise UnreadableTask(f"the message {text[:200]!r} does not say what to do")
        return task
