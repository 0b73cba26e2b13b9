"""Does what a message of the queue says. Messages come at least once, in any order, and again after
their worker died.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from chalicelib import trace
from chalicelib.errors import (
    JobNotFound,
    LookalikeError,
    OutcomeUnknown,
    SourceError,
    SourceFault,
    StoreUnavailable,
)
from chalicelib.index.collection import Collection
from chalicelib.jobs import records as jobs
from chalicelib.jobs.carry_over import known_to
from chalicelib.jobs.completion import fail, finish
from chalicelib.jobs.coordinator import OpenMeta, plan
from chalicelib.jobs.export_file import export
from chalicelib.jobs.last_slice import was_last
from chalicelib.jobs.outcomes import Unexpected
from chalicelib.jobs.records import Job, JobKind
from chalicelib.jobs.slices import do_slice
from chalicelib.jobs.tasks import Task
from chalicelib.jobs.tenancy import open_source
from chalicelib.jobs.wording import Wording
from chalicelib.jobs.work import Work
from chalicelib.jobs.worker import WorkerContext
from chalicelib.storage.source import Location, MetaFile
from chalicelib.usecases.add import fitting_analyzer
from chalicelib.usecases.deployment import Deployment

_log = logging.getLogger(__name__)

BUSY_S: Final = 30
"""Until a job whose collection is busy with another looks again."""
LATER_S: Final = 60
"""Until work is tried again that met a store or bucket which did not answer."""


TRIES: Final = 5
"""Deliveries of a message that fails as nothing should. With the fifth a slice has given up the
line it failed on (slices.py), so a job that fails then fails for another reason. Below SQS's own
limit (infra/template.yaml, maxReceiveCount).
"""


def handle(
    message: str,
    deployment: Deployment,
    wording: Wording,
    *,
    remaining_s: Callable[[], float],
    receives: int = 1,
) -> None:
    """Does `message`, or part of it, and hands on the rest. When it returns, the message may be
    deleted.

    Args:
        message: a Task's text.
        deployment: this deployment.
        wording: how the contract says things.
        remaining_s: seconds until this process is ended.
        receives: how often the message was delivered, this time included; more than once means that
            a worker died on it.

    Raises UnreadableTask; StorageError where not even handing on worked; whatever else goes wrong,
    until the message has been delivered TRIES times. The queue then delivers it again.
    """
    task = Task.parse(message)
    trace.note("job", str(task.job))
    group = JobKind.EXPORT.group if task.do == "export" else JobKind.IMPORT.group
    try:
        job = jobs.load(task.collection, group, task.job, deployment.store)
    except JobNotFound:
        return  # the collection was dropped
    if job.finished:
        return
    try:
        with trace.stage("export" if task.do == "export" else "import"):
            _do(task, job, deployment, wording, remaining_s, receives)
    except (StoreUnavailable, OutcomeUnknown) as error:
        _log.warning(
            "job %d of collection %s waits %d s: %s", job.id, job.collection, LATER_S, error
        )
        deployment.queue.send([message], delay_s=LATER_S)
    except LookalikeError as error:
        fail(job, error, deployment, wording)
    except Exception as error:
        if receives < TRIES:
            raise
        _log.exception("job %d of collection %s is given up", job.id, job.collection)
        said = f"it failed {receives} times ({type(error).__name__}); the log has the details"
        fail(job, Unexpected(said), deployment, wording)


def _do(
    task: Task,
    job: Job,
    deployment: Deployment,
    wording: Wording,
    remaining_s: Callable[[], float],
    receives: int,
) -> None:
    """Sends `task` on where the collection is busy with another job, else carries it out."""
    if task.do == "slice":
        _slice(task, job, deployment, wording, remaining_s, receives)
    elif jobs.claim(job, deployment.store) is not None:
        deployment.queue.send([task.text()], delay_s=BUSY_S)
    elif task.do == "export":
        export(job, deployment, wording)
    else:
        target = target_of(job, deployment)
        fitting_analyzer(target, deployment)
        made = plan(job, target, _meta_of(job, deployment), deployment, wording.code)
        if not made.sizes:
            finish(job, made, deployment, wording)


def _slice(
    task: Task,
    job: Job,
    deployment: Deployment,
    wording: Wording,
    remaining_s: Callable[[], float],
    receives: int,
) -> None:
    """Does a slice, or as much of it as there is time for; ends the job after the last."""
    target = target_of(job, deployment)
    source = open_source(job, _location(job), deployment.sources, deployment.store)
    analyzer = fitting_analyzer(target, deployment)
    known = known_to(job, target, analyzer.fingerprint, deployment)
    context = WorkerContext(target, source, analyzer, wording.code, remaining_s, known)
    if not do_slice(task, job, deployment.store, context, receives=receives):
        deployment.queue.send([task.text()])
        return
    work = Work(job, deployment.store)
    made = work.plan()
    if made and was_last(task.slice, made, work):
        finish(job, made, deployment, wording)


def target_of(job: Job, deployment: Deployment) -> Collection:
    """The collection that `job` fills; in a rebuild, the generation. Raises CollectionNotFound."""
    if job.kind is JobKind.REBUILD:
        return deployment.catalog.generation(job.collection, job.generation or "")
    return deployment.catalog.open(job.collection)


def _meta_of(job: Job, deployment: Deployment) -> OpenMeta:
    if not job.own_meta:
        source = open_source(job, _location(job), deployment.sources, deployment.store)
        source.check()
        return lambda version: source.meta(version=version)
    key = Work(job, deployment.store).meta_key
    return lambda _version: MetaFile("", iter([deployment.store.get(key).data]))


def _location(job: Job) -> Location:
    if job.location is None:
        raise SourceError(SourceFault.NO_PATH, f"job {job.id} does not say where its pictures are")
    return job.location
