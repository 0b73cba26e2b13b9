"""Jobs and their files have an end: exports and error lists quote records, so they stay no longer
than a deletion may take to be final (LOOKALIKE_ERASE_AFTER_DAYS).
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from chalicelib.errors import JobNotFound
from chalicelib.jobs import records as jobs
from chalicelib.jobs.completion import fail
from chalicelib.jobs.outcomes import Unexpected
from chalicelib.jobs.wording import Wording
from chalicelib.storage.object_store import Stat
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.erasure import promise_s

_log = logging.getLogger(__name__)

_RECORD: Final = re.compile(r"(?P<group>imports|exports)/(?P<id>\d{16})\.json", re.ASCII)
_WORK: Final = re.compile(r"(?P<group>imports|exports)-work/(?P<id>\d{16})/.+", re.ASCII)
_EVENT: Final = re.compile(r"events/.+")


@dataclass(slots=True)
class _Found:
    """What lies in the store of one job."""

    newest: float = 0.0
    """When anything of it was last written, seconds since the epoch."""
    record: str = ""
    work: list[str] = field(default_factory=list)


def sweep_jobs(deployment: Deployment, wording: Wording) -> int:
    """Removes jobs that ended longer ago than a deletion may take, with their exports and error
    lists, and what is left of others; ends those that nobody has worked on for as long. How many
    jobs went or ended.

    Tries every collection, then raises the first error. A listing of all jobs' objects for each.
    """
    # A grace period is left for the next sweep to come by.
    oldest = deployment.clock() - promise_s(deployment) + deployment.settings.grace_s
    swept = 0
    failure: Exception | None = None
    for name in deployment.catalog.names():
        try:
            swept += _sweep(name, oldest, deployment, wording)
        except Exception as error:  # noqa: BLE001  # raised below: the others' jobs have an end too
            failure = failure or error
    if failure is not None:
        raise failure
    return swept


def _sweep(name: str, oldest: float, deployment: Deployment, wording: Wording) -> int:
    """Sweeps one collection; `oldest`: what was last written before goes."""
    prefix = f"collections/{name}/jobs/"
    stats = list(deployment.store.list(prefix))
    events = [
        stat.key
        for stat in stats
        if _EVENT.fullmatch(stat.key.removeprefix(prefix)) and stat.modified < oldest
    ]
    deployment.store.delete_many(events)
    swept = 0
    for (group, job_id), found in _by_job(prefix, stats).items():
        if found.newest >= oldest:
            continue
        swept += 1
        if not _ended_now(name, group, job_id, deployment, wording):
            # The record last: what it names is then gone, and a crash leaves no file without one.
            deployment.store.delete_many(found.work)
            if found.record:
                deployment.store.delete(found.record)
    return swept


def _by_job(prefix: str, stats: Iterable[Stat]) -> Mapping[tuple[str, int], _Found]:
    """(group, id) to what lies there of the job; other objects are passed over."""
    found: dict[tuple[str, int], _Found] = defaultdict(_Found)
    for stat, group, job_id, is_record in _named(prefix, stats):
        job = found[group, job_id]
        job.newest = max(job.newest, stat.modified)
        if is_record:
            job.record = stat.key
        else:
            job.work.append(stat.key)
    return found


def _named(prefix: str, stats: Iterable[Stat]) -> Iterator[tuple[Stat, str, int, bool]]:
    for stat in stats:
        name = stat.key.removeprefix(prefix)
        record = _RECORD.fullmatch(name)
        form = record or _WORK.fullmatch(name)
        if form:
            yield stat, form["group"], int(form["id"]), record is not None


def _ended_now(
    name: str, group: str, job_id: int, deployment: Deployment, wording: Wording
) -> bool:
    """Ends a job that is unfinished; whether it was. It then stays as long as others."""
    try:
        job = jobs.load(name, group, job_id, deployment.store)
    except JobNotFound:
        return False
    if job.finished:
        return False
    _log.warning("job %d of collection %s is given up: nobody works on it", job_id, name)
    fail(job, Unexpected("nobody has worked on it for days"), deployment, wording)
    return True
