"""Starts imports from a bucket or folder, and says how they go."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal

from chalicelib.contract.messages import ListImports, StartImport
from chalicelib.errors import AlreadyExists, JobRunning, LookalikeError, StorageError
from chalicelib.jobs import records as jobs
from chalicelib.jobs.bindings import binding_of
from chalicelib.jobs.completion import fail
from chalicelib.jobs.listing import JobPage, page_of
from chalicelib.jobs.records import Job, JobKind
from chalicelib.jobs.tasks import Task
from chalicelib.jobs.tenancy import reachable
from chalicelib.jobs.wording import Wording
from chalicelib.jobs.work import Work
from chalicelib.storage import callback
from chalicelib.storage.attempts import create_once
from chalicelib.storage.source import Location, other_region
from chalicelib.usecases.deployment import Deployment

_log = logging.getLogger(__name__)

GROUP: Final = JobKind.IMPORT.group


def start_import(message: StartImport, deployment: Deployment, *, unbound: bool = True) -> Job:
    """Begins an import from a bucket, after all that can be checked without reading a picture has
    been. `unbound`: whether the caller may have folders that belong to no collection.

    Raises CollectionNotFound, InvalidField("callback"), Forbidden for a folder of another
    collection, SourceError, JobRunning, StorageError.
    """
    deployment.catalog.open(message.collection)
    if message.callback:
        callback.check(message.callback)
    location = reachable(
        message.bucket, message.path, message.collection, deployment.store, unbound=unbound
    )
    deployment.sources.open(location).check()
    return begin(
        draft(
            JobKind.IMPORT, message.collection, deployment, location=location, tell=message.callback
        ),
        deployment,
    )


def start_folder_import(
    collection: str, location: Location, deployment: Deployment, *, meta: bytes | None = None
) -> Job:
    """Begins an import from a folder of this machine; `meta` stands for the increment.meta that the
    folder lacks.

    Raises CollectionNotFound, SourceError, JobRunning, StorageError.
    """
    deployment.catalog.open(collection)
    if meta is None:
        deployment.sources.open(location).check()
    return begin(
        draft(JobKind.IMPORT, collection, deployment, location=location, own_meta=meta is not None),
        deployment,
        meta=meta,
    )


def import_of_event(
    bucket: str,
    path: str,
    trigger: str,
    deployment: Deployment,
    wording: Wording,
    *,
    region: str = "",
) -> Job | None:
    """Begins the import that a new increment.meta in a bound folder asks for; None if nobody bound
    it.

    A running import is waited for. What is wrong with the bucket becomes a failed job, for nobody
    waits for an answer.

    Args:
        bucket: name of the bucket.
        path: folder of increment.meta.
        trigger: what distinguishes the event, fit for a key; one that comes twice starts one job.
        deployment: this deployment.
        wording: how the contract says things.
        region: where the event came from, if it says so.

    Raises CollectionNotFound, StorageError.
    """
    binding = binding_of(bucket, path, deployment.store)
    if binding is None:
        return None
    deployment.catalog.open(binding.collection)
    location = Location("bucket", bucket, path, binding.role)
    job = jobs.create(
        draft(JobKind.IMPORT, binding.collection, deployment, location=location), deployment.store
    )
    try:
        create_once(
            deployment.store,
            f"collections/{binding.collection}/jobs/events/{trigger}",
            str(job.id).encode(),
        )
    except AlreadyExists:
        # the event was delivered before: the job that it began then goes on
        jobs.forget(job, deployment.store)
        first = int(
            deployment.store.get(f"collections/{binding.collection}/jobs/events/{trigger}").data
        )
        job = jobs.load(binding.collection, GROUP, first, deployment.store)
        if job.finished:
            return job
    try:
        if region and region != deployment.settings.region:
            raise other_region(bucket, region, deployment.settings.region)
        deployment.sources.open(location).check()
    except LookalikeError as error:
        fail(job, error, deployment, wording)
        return job
    deployment.queue.send([Task("plan", job.collection, job.id).text()])
    return job


def list_imports(message: ListImports, deployment: Deployment) -> JobPage:
    """Raises CollectionNotFound, StorageError."""
    wanted = (message.job_id, message.bucket, message.path)

    def fits(job: Job) -> bool:
        return all(
            item is None or item == has
            for item, has in zip(wanted, (job.id, job.bucket, job.path), strict=True)
        )

    return page_of(
        message.collection,
        GROUP,
        message.page,
        deployment,
        fits=None if wanted == (None, None, None) else fits,
    )


def draft(
    kind: JobKind,
    collection: str,
    deployment: Deployment,
    *,
    location: Location | None = None,
    own_meta: bool = False,
    tell: str | None = None,
) -> Job:
    """A job that was not written yet; its id is the time in milliseconds."""
    now = deployment.clock()
    return Job(
        id=int(now * 1000),
        kind=kind,
        collection=collection,
        created=now,
        modified=now,
        location=location,
        own_meta=own_meta,
        callback=tell,
    )


def begin(
    wanted: Job,
    deployment: Deployment,
    *,
    meta: bytes | None = None,
    before: Callable[[Job], None] = lambda _: None,
) -> Job:
    """Writes the job down, does what must be done `before` it, and hands it to the queue. Raises
    JobRunning, StorageError.
    """
    job = jobs.create(wanted, deployment.store)
    try:
        holder = jobs.claim(job, deployment.store)
        if holder is not None:
            raise JobRunning(
                f"job {holder} of collection {job.collection} is still running; wait for its end "
                "(list it to see how far it is)"
            )
        if meta is not None:
            create_once(deployment.store, Work(job, deployment.store).meta_key, meta)
        before(job)
        do: Literal["export", "plan"] = "export" if job.kind is JobKind.EXPORT else "plan"
        deployment.queue.send([Task(do, job.collection, job.id).text()])
    except LookalikeError:
        _take_back(job, deployment)
        raise
    return job


def _take_back(job: Job, deployment: Deployment) -> None:
    """Forgets a job that nobody was told to do, so that it does not stand in the next one's way.
    Whoever gets its message all the same finds no job, and leaves it at that.
    """
    try:
        jobs.forget(job, deployment.store)
        Work(job, deployment.store).clear()
    except StorageError as error:
        _log.warning(
            "job %d of collection %s could not be forgotten: %s", job.id, job.collection, error
        )
