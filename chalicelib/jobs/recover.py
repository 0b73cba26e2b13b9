"""Looks after jobs whose messages were lost or whose coordinator died at the wrong moment; runs on
a schedule and at a local start.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from chalicelib.errors import JobNotFound
from chalicelib.jobs import records as jobs
from chalicelib.jobs.completion import fail, finish
from chalicelib.jobs.coordinator import publish
from chalicelib.jobs.outcomes import Unexpected, progress
from chalicelib.jobs.records import Job, JobKind, update
from chalicelib.jobs.tasks import SLICE_SECONDS, Task
from chalicelib.jobs.wording import Wording
from chalicelib.jobs.work import Work
from chalicelib.usecases.deployment import Deployment

_log = logging.getLogger(__name__)

QUIET_S: Final = SLICE_SECONDS + 300.0
"""Without a sign of life for this long, no worker can be at it any more."""
_LOOK_AT: Final = 20
"""Newest jobs of a group; older ones that never ended are history."""
REVIVALS: Final = 5
"""In a row without one more entry done; after them a job is given up."""


def recover(deployment: Deployment, wording: Wording, *, quiet_s: float = QUIET_S) -> list[Job]:
    """Hands what is missing of each unfinished job that was quiet for `quiet_s` to the queue again;
    those jobs. One that cannot be looked after does not keep the others from it.

    Raises the first error, after trying all.
    """
    revived: list[Job] = []
    failure: Exception | None = None
    for collection, group, job_id in _newest(deployment):
        try:
            job = jobs.load(collection, group, job_id, deployment.store)
            if not job.finished and last_sign(job, deployment) <= deployment.clock() - quiet_s:
                _revive(job, deployment, wording)
                revived.append(job)
        except JobNotFound:
            continue
        except Exception as error:  # noqa: BLE001  # raised below
            _log.warning(
                "job %d of collection %s cannot be looked after: %s", job_id, collection, error
            )
            failure = failure or error
    if failure is not None:
        raise failure
    return revived


def _newest(deployment: Deployment) -> Iterator[tuple[str, str, int]]:
    for collection in deployment.catalog.names():
        for group in (JobKind.IMPORT.group, JobKind.EXPORT.group):
            for job_id in jobs.ids(collection, group, deployment.store)[:_LOOK_AT]:
                yield collection, group, job_id


def last_sign(job: Job, deployment: Deployment) -> float:
    """When somebody last wrote something for `job`, seconds since the epoch."""
    return max(
        [
            job.modified,
            *(stat.modified for stat in deployment.store.list(Work(job, deployment.store).prefix)),
        ]
    )


def _revive(job: Job, deployment: Deployment, wording: Wording) -> None:
    """Hands out what is missing; ends the job where nothing is, and its end was not written."""
    work = Work(job, deployment.store)
    plan = work.plan() if job.kind is not JobKind.EXPORT else None
    done = sum(progress(work.spans(), len(plan.sizes))) if plan else 0
    revivals = job.revivals + 1 if done == job.reached else 1
    if revivals > REVIVALS:
        error = Unexpected(
            f"it was handed out {REVIVALS} times and got no further; the log says why"
        )
        fail(job, error, deployment, wording)
        return
    _log.warning(
        "job %d of collection %s was quiet for too long; its work is handed out again",
        job.id,
        job.collection,
    )

    def noted(current: Job) -> Job:
        return replace(current, modified=deployment.clock(), revivals=revivals, reached=done)

    update(job, deployment.store, noted)
    if not hand_out(job, deployment) and plan:
        finish(job, plan, deployment, wording)


def hand_out(job: Job, deployment: Deployment) -> int:
    """Sends the messages that are still to be done, whether or not they are in the queue already;
    how many. Raises StorageError.
    """
    work = Work(job, deployment.store)
    plan = work.plan() if job.kind is not JobKind.EXPORT else None
    if plan is not None:
        return publish(job, plan, work, deployment)
    deployment.queue.send(
        [Task("export" if job.kind is JobKind.EXPORT else "plan", job.collection, job.id).text()]
    )
    return 1
