"""Writes a collection's records as increment.meta lines, which import again to the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from chalicelib.errors import AlreadyExists
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.jobs import increment_meta as meta
from chalicelib.jobs.completion import end
from chalicelib.jobs.records import Job, JobStatus
from chalicelib.jobs.wording import Wording
from chalicelib.jobs.work import Work
from chalicelib.storage.attempts import create_once
from chalicelib.usecases.deployment import Deployment


def export(job: Job, deployment: Deployment, wording: Wording) -> None:
    """Writes the file and ends `job`. A second delivery finds the file of the first. Raises
    CollectionNotFound, StorageError.
    """
    collection = deployment.catalog.open(job.collection)
    snapshot = collection.snapshot()
    data = lines_of(snapshot, with_category=collection.info.service.has_categories)
    work = Work(job, deployment.store)
    with suppress(AlreadyExists):
        create_once(deployment.store, work.export_key, data)
    count = len(snapshot)
    end(
        job,
        lambda current: replace(
            current,
            status=JobStatus.SUCCESS,
            lines=count,
            added=count,
            export_key=work.export_key,
            modified=deployment.clock(),
        ),
        deployment,
        wording,
    )


def lines_of(snapshot: Snapshot, *, with_category: bool) -> bytes:
    """Every record's line, by key."""
    data = bytearray()
    for row in sorted(snapshot.rows(), key=lambda row: row.key):
        data += meta.dump(row, with_category=with_category).encode() + b"\n"
    return bytes(data)
