"""Deletions and patches as they were logged, kept until no late change can be older than they are (docs/FORMAT.md §5.4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import Attributes
from chalicelib.index.format.positions import Position
from chalicelib.index.format.records import Key


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened to a key, other than a put."""

    key: Key
    position: Position
    changes: Attributes | None
    """None: deleted."""


def encode_marks(marks: Iterable[Mark]) -> npt.NDArray[np.uint8]:
    """JSON lines."""
    lines = []
    for mark in marks:
        row: dict[str, object] = {"p": mark.key.product_id, "n": mark.key.pic_name, "at": mark.position.text()}
        if mark.changes is not None:
            row["set"] = {name: value for name, value in asdict(mark.changes).items() if value is not None}
        lines.append(json.dumps(row, separators=(",", ":"), sort_keys=True))
    return np.frombuffer("\n".join(lines).encode("ascii"), np.uint8)


def decode_marks(data: npt.NDArray[np.uint8]) -> tuple[Mark, ...]:
    """The inverse of `encode_marks`."""
    marks = []
    for line in data.tobytes().splitlines():
        row = json.loads(line)
        changes = Attributes(**row["set"]) if "set" in row else None
        marks.append(Mark(Key(row["p"], row["n"]), Position.parse(row["at"]), changes))
    return tuple(marks)


def patched(attributes: Attributes, changes: Attributes) -> Attributes:
    """`attributes` with the fields of `changes` that are not None."""
    given = {name: value for name, value in asdict(changes).items() if value is not None}
    return replace(attributes, **given) if given else attributes


def effect(marks: Sequence[Mark], since: Position) -> tuple[Position, Attributes | None]:
    """What `marks` (of one key, in order of position) do to a record put at `since`: the last deletion's position (or `since`), and the
    attributes set after it (None: nothing set).
    """
    changes: Attributes | None = None
    for mark in marks:
        if mark.position <= since:
            continue
        if mark.changes is None:
            since, changes = mark.position, None
        else:
            changes = mark.changes if changes is None else patched(changes, mark.changes)
    return since, changes
