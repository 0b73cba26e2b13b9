"""Ends an import or a rebuild by hand."""

from __future__ import annotations

from chalicelib.errors import Conflict
from chalicelib.jobs import records as jobs
from chalicelib.jobs.completion import fail
from chalicelib.jobs.imports import GROUP
from chalicelib.jobs.records import Job
from chalicelib.jobs.wording import Wording
from chalicelib.usecases.deployment import Deployment


class Cancelled(Conflict):
    """Somebody ended the job by hand."""


def cancel_import(collection: str, deployment: Deployment, wording: Wording) -> Job:
    """Ends the unfinished import or rebuild of `collection` where it is; that job. Workers that
    have a slice in hand finish it, and take no other.

    Raises CollectionNotFound, Conflict where nothing is unfinished, StorageError.
    """
    deployment.catalog.open(collection)
    job = jobs.running(collection, GROUP, deployment.store)
    if job is None:
        raise Conflict(f"no import of collection {collection} is unfinished")
    fail(job, Cancelled("the import was cancelled; what it had done stays"), deployment, wording)
    return job
