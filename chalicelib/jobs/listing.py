"""Jobs as lists show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.contract.values import JobsPage
from chalicelib.jobs import records as jobs
from chalicelib.jobs.records import Job
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.downloads import VALID_S, sign_download


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job as lists show it."""

    id: int
    status: str
    """PROCESSING, SUCCESS or FAIL."""
    code: str
    """`0`, or why the job failed."""
    message: str
    bucket: str
    path: str
    callback: str | None
    error_url: str | None
    """JSON lines of what was not carried out; good for two hours. Begins with / where the gateway
    serves it.
    """
    meta_url: str | None
    """The exported lines, likewise."""
    created: float
    """Seconds since the epoch."""
    modified: float
    added: int
    deleted: int
    failed: int
    """Lines in the error file."""


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some jobs, newest first."""

    jobs: Sequence[ListedJob]
    number: int
    """From 1."""
    size: int
    total: int


def page_of(
    collection: str,
    group: str,
    page: JobsPage,
    deployment: Deployment,
    *,
    fits: Callable[[Job], bool] | None = None,
) -> JobPage:
    """The jobs of a group that fit. Raises CollectionNotFound, StorageError."""
    deployment.catalog.open(collection)
    found = jobs.ids(collection, group, deployment.store)
    first = (page.number - 1) * page.size
    if fits is None:
        chosen = [
            jobs.load(collection, group, job_id, deployment.store)
            for job_id in found[first : first + page.size]
        ]
        total = len(found)
    else:
        fitting = [
            job
            for job_id in found
            if fits(job := jobs.load(collection, group, job_id, deployment.store))
        ]
        chosen, total = fitting[first : first + page.size], len(fitting)
    return JobPage([listed(job, deployment) for job in chosen], page.number, page.size, total)


def listed(job: Job, deployment: Deployment) -> ListedJob:
    """`job` with links to its files."""
    return ListedJob(
        id=job.id,
        status=job.status,
        code=job.code,
        message=job.message,
        bucket=job.bucket,
        path=job.path,
        callback=job.callback,
        error_url=_link(job.error_key, deployment),
        meta_url=_link(job.export_key, deployment),
        created=job.created,
        modified=job.modified,
        added=job.added,
        deleted=job.deleted,
        failed=job.failed,
    )


def _link(key: str | None, deployment: Deployment) -> str | None:
    """Where people download an object of the store; None where there is none."""
    if key is None:
        return None
    return (
        deployment.presign(key, VALID_S)
        if deployment.presign
        else f"/files/{sign_download(key, deployment)}"
    )
