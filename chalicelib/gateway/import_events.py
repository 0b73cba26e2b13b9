"""Events that import: a new increment.meta in a bucket, a message of the queue, the schedule that
looks after jobs.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from chalicelib.errors import LookalikeError, PictureNotFound, Superseded
from chalicelib.gateway import log
from chalicelib.gateway.wire.faults import fault_of
from chalicelib.storage.source import META
from chalicelib.trace import note

if TYPE_CHECKING:
    from chalicelib.jobs.listing import ListedJob
    from chalicelib.jobs.wording import Wording
    from chalicelib.usecases.deployment import Deployment

SCHEDULE_S: Final = 300
"""Between two calls of on_schedule (app.py)."""
SWEEP_S: Final = 6 * 3600
"""Between two of them that also sweep: a listing of all jobs' objects each."""

_LINE_CODES: Final[Mapping[type[LookalikeError], str]] = {
    PictureNotFound: "PicNotExist",
    Superseded: "Superseded",
}
"""What only lines of an import can meet; everything else has the code that AddImage answers with.
"""


def line_code(error: LookalikeError) -> str:
    """The code of a line that was not carried out, or of a job that failed."""
    return _LINE_CODES.get(type(error)) or fault_of(error).code


def wording(deployment: Deployment) -> Wording:
    """How the contract says what use cases of imports have to say."""
    from chalicelib.gateway.actions.imports import import_row
    from chalicelib.jobs.wording import Wording

    host = deployment.settings.public_hosts.split(",")[0].strip()
    base = f"https://{host}" if host else ""

    def row(job: ListedJob) -> Mapping[str, object]:
        return import_row(job, base=base)

    return Wording(line_code, row)


def on_object(event: Mapping[str, Any], deployment: Deployment) -> None:
    """EventBridge's "Object Created". Starts an import if the object is an increment.meta in a
    bound folder.

    Raises StorageError, so that Lambda repeats the event.
    """
    from chalicelib.jobs.imports import import_of_event

    with log.line(_id(), action="import_event") as entry:
        detail = event["detail"]
        folder, _, name = str(detail["object"]["key"]).rpartition("/")
        if name == META:
            told = (
                event.get("id"),
                detail["bucket"]["name"],
                folder,
                detail["object"].get("sequencer"),
                detail["object"].get("etag"),
            )
            trigger = hashlib.sha256(repr(told).encode()).hexdigest()[:32]
            job = import_of_event(
                detail["bucket"]["name"],
                f"/{folder}",
                trigger,
                deployment,
                wording(deployment),
                region=event.get("region", ""),
            )
            note("job", str(job.id) if job else "")
        entry.outcome(200, "ok")


def on_messages(event: Mapping[str, Any], context: Any, deployment: Deployment) -> None:
    """Messages of the import queue, by Lambda's own event and context. Raises StorageError, so that
    the queue delivers them again.
    """
    for record in event["Records"]:
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        on_message(
            record["body"],
            deployment,
            remaining_s=lambda: context.get_remaining_time_in_millis() / 1000,
            receives=receives,
        )


def on_message(
    body: str, deployment: Deployment, *, remaining_s: Callable[[], float], receives: int
) -> None:
    """One message. Raises StorageError."""
    from chalicelib.jobs.run_task import handle

    with log.line(_id(), action="import_slice") as entry:
        handle(body, deployment, wording(deployment), remaining_s=remaining_s, receives=receives)
        entry.outcome(200, "ok")


def on_schedule(deployment: Deployment) -> None:
    """Every few minutes: work of jobs that lost it is handed out again; a few times a day, what has
    had its time goes. Raises StorageError.
    """
    from chalicelib.jobs.recover import recover

    with log.line(_id(), action="recover_imports") as entry:
        note("collections", len(recover(deployment, wording(deployment))))
        if deployment.clock() % SWEEP_S < SCHEDULE_S:
            sweep(deployment)
        entry.outcome(200, "ok")


def sweep(deployment: Deployment) -> None:
    """Removes jobs and files that have had their time. Raises StorageError."""
    from chalicelib.jobs.retention import sweep_jobs

    note("garbage", sweep_jobs(deployment, wording(deployment)))


def _id() -> str:
    return uuid.uuid4().hex
