"""The end of a job: adds up what workers wrote down, writes the error file, and says so once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Final

from chalicelib.errors import AlreadyExists, CollectionNotFound, LookalikeError, StorageError
from chalicelib.jobs.listing import listed
from chalicelib.jobs.outcomes import Outcome, covering, merged, progress
from chalicelib.jobs.records import Job, JobKind, JobStatus, update
from chalicelib.jobs.replay import missed, replay
from chalicelib.jobs.wording import Wording
from chalicelib.jobs.work import Plan, Work
from chalicelib.storage.attempts import create_once
from chalicelib.usecases.deployment import Deployment

_log = logging.getLogger(__name__)
_READERS: Final = 8


def finish(job: Job, made: Plan, deployment: Deployment, wording: Wording) -> bool:
    """Ends `job` if all of it is done; whether it was. May be called by several workers at once:
    one of them wins.

    Raises StorageError.
    """
    work = Work(job, deployment.store)
    spans = work.spans()
    if progress(spans, len(made.sizes)) != list(made.sizes):
        return False
    with ThreadPoolExecutor(_READERS) as pool:
        outcomes = list(pool.map(work.outcome, covering(spans, len(made.sizes))))
    refused = Outcome.decode(deployment.store.get(work.refused_key(made.attempt)).data)
    total = merged([refused, *outcomes])
    if total.errors:
        with suppress(AlreadyExists):
            create_once(
                deployment.store,
                work.errors_key,
                "\n".join(error.text() for error in total.errors).encode() + b"\n",
            )
    end(job, _ending(job, total, work, deployment), deployment, wording)
    return True


def _ending(job: Job, total: Outcome, work: Work, deployment: Deployment) -> Callable[[Job], Job]:
    """How `job` reads when it has ended. In a rebuild this also switches the generations."""
    failed = len({error.line for error in total.errors})
    status, code, message = JobStatus.SUCCESS, "0", "success"
    if failed:
        message = f"{failed} of the lines could not be carried out; the error file names each"
    if failed and not total.added + total.deleted:
        first = total.errors[0]
        status, code, message = (
            JobStatus.FAIL,
            first.code,
            f"no line could be carried out; line {first.line}: {first.message}",
        )
    # before the job says that it has ended: who reads its end finds the new records
    if job.kind is JobKind.REBUILD and status is JobStatus.SUCCESS:
        status, code, message = _switch(job, failed, total.added, deployment) or (
            status,
            code,
            message,
        )
    return lambda current: replace(
        current,
        status=status,
        code=code,
        message=message,
        added=total.added,
        deleted=total.deleted,
        failed=failed,
        error_key=work.errors_key if failed else None,
        modified=deployment.clock(),
    )


def _switch(
    job: Job, failed: int, added: int, deployment: Deployment
) -> tuple[JobStatus, str, str] | None:
    """Puts the new generation in the old one's place. The job's status, code and message where that
    may not be; None where it was done.
    """
    if failed and not job.accept_failures:
        message = (
            f"{failed} lines failed, so the old records stay in place; correct them, or "
            "accept failures and rebuild again"
        )
        return JobStatus.FAIL, "BadRequest", message
    if not added:
        return (
            JobStatus.FAIL,
            "BadRequest",
            "increment.meta adds nothing, so the old records stay in place",
        )
    stuck = _replace(job, deployment)
    if stuck:
        message = (
            f"{stuck} pictures were added by the old models while the rebuild ran, so "
            "the old records stay in place; rebuild again"
        )
        return JobStatus.FAIL, "InstanceStatusError", message
    return None


def _replace(job: Job, deployment: Deployment) -> int:
    """Puts the new generation in the old one's place, with what was written to the old one
    meanwhile. How many pictures forbid it.
    """
    before = Work(job, deployment.store).before_key
    old, generation = (
        deployment.catalog.retired(job.collection, job.replaces or ""),
        job.generation or "",
    )
    new = deployment.catalog.generation(job.collection, generation)
    found = missed(before, old.snapshot(), new.snapshot(), deployment.store)
    if found.stuck and not job.accept_failures:
        return found.stuck
    replay(found, new)
    deployment.catalog.switch(job.collection, generation)
    # An add may have been acknowledged between that look and the switch; from the switch on,
    # nothing more is acknowledged in the old one.
    replay(missed(before, old.snapshot(), new.snapshot(), deployment.store), new)
    return 0


def fail(job: Job, error: LookalikeError, deployment: Deployment, wording: Wording) -> None:
    """Ends `job` for a reason that concerns all of it. Raises StorageError."""
    code, message = wording.code(error), str(error)
    end(
        job,
        lambda current: replace(
            current, status=JobStatus.FAIL, code=code, message=message, modified=deployment.clock()
        ),
        deployment,
        wording,
    )


def end(job: Job, ending: Callable[[Job], Job], deployment: Deployment, wording: Wording) -> None:
    """Writes the end; whoever does also tells the callback address and clears up."""
    ended, ours = update(job, deployment.store, ending)
    if not ours:
        return
    _log.info(
        "job %d of collection %s ended: %s, %d added, %d failed",
        job.id,
        job.collection,
        ended.status,
        ended.added,
        ended.failed,
    )
    if ended.kind is JobKind.REBUILD and ended.status is JobStatus.FAIL and ended.generation:
        _abandon(ended, deployment)
    if ended.callback:
        deployment.notify(
            ended.callback,
            json.dumps(wording.row(listed(ended, deployment)), ensure_ascii=False).encode(),
        )
    try:
        Work(ended, deployment.store).clear()
    except StorageError as error:  # the job has ended all the same; jobs/retention.py clears up
        _log.warning("what job %d needed is still there: %s", ended.id, error)


def _abandon(job: Job, deployment: Deployment) -> None:
    """Removes what a rebuild has made; where that may not be, the collector does it later."""
    try:
        deployment.catalog.abandon(job.collection, job.generation or "")
    except (CollectionNotFound, StorageError) as error:
        _log.warning("generation %s of job %d is left behind: %s", job.generation, job.id, error)
