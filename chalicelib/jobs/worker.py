"""A worker: takes one slice, fetches ahead of the models, appends everything as one batch, and
writes down what became of it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from chalicelib import trace
from chalicelib.errors import (
    LookalikeError,
    PictureNotFound,
    StorageError,
    Superseded,
)
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Put, Record
from chalicelib.jobs.carry_over import Known, carried_over, nothing
from chalicelib.jobs.coordinator import wanted
from chalicelib.jobs.increment_meta import Operation, is_path
from chalicelib.jobs.outcomes import LineError, Outcome, Span, Unexpected, line_error
from chalicelib.jobs.work import Entry, LineOperation
from chalicelib.service import MAX_PICTURE_BYTES
from chalicelib.storage.source import Source
from chalicelib.usecases.add import record_of
from chalicelib.vision.analysis import Analysis, PictureAnalyzer, Request

_log = logging.getLogger(__name__)

FETCHERS: Final = 4
"""Pictures being fetched at once: S3 answers in 20 to 50 ms, the models take 12 to 40 per picture
(benchmarks/import.py).
"""
AHEAD: Final = 12
"""Pictures fetched and not yet analysed, at most: 48 MiB."""
BATCH: Final = 4
"""Pictures given to the models at once."""
SPARE_S: Final = 30.0
"""Left for appending and handing on when a worker stops before its time limit."""


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What a worker works with."""

    collection: Collection
    source: Source
    analyzer: PictureAnalyzer
    code: Callable[[LookalikeError], str]
    remaining_s: Callable[[], float]
    """Seconds until the platform ends this process."""
    known: Known = nothing
    """What may be carried over."""


@dataclass(slots=True)
class _SpanState:
    """What has been done of a span."""

    changes: list[Change]
    errors: list[LineError]
    added: int = 0
    deleted: int = 0


def run_span(
    entries: list[Entry], span: Span, context: WorkerContext, *, token: str
) -> tuple[Span, Outcome]:
    """Carries out `entries`, which are those of `span`, until they are done or time runs short;
    what was done is durable.

    `token` makes the append idempotent: the same job, slice and entries append once, however often
    they are delivered.

    Returns:
        The span done, which is shorter than `span` if time ran short, and its outcome.

    Raises StorageError; a picture that cannot be had because the bucket does not answer is no
    reason to drop its line.
    """
    state = _SpanState([], [])
    done = 0
    with ThreadPoolExecutor(FETCHERS) as pool:
        for count in _analysed(entries, state, context, pool):
            done += count
            if done < len(entries) and context.remaining_s() < SPARE_S:
                break
    did = Span(span.slice, span.start, span.start + done)
    if state.changes:
        with trace.stage("append"):
            context.collection.append(state.changes, token=f"{token}-{did.name()}")
    return did, Outcome(state.added, state.deleted, tuple(state.errors))


def _analysed(
    entries: list[Entry], state: _SpanState, context: WorkerContext, pool: ThreadPoolExecutor
) -> Iterator[int]:
    """Works through `entries` in order; yields how many more are done after each batch."""
    waiting = iter(entries)
    fetched: deque[tuple[Entry, Operation, Future[bytes] | None]] = deque()
    try:
        while True:
            while len(fetched) < AHEAD and (entry := next(waiting, None)):
                fetched.append(_begun(entry, context, pool))
            if not fetched:
                return
            batch = [fetched.popleft() for _ in range(min(BATCH, len(fetched)))]
            failed = _settle(batch, state, context)
            while failed:  # what an earlier line wanted of the same picture counts then
                failed = _settle([_begun(entry, context, pool) for entry in failed], state, context)
            yield len(batch)
    finally:
        for *_, picture in fetched:
            if picture:
                picture.cancel()


def _begun(
    entry: Entry, context: WorkerContext, pool: ThreadPoolExecutor
) -> tuple[Entry, Operation, Future[bytes] | None]:
    """An entry with what it wants, and its picture on the way where it wants one."""
    operation = wanted(entry.item)
    if not operation.adds or operation.pic_name is None:
        return entry, operation, None
    return entry, operation, pool.submit(_fetched, operation.pic_name, context.source)


def _fetched(name: str, source: Source) -> bytes:
    if not is_path(name):
        raise PictureNotFound(
            f"there can be no file {name!r}, so its record comes back only into a collection that "
            "has it, or by AddImage"
        )
    return source.picture(name, limit=MAX_PICTURE_BYTES)


def _settle(
    batch: list[tuple[Entry, Operation, Future[bytes] | None]],
    state: _SpanState,
    context: WorkerContext,
) -> list[Entry]:
    """Does a batch; returns the entries that failed and have an earlier item to fall back on."""
    service = context.collection.info.service
    again: list[Entry] = []
    pictures: list[tuple[bytes, Request]] = []
    owners: list[tuple[Entry, Operation]] = []
    for entry, operation, fetching in batch:
        if fetching is None:
            state.changes.append(Delete(_key(operation)))
            state.deleted += 1
            _supersede(entry, state, context)
            continue
        try:
            data = fetching.result()
        except Exception as error:  # noqa: BLE001  # it costs the picture its own line
            record = _kept(operation, error, context)
            if record is None:
                again += _refuse(entry, error, state, context)
            else:
                _add(record, entry, state, context)
            continue
        pictures.append(
            (data, Request(service, crop=operation.view.crop, region=operation.view.region))
        )
        owners.append((entry, operation))
    with trace.stage("vision"):
        analyses = context.analyzer.analyze_many(pictures) if pictures else []
    for (entry, operation), analysis in zip(owners, analyses, strict=True):
        if isinstance(analysis, Analysis):
            record = record_of(
                _key(operation),
                analysis,
                service=service,
                category_id=operation.view.category_id,
                attributes=operation.attributes,
            )
            _add(record, entry, state, context)
        else:
            again += _refuse(entry, analysis, state, context)
    return again


def _kept(operation: Operation, error: Exception, context: WorkerContext) -> Record | None:
    """The record to keep although its picture is not there (carry_over.py)."""
    return carried_over(operation, context.known) if isinstance(error, PictureNotFound) else None


def _add(record: Record, entry: Entry, state: _SpanState, context: WorkerContext) -> None:
    state.changes.append(Put(record))
    state.added += 1
    _supersede(entry, state, context)


def _refuse(
    entry: Entry, error: Exception, state: _SpanState, context: WorkerContext
) -> list[Entry]:
    """Writes down why `entry` failed; what is to be tried instead. Raises StorageError."""
    if isinstance(error, StorageError):
        raise error
    if not isinstance(
        error, LookalikeError
    ):  # a mistake of ours with one picture must not cost the others
        _log.error("line %d of an import failed unexpectedly", entry.item.line, exc_info=error)
        error = Unexpected(
            f"the picture could not be processed ({type(error).__name__}); the log of this "
            "deployment has the details"
        )
    state.errors.append(line_error(entry.item.line, entry.item.text, error, context.code(error)))
    return [Entry(entry.earlier[-1], entry.earlier[:-1])] if entry.earlier else []


def _supersede(entry: Entry, state: _SpanState, context: WorkerContext) -> None:
    for item in entry.earlier:
        state.errors.append(superseded(item, entry.item, context.code))


def superseded(
    item: LineOperation, by: LineOperation, code: Callable[[LookalikeError], str]
) -> LineError:
    """The report of a item that gave way to a later one."""
    error = Superseded(f"line {by.line} speaks of the same picture; it counts")
    return line_error(item.line, item.text, error, code(error))


def _key(operation: Operation) -> Key:
    return Key(operation.product_id, operation.pic_name or "")
