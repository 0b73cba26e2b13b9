"""Starts exports of a collection's records, and says how they go. Pictures are no part of them: there are none."""

from __future__ import annotations

from chalicelib.contract.messages import ListExports, StartExport
from chalicelib.usecases.batch.jobs import Job, JobKind
from chalicelib.usecases.batch.listing import JobPage, page_of
from chalicelib.usecases.house import House
from chalicelib.usecases.imports import begin, draft


def start_export(message: StartExport, house: House) -> Job:
    """Begins an export. Raises CollectionNotFound, JobRunning, StorageError."""
    house.catalog.open(message.collection)
    return begin(draft(JobKind.EXPORT, message.collection, house), house)


def list_exports(message: ListExports, house: House) -> JobPage:
    """Raises CollectionNotFound, StorageError."""
    wanted = message.job_id
    fits = None if wanted is None else lambda job: job.id == wanted
    return page_of(message.collection, JobKind.EXPORT.group, message.page, house, fits=fits)
