"""Imports everything again into a fresh generation of a collection, which then takes the old one's
place at once.

The way over when the models have changed, and the original's "OSS Import and Rebuild"
(CONTRACT §7).
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.errors import JobRunning, RecordNotFound
from chalicelib.jobs import records as jobs
from chalicelib.jobs.imports import GROUP, begin, draft
from chalicelib.jobs.records import Job, JobKind
from chalicelib.jobs.replay import remember
from chalicelib.jobs.work import Work
from chalicelib.storage.source import Location
from chalicelib.usecases.deployment import Deployment


def start_rebuild(
    collection: str,
    location: Location,
    deployment: Deployment,
    *,
    meta: bytes | None = None,
    accept_failures: bool = False,
) -> Job:
    """Begins a rebuild by the models of this deployment. Searches see the old records until the
    end.

    Args:
        collection: its name.
        location: the folder that holds all of its pictures.
        deployment: this deployment.
        meta: stands for the increment.meta that a folder of this machine lacks.
        accept_failures: take the new records although some lines failed; else the old ones stay if
            any did.

    Raises CollectionNotFound, RecordNotFound for a collection that holds nothing, SourceError,
    JobRunning, StorageError.
    """
    snapshot = deployment.catalog.open(collection).snapshot()
    if not len(snapshot):
        raise RecordNotFound(
            f"collection {collection} is empty, there is nothing to rebuild; import into it instead"
        )
    if meta is None:
        deployment.sources.open(location).check()
    if busy := jobs.running(collection, GROUP, deployment.store):
        raise JobRunning(
            f"job {busy.id} of collection {collection} is still running; wait for its end"
        )
    analyzer = deployment.analyzer()
    fresh = deployment.catalog.begin_generation(
        collection,
        fingerprint=analyzer.fingerprint,
        dimension=analyzer.dimension,
        bits=analyzer.bits,
    )
    wanted = replace(
        draft(
            JobKind.REBUILD, collection, deployment, location=location, own_meta=meta is not None
        ),
        generation=fresh.info.generation,
        replaces=deployment.catalog.open(collection).info.generation,
        accept_failures=accept_failures,
    )
    # what is there now is noted before the first slice, to tell later what was written meanwhile
    return begin(
        wanted,
        deployment,
        meta=meta,
        before=lambda job: remember(
            snapshot, Work(job, deployment.store).before_key, deployment.store
        ),
    )
