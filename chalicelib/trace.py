"""What happens during one request or event, gathered for its log line. Where nothing listens,
everything here does nothing.

Ground vocabulary: any floor may say `with stage("vision")` or `note("rows_scanned", 1000)`. The
names are a closed list, so that no picture, secret or attribute can reach a log by accident.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal[
    "authenticate",
    "decode",
    "vision",
    "snapshot",
    "search",
    "append",
    "compact",
    "collect",
    "import",
    "export",
    "upload",
]
Fact = Literal[
    "collection",
    "access_key_id",
    "rows_scanned",
    "rows_found",
    "snapshot",
    "parts",
    "job",
    "pictures",
    "failures",
    "collections",
    "log_objects",
    "oldest_log_s",
    "overdue_deletions",
    "segments",
    "garbage",
]


@dataclass(slots=True)
class Trace:
    """One request's account."""

    clock: Callable[[], float] = time.perf_counter
    """Seconds from any origin."""
    facts: dict[Fact, str | int | float] = field(default_factory=dict)
    stages: dict[Stage, float] = field(default_factory=dict)
    """Milliseconds; a stage entered twice adds up."""


_current: ContextVar[Trace | None] = ContextVar("lookalike_trace", default=None)


@contextmanager
def listening(trace: Trace) -> Iterator[Trace]:
    """Inside, `stage` and `note` of this thread write into `trace`."""
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Adds the time spent inside to the stage `name`."""
    trace = _current.get()
    if trace is None:
        yield
        return
    begun = trace.clock()
    try:
        yield
    finally:
        trace.stages[name] = trace.stages.get(name, 0.0) + (trace.clock() - begun) * 1000


def note(fact: Fact, value: str | float) -> None:
    """Records `value`; the last one stands."""
    trace = _current.get()
    if trace is not None:
        trace.facts[fact] = value
