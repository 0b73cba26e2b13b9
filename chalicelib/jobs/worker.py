"""A worker: takes one slice, fetches ahead of the models, appends everything as one batch, and writes down what became of it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from chalicelib import trace
from chalicelib.errors import BadPicture, LookalikeError, PictureNotFound, SourceError, StorageError, Superseded
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Put
from chalicelib.service import MAX_PICTURE_BYTES
from chalicelib.storage.source import Source
from chalicelib.usecases.add import record_of
from chalicelib.jobs.increment_meta import Operation
from chalicelib.jobs.outcomes import LineError, Outcome, Span, line_error
from chalicelib.jobs.coordinator import wanted
from chalicelib.jobs.work import Entry, Wish
from chalicelib.vision.analysis import Analysis, PictureAnalyzer, Request

_log = logging.getLogger(__name__)

FETCHERS: Final = 4
"""Pictures being fetched at once: S3 answers in 20 to 50 ms, the models take 12 to 40 per picture (benchmarks/import.py)."""
AHEAD: Final = 12
"""Pictures fetched and not yet analysed, at most: 48 MiB."""
BATCH: Final = 4
"""Pictures given to the models at once."""
SPARE_S: Final = 30.0
"""Left for appending and handing on when a worker stops before its time limit."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a worker works with."""

    collection: Collection
    source: Source
    analyzer: PictureAnalyzer
    code: Callable[[LookalikeError], str]
    remaining_s: Callable[[], float]
    """Seconds until the platform ends this process."""


@dataclass(slots=True)
class _Bench:
    """What has been done of a span."""

    changes: list[Change]
    errors: list[LineError]
    added: int = 0
    deleted: int = 0


def carry_out(entries: list[Entry], span: Span, shop: Workshop, *, token: str) -> tuple[Span, Outcome]:
    """Carries out `entries`, which are those of `span`, until they are done or time runs short; what was done is durable.

    `token` makes the append idempotent: the same job, slice and entries append once, however often they are delivered.

    Returns:
        The span done, which is shorter than `span` if time ran short, and its outcome.

    Raises StorageError; a picture that cannot be had because the bucket does not answer is no reason to drop its line.
    """
    bench = _Bench([], [])
    done = 0
    with ThreadPoolExecutor(FETCHERS) as pool:
        for count in _analysed(entries, bench, shop, pool):
            done += count
            if done < len(entries) and shop.remaining_s() < SPARE_S:
                break
    did = Span(span.slice, span.start, span.start + done)
    if bench.changes:
        with trace.stage("append"):
            shop.collection.append(bench.changes, token=f"{token}-{did.name()}")
    return did, Outcome(bench.added, bench.deleted, tuple(bench.errors))


def _analysed(entries: list[Entry], bench: _Bench, shop: Workshop, pool: ThreadPoolExecutor) -> Iterator[int]:
    """Works through `entries` in order; yields how many more are done after each batch."""
    waiting = iter(entries)
    fetched: deque[tuple[Entry, Operation, Future[bytes] | None]] = deque()
    try:
        while True:
            while len(fetched) < AHEAD and (entry := next(waiting, None)):
                fetched.append(_begun(entry, shop, pool))
            if not fetched:
                return
            batch = [fetched.popleft() for _ in range(min(BATCH, len(fetched)))]
            failed = _settle(batch, bench, shop)
            while failed:  # what an earlier line wanted of the same picture counts then
                failed = _settle([_begun(entry, shop, pool) for entry in failed], bench, shop)
            yield len(batch)
    finally:
        for *_, picture in fetched:
            if picture:
                picture.cancel()


def _begun(entry: Entry, shop: Workshop, pool: ThreadPoolExecutor) -> tuple[Entry, Operation, Future[bytes] | None]:
    operation = wanted(entry.wish)
    if not operation.adds or operation.pic_name is None:
        return entry, operation, None
    return entry, operation, pool.submit(shop.source.picture, operation.pic_name, limit=MAX_PICTURE_BYTES)


def _settle(batch: list[tuple[Entry, Operation, Future[bytes] | None]], bench: _Bench, shop: Workshop) -> list[Entry]:
    """Does a batch; returns the entries that failed and have an earlier wish to fall back on."""
    service = shop.collection.info.service
    again: list[Entry] = []
    pictures: list[tuple[bytes, Request]] = []
    owners: list[tuple[Entry, Operation]] = []
    for entry, operation, fetching in batch:
        if fetching is None:
            bench.changes.append(Delete(_key(operation)))
            bench.deleted += 1
            _supersede(entry, bench, shop)
            continue
        try:
            data = fetching.result()
        except (PictureNotFound, BadPicture, SourceError) as error:
            again += _refuse(entry, error, bench, shop)
            continue
        pictures.append((data, Request(service, crop=operation.view.crop, region=operation.view.region)))
        owners.append((entry, operation))
    with trace.stage("vision"):
        analyses = shop.analyzer.analyze_many(pictures) if pictures else []
    for (entry, operation), analysis in zip(owners, analyses, strict=True):
        if isinstance(analysis, Analysis):
            record = record_of(
                _key(operation), analysis, service=service, category_id=operation.view.category_id, attributes=operation.attributes
            )
            bench.changes.append(Put(record))
            bench.added += 1
            _supersede(entry, bench, shop)
        else:
            again += _refuse(entry, analysis, bench, shop)
    return again


def _refuse(entry: Entry, error: Exception, bench: _Bench, shop: Workshop) -> list[Entry]:
    if isinstance(error, StorageError):
        raise error
    if not isinstance(error, LookalikeError):  # a mistake of ours with one picture must not cost the others
        _log.error("line %d of an import failed unexpectedly", entry.wish.line, exc_info=error)
        error = Unexpected(f"the picture could not be processed ({type(error).__name__}); the log of this deployment has the details")
    bench.errors.append(line_error(entry.wish.line, entry.wish.text, error, shop.code(error)))
    return [Entry(entry.earlier[-1], entry.earlier[:-1])] if entry.earlier else []


class Unexpected(LookalikeError):
    """A mistake of ours met with one picture."""


def _supersede(entry: Entry, bench: _Bench, shop: Workshop) -> None:
    for wish in entry.earlier:
        bench.errors.append(superseded(wish, entry.wish, shop.code))


def superseded(wish: Wish, by: Wish, code: Callable[[LookalikeError], str]) -> LineError:
    """The report of a wish that gave way to a later one."""
    error = Superseded(f"line {by.line} speaks of the same picture; it counts")
    return line_error(wish.line, wish.text, error, code(error))


def _key(operation: Operation) -> Key:
    return Key(operation.product_id, operation.pic_name or "")
