"""Looks after jobs whose messages were lost or whose coordinator died at the wrong moment; runs on
a schedule and at a local start.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Final

from chalicelib.errors import JobNotFound
from chalicelib.jobs import records as jobs
from chalicelib.jobs.completion import finish
from chalicelib.jobs.coordinator import publish
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


def recover(deployment: Deployment, wording: Wording, *, quiet_s: float = QUIET_S) -> list[Job]:
    """Hands what is missing of each unfinished job that was quiet for `quiet_s` to the queue again;
    those jobs. Raises StorageError.
    """
    revived = []
    for collection in deployment.catalog.names():
        for group in (JobKind.IMPORT.group, JobKind.EXPORT.group):
            for job_id in jobs.ids(collection, group, deployment.store)[:_LOOK_AT]:
                try:
                    job = jobs.load(collection, group, job_id, deployment.store)
                except JobNotFound:
                    continue
                if not job.finished and _last_sign(job, deployment) <= deployment.clock() - quiet_s:
                    _revive(job, deployment, wording)
                    revived.append(job)
    return revived


def _last_sign(job: Job, deployment: Deployment) -> float:
    return max(
        [
            job.modified,
            *(stat.modified for stat in deployment.store.list(Work(job, deployment.store).prefix)),
        ]
    )


def _revive(job: Job, deployment: Deployment, wording: Wording) -> None:
    """Hands out what is missing; ends the job where nothing is, and its end was not written."""
    _log.warning(
        "job %d of collection %s was quiet for too long; its work is handed out again",
        job.id,
        job.collection,
    )
    update(job, deployment.store, lambda current: replace(current, modified=deployment.clock()))
    if not hand_out(job, deployment):
        plan = Work(job, deployment.store).plan()
        if plan:
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
