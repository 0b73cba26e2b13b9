"""How far a job is, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.jobs import records as jobs
from chalicelib.jobs.outcomes import LineError, Outcome, Span, covering, merged
from chalicelib.jobs.records import Job
from chalicelib.jobs.work import Plan, Work
from chalicelib.usecases.deployment import Deployment


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
    _refused: Outcome = field(default_factory=lambda: Outcome(0, 0, ()))
    _outcomes: dict[Span, Outcome] = field(default_factory=dict)
    _last: Progress | None = None

    def look(self, deployment: Deployment) -> Progress:
        """How far it is now. Raises JobNotFound, StorageError."""
        job = jobs.load(self.collection, self.group, self.job_id, deployment.store)
        work = Work(job, deployment.store)
        if job.finished:
            return self._ended(job, deployment)
        sizes = self._sizes(work, deployment)
        spans = covering(work.spans(), len(sizes)) if sizes else []
        total = merged([self._refused, *self._read(spans, work)])
        return Progress(
            job=job,
            total=sum(sizes),
            done=sum(span.stop - span.start for span in spans),
            added=total.added,
            deleted=total.deleted,
            failed=len({error.line for error in total.errors}),
            errors=total.errors,
            elapsed_s=deployment.clock() - job.created,
        )

    def _sizes(self, work: Work, deployment: Deployment) -> tuple[int, ...]:
        """Entries of each slice; none until planning has ended."""
        if self._plan is None and (plan := work.plan()):
            refused = deployment.store.get(work.refused_key(plan.attempt)).data
            self._refused = Outcome.decode(refused)
            self._plan = plan
        return self._plan.sizes if self._plan else ()

    def _read(self, spans: list[Span], work: Work) -> list[Outcome]:
        """The outcomes of `spans`; only those that are new are fetched."""
        for span in spans:
            if span not in self._outcomes:
                self._outcomes[span] = work.outcome(span)
        return [self._outcomes[span] for span in spans]

    def _ended(self, job: Job, deployment: Deployment) -> Progress:
        """What is left to be seen of a job that has ended: its record and its error file."""
        data = deployment.store.get(job.error_key).data if job.error_key else b""
        errors = tuple(LineError.parse(line) for line in data.splitlines())
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
