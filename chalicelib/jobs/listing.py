"""Jobs as people see them: lists and live progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chalicelib.contract.values import JobsPage
from chalicelib.jobs import records as jobs
from chalicelib.jobs.outcomes import LineError, Outcome, Span, covering, merged
from chalicelib.jobs.records import Job
from chalicelib.jobs.work import Plan, Work
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
    if key is None:
        return None
    return (
        deployment.presign(key, VALID_S)
        if deployment.presign
        else f"/files/{sign_download(key, deployment)}"
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    job: Job
    total: int
    """Pictures to add or delete; 0 while the file is still being read."""
    done: int
    added: int
    deleted: int
    failed: int
    """Lines, those that planning refused included."""
    errors: tuple[LineError, ...]
    """By line."""
    elapsed_s: float
    """Since the job was started."""


@dataclass(slots=True)
class Watch:
    """Follows one job; remembers what it has read, so that looking again costs one listing and the
    new outcomes.
    """

    collection: str
    group: str
    job_id: int
    _plan: Plan | None = None
    _refused: Outcome | None = None
    _outcomes: dict[Span, Outcome] = field(default_factory=dict)
    _last: Progress | None = None

    def look(self, deployment: Deployment) -> Progress:
        """How far it is now. Raises JobNotFound, StorageError."""
        job = jobs.load(self.collection, self.group, self.job_id, deployment.store)
        work = Work(job, deployment.store)
        if job.finished:
            return self._ended(job, deployment)
        if self._plan is None and (plan := work.plan()):
            self._refused = Outcome.decode(
                deployment.store.get(work.refused_key(plan.attempt)).data
            )
            self._plan = plan
        spans = covering(work.spans(), len(self._plan.sizes)) if self._plan else []
        for span in spans:
            if span not in self._outcomes:
                self._outcomes[span] = work.outcome(span)
        total = merged(
            [*([self._refused] if self._refused else []), *(self._outcomes[span] for span in spans)]
        )
        return Progress(
            job=job,
            total=sum(self._plan.sizes) if self._plan else 0,
            done=sum(span.stop - span.start for span in spans),
            added=total.added,
            deleted=total.deleted,
            failed=len({error.line for error in total.errors}),
            errors=total.errors,
            elapsed_s=deployment.clock() - job.created,
        )

    def _ended(self, job: Job, deployment: Deployment) -> Progress:
        data = deployment.store.get(job.error_key).data if job.error_key else b""
        errors = tuple(LineError.parse(line) for line in data.decode().splitlines())
        return Progress(
            job,
            job.lines,
            job.lines,
            job.added,
            job.deleted,
            job.failed,
            errors,
            job.modified - job.created,
        )
