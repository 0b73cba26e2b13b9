"""Watching a job from the command line: a bar, the rate, what is left, errors as they happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from chalicelib.jobs.listing import listed
from chalicelib.jobs.outcomes import LineError
from chalicelib.jobs.progress import Progress as JobProgress
from chalicelib.jobs.progress import Watch
from chalicelib.jobs.records import Job, JobStatus
from chalicelib.usecases.deployment import Deployment
from cli.output import JSON, err, out, visible

_LOOK_S: Final = 0.3
SHOWN: Final = 50
"""Errors shown as they happen; the rest is in the error file."""


class _Rate(TextColumn):
    """Pictures per second since the job was begun or taken up again."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        """`12.3/s`."""
        begun, done = task.fields.get("begun", (0.0, 0))
        elapsed = time.monotonic() - begun
        fresh = int(task.completed) - done
        return Text(f"{fresh / elapsed:.1f}/s" if fresh and elapsed > 0 else "", style="dim")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended."""

    job: Job
    errors: tuple[LineError, ...]
    seconds: float
    """Watched."""
    error_url: str | None

    @property
    def code(self) -> int:
        """The command's exit code."""
        return 0 if self.job.status is JobStatus.SUCCESS and not self.job.failed else 1

    def value(self) -> dict[str, JSON]:
        """For --json."""
        return {
            "job": self.job.id,
            "status": self.job.status,
            "code": self.job.code,
            "message": self.job.message,
            "added": self.job.added,
            "deleted": self.job.deleted,
            "failed": self.job.failed,
            "seconds": round(self.seconds, 2),
            "error_url": self.error_url,
            "errors": [
                {"line": each.line, "code": each.code, "message": each.message, "input": each.input}
                for each in self.errors
            ],
        }

    def show(self) -> None:
        """For people."""
        done = self.job.added + self.job.deleted
        rate = f", {done / self.seconds:.1f} pictures a second" if done and self.seconds > 1 else ""
        style = (
            "green"
            if not self.code
            else "yellow"
            if self.job.status is JobStatus.SUCCESS
            else "red"
        )
        text = (
            f"{self.job.added} added, {self.job.deleted} deleted, {self.job.failed} failed "
            f"in {self.seconds:.1f} s{rate}"
        )
        out.print(Text(text, style=style))
        if self.job.status is JobStatus.FAIL:
            out.print(Text(visible(self.job.message), style="red"))
        if len(self.errors) > SHOWN:
            out.print(f"… and {len(self.errors) - SHOWN} more; `--json` lists them all")


def watch(
    job: Job,
    deployment: Deployment,
    *,
    quiet: bool,
    label: str,
    alive: Callable[[], None] = lambda: None,
) -> Ended:
    """Shows `job` until it ends. `alive` is called at every look. Raises JobNotFound, StorageError,
    KeyboardInterrupt.
    """
    follow = Watch(job.collection, job.kind.group, job.id)
    begun = time.monotonic()
    told: set[LineError] = set()
    with _bar(quiet) as bar:
        task = bar.add_task(label, total=None, begun=(begun, 0))
        first: int | None = None
        while True:
            seen = follow.look(deployment)
            if seen.total and first is None:
                # what earlier runs did is no part of this run's speed
                first = 0 if seen.job.finished else seen.done
                bar.update(task, begun=(time.monotonic(), first))
            bar.update(task, completed=seen.done, total=seen.total or None)
            if not quiet:
                _tell(seen, told, bar)
            if seen.job.finished:
                return Ended(
                    seen.job,
                    seen.errors,
                    time.monotonic() - begun,
                    listed(seen.job, deployment).error_url,
                )
            alive()
            time.sleep(_LOOK_S)


def _bar(quiet: bool) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=err,
        disable=quiet or not err.is_terminal,
    )


def _tell(seen: JobProgress, told: set[LineError], bar: Progress) -> None:
    """Prints the errors that were not told yet; slices end in any order, so new ones may stand
    anywhere.
    """
    for error in seen.errors:
        if error not in told:
            told.add(error)
            if len(told) <= SHOWN:
                bar.console.print(
                    Text.assemble(
                        (f"{visible(error.place(made_up=seen.job.own_meta))}: ", "yellow"),
                        (error.code, "bold"),
                        " ",
                        visible(error.message),
                    )
                )
