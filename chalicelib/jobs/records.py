"""Job records: one object each, changed by compare-and-swap; one job of a kind runs at a time in a
collection.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

from chalicelib.errors import (
    AlreadyExists,
    CorruptObject,
    FormatTooNew,
    JobNotFound,
    ObjectMissing,
    OutcomeUnknown,
    VersionConflict,
)
from chalicelib.storage.attempts import create_once, tries, written_before
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.source import Location, Role

_FORMAT: Final = 1
_NAME: Final = re.compile(r"(\d{16})\.json", re.ASCII)
_DIGITS: Final = 16
"""Of an id in a key: milliseconds since the epoch, and a few more."""


class JobKind(StrEnum):
    """What a job does."""

    IMPORT = "import"
    REBUILD = "rebuild"
    """An import into a fresh generation of the collection, which then takes the old one's place."""
    EXPORT = "export"

    @property
    def group(self) -> str:
        """Jobs of one group exclude each other."""
        return "exports" if self is JobKind.EXPORT else "imports"


class JobStatus(StrEnum):
    """The contract's words."""

    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a job."""

    id: int
    kind: JobKind
    collection: str
    created: float
    """Seconds since the epoch."""
    modified: float
    status: JobStatus = JobStatus.PROCESSING
    code: str = "0"
    message: str = "success"
    location: Location | None = None
    """Where pictures come from; None for an export."""
    own_meta: bool = False
    """increment.meta was made up for a folder without one, and lies with the job."""
    callback: str | None = None
    generation: str | None = None
    """Of a rebuild: the generation it fills."""
    replaces: str | None = None
    """Of a rebuild: the generation whose place it takes."""
    accept_failures: bool = False
    """Of a rebuild: take the new generation although lines failed."""
    lines: int = 0
    """Operations found; 0 until the job is planned."""
    added: int = 0
    deleted: int = 0
    failed: int = 0
    """Lines reported in the error file."""
    revivals: int = 0
    """How often in a row it was handed out again (recover.py) and got no further."""
    reached: int = 0
    """Entries done when it was handed out again last."""
    error_key: str | None = None
    export_key: str | None = None

    @property
    def bucket(self) -> str:
        """Of the location; empty without one."""
        return self.location.bucket if self.location else ""

    @property
    def path(self) -> str:
        """Of the location; empty without one."""
        return self.location.path if self.location else ""

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.status is not JobStatus.PROCESSING


def create(draft: Job, store: ObjectStore) -> Job:
    """Writes a new record; the id goes up until it is free. Raises StorageError."""
    job = draft
    more = tries(f"a job of collection {draft.collection}")
    while True:
        next(more)
        try:
            create_once(store, _key(job.collection, job.kind.group, job.id), _encode(job))
        except AlreadyExists:
            job = replace(job, id=job.id + 1)
        else:
            return job


def load(collection: str, group: str, job_id: int, store: ObjectStore) -> Job:
    """Raises JobNotFound, StorageError."""
    return _load(_key(collection, group, job_id), store)[0]


def update(job: Job, store: ObjectStore, change: Callable[[Job], Job]) -> tuple[Job, bool]:
    """The record after `change`, and whether this call changed it. `change` may be called several
    times; a finished job is left alone.

    Raises JobNotFound, StorageError.
    """
    key = _key(job.collection, job.kind.group, job.id)
    unsure: Job | None = None
    more = tries(key)
    while True:
        next(more)
        with written_before() if unsure else contextlib.nullcontext():
            current, version = _load(key, store)
        if unsure == current:  # the answer was lost, the change was not
            return current, True
        wanted = current if current.finished else change(current)
        if wanted == current:
            return current, False
        try:
            store.replace(key, _encode(wanted), version=version)
        except VersionConflict:
            continue
        except OutcomeUnknown:
            unsure = wanted
            continue
        return wanted, True


def forget(job: Job, store: ObjectStore) -> None:
    """Removes the record of a job that never began."""
    store.delete(_key(job.collection, job.kind.group, job.id))


def ids(collection: str, group: str, store: ObjectStore) -> list[int]:
    """Every job's id, newest first; objects that are no job records are passed over."""
    prefix = _key(collection, group, 0)[: -_DIGITS - len(".json")]
    names = [stat.key[len(prefix) :] for stat in store.list(prefix)]
    return [int(form[1]) for name in reversed(names) if (form := _NAME.fullmatch(name))]


def claim(job: Job, store: ObjectStore) -> int | None:
    """Makes `job` the running one of its group: None, or the id of the unfinished job that is."""
    key = f"collections/{job.collection}/jobs/{job.kind.group}.running"
    wanted = str(job.id).encode()
    more = tries(key)
    while True:
        next(more)
        try:
            blob = store.get(key)
        except ObjectMissing:
            try:
                create_once(store, key, wanted)
            except AlreadyExists:
                continue
            return None
        holder = _holder(blob.data)
        if holder == job.id:
            return None
        try:
            if not load(job.collection, job.kind.group, holder, store).finished:
                return holder
        except JobNotFound:
            pass  # it never began
        try:
            store.replace(key, wanted, version=blob.version)
        except (VersionConflict, OutcomeUnknown):
            continue
        return None


def running(collection: str, group: str, store: ObjectStore) -> Job | None:
    """The unfinished job of the group that holds the claim."""
    try:
        job = load(
            collection,
            group,
            _holder(store.get(f"collections/{collection}/jobs/{group}.running").data),
            store,
        )
    except (ObjectMissing, JobNotFound):
        return None
    return None if job.finished else job


def _holder(data: bytes) -> int:
    """The job that a claim names; one that there never was where it cannot be read."""
    return int(data) if data.isdigit() and len(data) <= _DIGITS else 0


def _key(collection: str, group: str, job_id: int) -> str:
    return f"collections/{collection}/jobs/{group}/{job_id:0{_DIGITS}d}.json"


def _load(key: str, store: ObjectStore) -> tuple[Job, str]:
    """The record at `key` and its version. Raises JobNotFound, StorageError."""
    try:
        blob = store.get(key)
    except ObjectMissing as error:
        raise JobNotFound(
            f"there is no job {int(key.rpartition('/')[2].removesuffix('.json'))}"
        ) from error
    return _decode(key, blob.data), blob.version


def _encode(job: Job) -> bytes:
    return json.dumps({"format": _FORMAT, **asdict(job)}, separators=(",", ":")).encode()


def _decode(key: str, data: bytes) -> Job:
    """From the store. Members of a later version that still has this format are passed over."""
    try:
        values: dict[str, Any] = json.loads(data)
        if values.pop("format") > _FORMAT:
            raise FormatTooNew(
                f"{key} was written by a later version of Lookalike; upgrade this deployment"
            )
        if values["location"]:
            role = values["location"]["role"]
            values["location"] = Location(
                **values["location"] | {"role": Role(**role) if role else None}
            )
        values["kind"], values["status"] = JobKind(values["kind"]), JobStatus(values["status"])
        known = {field.name: values[field.name] for field in fields(Job) if field.name in values}
        return Job(**known)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptObject(
            key, "it is no job record; delete it, and what the job has done stays"
        ) from error
