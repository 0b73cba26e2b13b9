"""What became of the last imports and exports of each collection, for `lookalike doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chalicelib.errors import CollectionNotFound, JobNotFound, LookalikeError
from chalicelib.jobs import records as jobs
from chalicelib.jobs.outcomes import LineError
from chalicelib.jobs.records import Job, JobKind, JobStatus
from chalicelib.jobs.recover import QUIET_S, last_sign
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.doctor import Check

_ERRORS: Final = 3
"""Lines that are named."""


def job_checks(deployment: Deployment, collection: str | None = None) -> Iterator[Check]:
    """A finding for each newest job of a kind that failed, left lines out or is stuck; nothing
    where all is well. Raises nothing.
    """
    try:
        names = [collection] if collection is not None else deployment.catalog.names()
    except LookalikeError:
        return  # the store's own findings say why
    for name in names:
        for group in (JobKind.IMPORT.group, JobKind.EXPORT.group):
            try:
                for job_id in jobs.ids(name, group, deployment.store)[:1]:
                    yield from _job(jobs.load(name, group, job_id, deployment.store), deployment)
            except (CollectionNotFound, JobNotFound):
                continue
            except LookalikeError as error:
                yield Check(f"{group} of {name}", "fail", str(error))


def _job(job: Job, deployment: Deployment) -> Iterator[Check]:
    title = f"{job.kind} {job.id} of {job.collection}"
    if not job.finished:
        quiet_s = deployment.clock() - last_sign(job, deployment)
        if quiet_s > QUIET_S:
            yield Check(
                title,
                "warn",
                f"nobody has worked on it for {quiet_s / 60:.0f} minutes: a server of this store "
                "takes it up within five, where none runs, the same command goes on with it",
            )
    elif job.status is JobStatus.FAIL:
        yield Check(title, "warn", f"failed: {job.message}. Put that right and start it again")
    elif job.failed:
        yield Check(
            title,
            "warn",
            f"left {job.failed} lines out: {_named(job, deployment)}. Correct these lines and "
            "import again; what is there already is replaced",
        )


def _named(job: Job, deployment: Deployment) -> str:
    """The first lines of the error file, each with its reason."""
    data = deployment.store.get(job.error_key or "").data
    errors = [LineError.parse(line.decode()) for line in data.splitlines()[:_ERRORS]]
    return "; ".join(f"{error.place(made_up=job.own_meta)}: {error.message}" for error in errors)
