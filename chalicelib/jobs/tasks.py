"""What the queue is told: one message, one piece of a job's work."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

SLICE_SECONDS: Final = 900
"""Longest a worker may take; Lambda's own limit."""


@dataclass(frozen=True, slots=True)
class Task:
    """A message of the queue."""

    do: Literal["plan", "slice", "export"]
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
        """From the queue."""
        return cls(**json.loads(text))
