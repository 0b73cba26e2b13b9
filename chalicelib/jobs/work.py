"""Where a job's work lies in the store: its plan, its slices and what became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from chalicelib.errors import AlreadyExists, ObjectMissing, OutcomeUnknown
from chalicelib.jobs.outcomes import Outcome, Span
from chalicelib.jobs.records import Job
from chalicelib.storage.attempts import tries
from chalicelib.storage.object_store import ObjectStore


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
        return [Span.named(stat.key.rpartition("/")[2]) for stat in self._store.list(prefix)]

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
