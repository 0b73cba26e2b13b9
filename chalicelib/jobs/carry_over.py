"""Records whose picture lies nowhere that an import can read: added by the API, under any name. The
line that an export writes for one keeps it, with the feature that it has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Key, Record
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.jobs.increment_meta import Operation
from chalicelib.jobs.records import Job, JobKind
from chalicelib.usecases.add import stored
from chalicelib.usecases.deployment import Deployment

Known = Callable[[Key], Record | None]
"""The record that there is of a key, with a feature of the models at work."""


def nothing(_: Key) -> Record | None:
    """Where nothing is known."""
    return None


def known_to(job: Job, target: Collection, fingerprint: str, deployment: Deployment) -> Known:
    """What `job` may carry over: the collection's own records, in a rebuild those of the generation
    that it replaces, if they are of the same models. Looks at the store only when it is asked.
    """

    @lru_cache(maxsize=1)
    def snapshot() -> Snapshot:
        if job.kind is JobKind.REBUILD:
            return deployment.catalog.retired(job.collection, job.replaces or "").snapshot()
        return target.snapshot()

    def known(key: Key) -> Record | None:
        return snapshot().find(key) if snapshot().fingerprint == fingerprint else None

    return known


def carried_over(operation: Operation, known: Known) -> Record | None:
    """The record that `operation` describes, with the line's category and attributes; None where it
    describes none that there is.

    It must name the very region that the record has, as the lines of an export do. So a line
    written by hand whose file is missing remains an error, although an older picture is there.
    """
    if not operation.adds or operation.pic_name is None or operation.view.region is None:
        return None
    record = known(Key(operation.product_id, operation.pic_name))
    if record is None or record.region != operation.view.region:
        return None
    category = operation.view.category_id
    return replace(
        record,
        category_id=record.category_id if category is None else category,
        attributes=stored(operation.attributes),
    )
