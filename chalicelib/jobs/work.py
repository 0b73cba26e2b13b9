"""Where a job's work lies in the store: its plan, its slices and what became of them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from chalicelib.errors import AlreadyExists, ObjectMissing, OutcomeUnknown
from chalicelib.jobs.outcomes import Outcome, Span
from chalicelib.jobs.records import Job
from chalicelib.storage.attempts import create_once, tries
from chalicelib.storage.object_store import ObjectStore

_SPAN: Final = re.compile(r"\d+-\d+-\d+", re.ASCII)


class LineOperation(NamedTuple):
    """One operation of one line."""

    line: int
    text: str
    """The whole line."""
    pick: int
    """Which of the line's operations, where it has several."""


class Entry(NamedTuple):
    """What to do for one picture: the last item of the file, or if that fails the one before it,
    and so on.
    """

    item: LineOperation
    earlier: tuple[LineOperation, ...]
    """In the file's order."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a job is cut up. Written once, before any of it is carried out; whoever plans a second
    time takes this one.
    """

    attempt: str
    """Which planner's slices count."""
    sizes: tuple[int, ...]
    """Entries of each slice."""


class Work:
    """The objects of one job. All are written once; all but the results for people are deleted when
    it has ended.
    """

    def __init__(self, job: Job, store: ObjectStore) -> None:
        self.prefix = f"collections/{job.collection}/jobs/{job.kind.group}-work/{job.id:016d}/"
        self._store = store

    @property
    def meta_key(self) -> str:
        """increment.meta that was made up for a folder without one."""
        return f"{self.prefix}increment.meta"

    @property
    def plan_key(self) -> str:
        """See Plan."""
        return f"{self.prefix}plan.json"

    def refused_key(self, attempt: str) -> str:
        """Outcome of the planning itself: lines that got into no slice."""
        return f"{self.prefix}slices/{attempt}-refused"

    def slice_key(self, attempt: str, number: int) -> str:
        """Entries of one slice."""
        return f"{self.prefix}slices/{attempt}-{number:07d}"

    def outcome_key(self, span: Span) -> str:
        """Outcome of a span."""
        return f"{self.prefix}done/{span.name()}"

    def rest_key(self, number: int) -> str:
        """There from when somebody leaves a slice to others unfinished."""
        return f"{self.prefix}rests/{number:07d}"

    def ended_key(self, number: int) -> str:
        """There when a slice that was done in several spans is done."""
        return f"{self.prefix}ends/{number:07d}"

    def block_key(self, block: int) -> str:
        """There when all slices of a block are done (last_slice.py)."""
        return f"{self.prefix}blocks/{block:07d}"

    @property
    def before_key(self) -> str:
        """Of a rebuild: what there was before it (replay.py)."""
        return f"{self.prefix}before"

    @property
    def errors_key(self) -> str:
        """The error file, kept."""
        return f"{self.prefix}errors.jsonl"

    @property
    def export_key(self) -> str:
        """The exported lines, kept."""
        return f"{self.prefix}export.meta"

    def plan(self) -> Plan | None:
        """None until planning has ended."""
        try:
            values: dict[str, Any] = json.loads(self._store.get(self.plan_key).data)
        except ObjectMissing:
            return None
        return Plan(values["attempt"], tuple(values["sizes"]))

    def spans(self, number: int | None = None) -> list[Span]:
        """Done so far, of one slice or of all."""
        prefix = f"{self.prefix}done/" + ("" if number is None else f"{number:07d}-")
        names = (stat.key.rpartition("/")[2] for stat in self._store.list(prefix))
        return [Span.named(name) for name in names if _SPAN.fullmatch(name)]

    def is_done(self, number: int, size: int) -> bool:
        """Whether slice `number` of `size` entries is done: two reads of a byte at most."""
        whole = self.outcome_key(Span(number, 0, size))
        return self._is_there(whole) or self._is_there(self.ended_key(number))

    def is_left(self, number: int) -> bool:
        """Whether somebody left the slice to others unfinished."""
        return self._is_there(self.rest_key(number))

    def is_block_done(self, block: int) -> bool:
        """Whether somebody saw that all slices of the block are done."""
        return self._is_there(self.block_key(block))

    def mark_left(self, number: int) -> None:
        """Before the end of the span is written that is not the slice's. Raises StorageError."""
        create_once(self._store, self.rest_key(number), b"1")

    def mark_done(self, number: int) -> None:
        """After the last of several spans. Raises StorageError."""
        create_once(self._store, self.ended_key(number), b"1")

    def mark_block(self, block: int) -> None:
        """After all slices of the block were seen to be done. Raises StorageError."""
        create_once(self._store, self.block_key(block), b"1")

    def _is_there(self, key: str) -> bool:
        try:
            self._store.get_range(key, 0, 1)
        except ObjectMissing:
            return False
        return True

    def tried(self, number: int, start: int) -> int:
        """How often workers have set out carefully from entry `start` of a slice before; writes
        down that another one does.
        """
        prefix = f"{self.prefix}tries/{number:07d}-{start:07d}-"
        more = tries(prefix)
        while True:
            next(more)
            before = sum(1 for _ in self._store.list(prefix))
            try:
                self._store.create(f"{prefix}{before}", b"")
            except AlreadyExists:  # another one sets out at this moment
                continue
            except OutcomeUnknown:
                pass
            return before

    def entries(self, attempt: str, number: int) -> list[Entry]:
        """One slice. Raises ObjectMissing when the job has ended."""
        data = self._store.get(self.slice_key(attempt, number)).data
        return [
            Entry(LineOperation(*item), tuple(LineOperation(*each) for each in earlier))
            for item, earlier in map(json.loads, data.splitlines())
        ]

    def outcome(self, span: Span) -> Outcome:
        """Outcome of a span."""
        return Outcome.decode(self._store.get(self.outcome_key(span)).data)

    def clear(self) -> None:
        """Deletes what only the work needed."""
        kept = (self.errors_key, self.export_key)
        keys = [stat.key for stat in self._store.list(self.prefix)]
        self._store.delete_many([key for key in keys if key not in kept])


def encode_entries(entries: Sequence[Entry]) -> bytes:
    """For the store: a line each."""
    return b"\n".join(
        json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() for entry in entries
    )


def encode_plan(plan: Plan) -> bytes:
    """For the store."""
    return json.dumps(asdict(plan), separators=(",", ":")).encode()
