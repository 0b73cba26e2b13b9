"""One JSON line per request or event. On Lambda the same line carries CloudWatch embedded metrics,
so nothing is called and nothing waits.

Never in it: pictures, secrets, signatures, attributes, product ids, what the caller typed. Why no
library: docs/adr/0050-one-log-line.md.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from chalicelib.trace import Fact, Trace, listening

NAMESPACE: Final = "Lookalike"
_MAX_TEXT: Final = 128
_JOBS: Final = frozenset(
    ("compact", "collect", "import_event", "import_slice", "recover_imports", "search_part")
)
"""Actions that are no requests. Each has a function of its own, whose runs, errors and durations
Lambda counts itself.
"""
_JOB_METRICS: Final[dict[Fact, tuple[str, str]]] = {
    "pictures": ("Pictures", "Count"),
    "failures": ("PictureFailures", "Count"),
    "log_objects": ("LogObjects", "Count"),
    "oldest_log_s": ("OldestLogSeconds", "Seconds"),
    "overdue_deletions": ("OverdueDeletions", "Count"),
}
_LOGGER: Final = logging.getLogger("lookalike.requests")
_process: Final[dict[str, bool]] = {"cold": True}


@dataclass(slots=True)
class LogLine:
    """What the line will say. `action` must come from a table of known actions: it becomes a
    metric's dimension, and those cost money.
    """

    request_id: str
    action: str = "none"
    version: str = ""
    status: int = 500
    code: str = "unfinished"
    trace: Trace = field(default_factory=Trace)

    def outcome(self, status: int, code: str) -> None:
        """The HTTP status and, for errors, the contract's code; "ok" otherwise."""
        self.status = status
        self.code = code


@contextmanager
def line(
    request_id: str,
    *,
    action: str = "none",
    emit: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.perf_counter,
    function: str | None = None,
) -> Iterator[LogLine]:
    """Opens a request's account and writes its line at the end, whatever happens inside.

    `function` names the Lambda function whose metrics these are; None: by the environment; "": no
    metrics.
    """
    if function is None:
        function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    entry = LogLine(request_id, action, trace=Trace(timer))
    cold, _process["cold"] = _process["cold"], False
    begun = timer()
    try:
        with listening(entry.trace):
            yield entry
    except BaseException as error:
        entry.outcome(500, type(error).__name__)
        raise
    finally:
        elapsed = (timer() - begun) * 1000
        (emit or _emit)(render(entry, elapsed_ms=elapsed, cold=cold, at=clock(), function=function))


def render(entry: LogLine, *, elapsed_ms: float, cold: bool, at: float, function: str) -> str:
    """The line as JSON text; with embedded metrics when `function` is named."""
    members: dict[str, object] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
        + f".{int(at * 1000) % 1000:03d}Z",
        "request_id": _text(entry.request_id),
        "action": entry.action,
        "version": _text(entry.version),
        "status": entry.status,
        "code": _text(entry.code),
        "ms": round(elapsed_ms, 1),
        "cold": cold,
    }
    members.update(
        {
            name: _text(value) if isinstance(value, str) else value
            for name, value in entry.trace.facts.items()
        }
    )
    if entry.trace.stages:
        members["stages_ms"] = {name: round(spent, 1) for name, spent in entry.trace.stages.items()}
    if function:
        members.update(_metrics(entry, elapsed_ms, cold=cold, at=at, function=function))
    return json.dumps(members, ensure_ascii=True, separators=(",", ":"))


def _metrics(
    entry: LogLine, elapsed_ms: float, *, cold: bool, at: float, function: str
) -> dict[str, object]:
    """Embedded metric format: the values as members, and under `_aws` what they are.

    Each name costs money for every hour in which it has a value (docs/COSTS.md), so a count of
    nothing is left out.
    """
    metrics: dict[str, tuple[float, str]] = {}
    timed: dict[str, tuple[float, str]] = {}
    if entry.action in _JOBS:
        for fact, (name, unit) in _JOB_METRICS.items():
            value = entry.trace.facts.get(fact)
            if isinstance(value, int | float):
                metrics[name] = (value, unit)
    else:
        counts = {
            "Requests": True,
            "Failures": entry.status >= 500,
            "Refusals": 400 <= entry.status < 500,
            "ColdStarts": cold,
        }
        metrics = {name: (1, "Count") for name, counted in counts.items() if counted}
        timed["Duration"] = (round(elapsed_ms, 1), "Milliseconds")
    directives = [
        _directive(metrics, ["FunctionName"]),
        _directive(timed, ["FunctionName", "Action"]),
    ]
    aws = {
        "Timestamp": int(at * 1000),
        "CloudWatchMetrics": [directive for directive in directives if directive["Metrics"]],
    }
    values = {name: value for name, (value, _) in {**metrics, **timed}.items()}
    return {"_aws": aws, "FunctionName": function, "Action": entry.action, **values}


def _directive(metrics: dict[str, tuple[float, str]], dimensions: list[str]) -> dict[str, object]:
    members = [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()]
    return {"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": members}


def _text(value: str) -> str:
    return value if len(value) <= _MAX_TEXT else value[: _MAX_TEXT - 1] + "…"


def _emit(text: str) -> None:
    """To stdout on Lambda, where CloudWatch needs the bare line; elsewhere to the log, which may be
    silent.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    else:
        _LOGGER.info("%s", text)
