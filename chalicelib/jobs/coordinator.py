"""The coordinator: reads increment.meta twice as a stream, decides which line counts for each
picture, and cuts the rest into slices.

After planning no two slices speak of the same picture, so they may be carried out in any order,
twice, or by several workers at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from chalicelib.errors import (
    AlreadyExists,
    LookalikeError,
    OverCapacity,
    RecordNotFound,
    Superseded,
)
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Key
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.jobs import increment_meta as meta
from chalicelib.jobs.increment_meta import Line, Operation
from chalicelib.jobs.outcomes import LineError, Outcome, line_error, progress
from chalicelib.jobs.records import Job, JobKind, update
from chalicelib.jobs.tasks import Task
from chalicelib.jobs.work import Entry, LineOperation, Plan, Work, encode_entries, encode_plan
from chalicelib.storage.attempts import create_once
from chalicelib.storage.source import MetaFile
from chalicelib.usecases.deployment import Deployment

_WRITERS: Final = 8
"""Slices being written at once."""

OpenMeta = Callable[[str], MetaFile]
"""Opens increment.meta at its beginning, at a version if that is not empty."""


def plan(
    job: Job,
    target: Collection,
    open_meta: OpenMeta,
    deployment: Deployment,
    code: Callable[[LookalikeError], str],
) -> Plan:
    """Plans `job` and hands its slices to the queue; what is planned already is only handed on
    again.

    Raises SourceError, StorageError.
    """
    work = Work(job, deployment.store)
    made = work.plan()
    if made is None:
        made = _make(job, target, open_meta, deployment, code)
    count = sum(made.sizes)
    update(
        job,
        deployment.store,
        lambda current: replace(current, lines=count, modified=deployment.clock()),
    )
    publish(job, made, work, deployment)
    return made


def publish(job: Job, made: Plan, work: Work, deployment: Deployment) -> int:
    """Hands every slice that is not done to the queue; how many."""
    done = progress(work.spans(), len(made.sizes))
    missing = [number for number, size in enumerate(made.sizes) if done[number] < size]
    deployment.queue.send(
        [Task("slice", job.collection, job.id, number, made.attempt).text() for number in missing]
    )
    return len(missing)


def _make(
    job: Job,
    target: Collection,
    open_meta: OpenMeta,
    deployment: Deployment,
    code: Callable[[LookalikeError], str],
) -> Plan:
    """Reads the file twice and writes slices while the second reading goes on; memory holds
    the survey, the snapshot and a few slices.
    """
    work = Work(job, deployment.store)
    opened = open_meta("")
    survey = _survey(opened)
    snapshot = target.snapshot()
    sorter = _Sorter(
        survey,
        snapshot,
        deployment.settings.capacity_records,
        fresh=job.kind is JobKind.REBUILD,
        code=code,
    )
    size = max(8, min(deployment.queue.grain, -(-survey.operations // 8)))
    attempt = deployment.new_id()
    sizes: list[int] = []
    with ThreadPoolExecutor(_WRITERS) as pool:
        writes: list[Future[None]] = []
        for entries in _cut(sorter.entries(open_meta(survey.version)), size):
            writes = [write for write in writes if not _checked(write)]
            if len(writes) >= 2 * _WRITERS:
                writes.pop(0).result()
            writes.append(
                pool.submit(
                    create_once,
                    deployment.store,
                    work.slice_key(attempt, len(sizes)),
                    encode_entries(entries),
                )
            )
            sizes.append(len(entries))
        for write in writes:
            write.result()
    create_once(
        deployment.store, work.refused_key(attempt), Outcome(0, 0, tuple(sorter.errors)).encode()
    )
    with suppress(AlreadyExists):  # of two planners the one whose plan is written first is followed
        create_once(deployment.store, work.plan_key, encode_plan(Plan(attempt, tuple(sizes))))
    return work.plan() or Plan(attempt, tuple(sizes))


def _checked(write: Future[None]) -> bool:
    if write.done():
        write.result()
        return True
    return False


def _cut(entries: Iterator[Entry], size: int) -> Iterator[list[Entry]]:
    """`entries` in pieces of `size`; the last may be shorter."""
    piece: list[Entry] = []
    for entry in entries:
        piece.append(entry)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


@dataclass(slots=True)
class _Survey:
    """The first reading: where each picture and each product is spoken of last. Keys are 12-byte
    digests: 1M lines take 130 MB.
    """

    version: str
    operations: int = 0
    last: dict[bytes, int] = field(default_factory=dict)
    """Picture → number of the last operation on it."""
    wiped: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Product → number and line of the last operation that deletes all of it."""
    additions: int = 0


