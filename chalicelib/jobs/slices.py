"""One delivery of a slice: what is left of it, what was done, and what to do about a slice that
kills its workers.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from chalicelib import trace
from chalicelib.errors import AlreadyExists, LookalikeError, ObjectMissing
from chalicelib.jobs.outcomes import Outcome, Span, Unexpected, chain, line_error
from chalicelib.jobs.records import Job
from chalicelib.jobs.tasks import Task
from chalicelib.jobs.work import Entry, Work
from chalicelib.jobs.worker import WorkerContext, run_span
from chalicelib.storage.attempts import create_once
from chalicelib.storage.object_store import ObjectStore

STEPS: Final = (16, 4, 1)
"""Entries per checkpoint at the first, second and third careful try. Where all three died, the next
entry is given up.
"""


def do_slice(
    task: Task, job: Job, store: ObjectStore, context: WorkerContext, *, receives: int
) -> bool:
    """Does a slice from where it was left; whether nothing of it is left. Raises StorageError.

    A first delivery goes on to the end or to the time limit. A later one may mean that a worker
    died, or only that the queue was impatient: it writes down that it tries, and goes in shorter
    steps the more tries came to nothing. So what came before a deadly entry is kept, and in the end
    that entry alone is reported as failed and left behind.
    """
    work = Work(job, store)
    try:
        entries = work.entries(task.attempt, task.slice)
    except ObjectMissing:
        return True  # the job has ended meanwhile
    start = _start(task.slice, len(entries), work, receives)
    if start >= len(entries):
        return True
    tries = work.tried(task.slice, start) if receives > 1 else None
    stop = (
        len(entries)
        if tries is None
        else min(start + STEPS[min(tries, len(STEPS) - 1)], len(entries))
    )
    span = Span(task.slice, start, stop)
    if tries is not None and tries >= len(STEPS):
        outcome = _given_up(entries[start:stop], context)
    else:
        span, outcome = run_span(
            entries[start:stop], span, context, token=f"{job.kind.group}-{job.id}"
        )
    trace.note("pictures", outcome.added)
    trace.note("failures", len(outcome.errors))
    if span.stop < len(entries):
        work.mark_left(task.slice)
    # Whoever did the same span says the same, but for passing trouble with a picture.
    with suppress(AlreadyExists):
        create_once(store, work.outcome_key(span), outcome.encode())
    if span.stop < len(entries):
        return False
    if span.start:
        work.mark_done(task.slice)
    return True


def _start(number: int, size: int, work: Work, receives: int) -> int:
    """The first entry of a slice that is not done. Listed only where somebody may have begun: at a
    further delivery, or after somebody left the rest to others.
    """
    if receives == 1 and not work.is_left(number):
        return size if work.is_done(number, size) else 0
    links = chain(work.spans(number), number)
    if len(links) > 1 and links[-1].stop >= size:
        work.mark_done(number)  # whoever did the last span may have died before
    return links[-1].stop if links else 0


def _given_up(entries: list[Entry], context: WorkerContext) -> Outcome:
    """The outcome of entries on which worker after worker died."""
    error: LookalikeError = Unexpected(
        "several workers died on this line; take it out of the import, or try it alone"
    )
    code = context.code(error)
    return Outcome(
        0, 0, tuple(line_error(entry.item.line, entry.item.text, error, code) for entry in entries)
    )
