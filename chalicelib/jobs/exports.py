"""Starts exports of a collection's records, and says how they go. Pictures are no part of them:
there are none.
"""

from __future__ import annotations

from chalicelib.contract.messages import ListExports, StartExport
from chalicelib.jobs.imports import begin, draft
from chalicelib.jobs.listing import JobPage, page_of
from chalicelib.jobs.records import Job, JobKind
from chalicelib.usecases.deployment import Deployment


def start_export(message: StartExport, deployment: Deployment) -> Job:
    """Begins an export. Raises CollectionNotFound, JobRunning, StorageError."""
    deployment.catalog.open(message.collection)
    return begin(draft(JobKind.EXPORT, message.collection, deployment), deployment)


def list_exports(message: ListExports, deployment: Deployment) -> JobPage:
    """Raises CollectionNotFound, StorageError."""
    wanted = message.job_id
    fits = None if wanted is None else lambda job: job.id == wanted
    return page_of(message.collection, JobKind.EXPORT.group, message.page, deployment, fits=fits)