def _survey(opened: MetaFile) -> _Survey:
    """The first reading."""
    survey = _Survey(opened.version)
    for line in meta.lines(opened.chunks):
        for operation in _parsed(line):
            survey.operations += 1
            if operation.pic_name is None:
                survey.wiped[_digest(operation.product_id)] = (survey.operations, line.number)
            else:
                survey.last[_digest(operation.product_id, operation.pic_name)] = survey.operations
                survey.additions += operation.adds
    return survey


def _parsed(line: Line) -> tuple[Operation, ...]:
    try:
        return meta.parse(line)
    except LookalikeError:
        return ()  # reported at the second reading


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b(
        "\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12
    ).digest()


class _Sorter:
    """The second reading: entries for slices, and the lines that get into none."""

    def __init__(
        self,
        survey: _Survey,
        snapshot: Snapshot,
        capacity: int,
        *,
        fresh: bool,
        code: Callable[[LookalikeError], str],
    ) -> None:
        self.errors: list[LineError] = []
        self._survey = survey
        self._snapshot = snapshot
        self._fresh = fresh
        self._code = code
        self._room = capacity - len(snapshot)
        self._tight = survey.additions > self._room
        self._waiting: dict[bytes, list[LineOperation]] = {}
        """Operations on a picture of which a later line speaks too."""

    def entries(self, opened: MetaFile) -> Iterator[Entry]:
        """One entry per picture, in the order of the lines that count."""
        number = 0
        for line in meta.lines(opened.chunks):
            try:
                operations = meta.parse(line)
            except LookalikeError as error:
                self._report(line, error)
                continue
            for pick, operation in enumerate(operations):
                number += 1
                yield from self._sorted(
                    number, LineOperation(line.number, line.text, pick), operation
                )

    def _sorted(self, number: int, item: LineOperation, operation: Operation) -> Iterator[Entry]:
        """What operation `number` of the file becomes: entries, an error, or a wait for a later
        operation on the same picture.
        """
        wiped, wiping_line = self._survey.wiped.get(_digest(operation.product_id), (0, 0))
        if wiped > number:
            self._report(
                item,
                Superseded(
                    f"line {wiping_line} deletes the whole product {operation.product_id!r}"
                ),
            )
            return
        if operation.pic_name is None:
            yield from self._wipe(number, item, operation.product_id)
            return
        key = Key(operation.product_id, operation.pic_name)
        digest = _digest(*key)
        # of several lines on a picture the last one counts, and answers for the others
        if self._survey.last[digest] > number:
            self._waiting.setdefault(digest, []).append(item)
            return
        earlier = tuple(self._waiting.pop(digest, ()))
        try:
            wanted = self._check(key, operation, earlier)
        except LookalikeError as error:
            for each in earlier:
                self._report(
                    each, Superseded(f"line {item.line} speaks of the same picture; it counts")
                )
            self._report(item, error)
            return
        if wanted:
            yield Entry(item, earlier)

    def _wipe(self, number: int, item: LineOperation, product_id: str) -> Iterator[Entry]:
        """The deletion of a whole product: one entry for each picture that it has now."""
        rows = self._snapshot.of_product(product_id)
        if not rows and not self._fresh:
            self._report(
                item, RecordNotFound(f"there is no picture of product {product_id!r} to delete")
            )
        for row in rows:
            deletion = LineOperation(item.line, meta.dump_deletion(*row.key), 0)
            digest = _digest(*row.key)
            if self._survey.last.get(digest, 0) > number:
                self._waiting.setdefault(digest, []).append(deletion)
            else:
                yield Entry(deletion, ())

    def _check(self, key: Key, operation: Operation, earlier: tuple[LineOperation, ...]) -> bool:
        """Whether there is anything to do. Raises what is wrong with `operation`, OverCapacity."""
        if operation.adds:
            if self._tight and self._snapshot.find(key) is None:
                if self._room <= 0:
                    raise OverCapacity(
                        "the collection is full; delete records or raise LOOKALIKE_CAPACITY_RECORDS"
                    )
                self._room -= 1
            return True
        if any(wanted(each).adds for each in earlier):
            return True
        if self._snapshot.find(key) is None:
            if self._fresh:
                return False
            raise RecordNotFound(
                f"there is no picture {key.pic_name!r} of product {key.product_id!r} to delete"
            )
        return True

    def _report(self, where: Line | LineOperation, error: LookalikeError) -> None:
        number = where.number if isinstance(where, Line) else where.line
        self.errors.append(line_error(number, where.text, error, self._code(error)))


def wanted(item: LineOperation) -> Operation:
    """The operation of a item that was parsed before."""
    return meta.parse(Line(item.line, item.text))[item.pick]
