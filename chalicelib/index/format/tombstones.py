"""Deletions and patches as they were logged, kept until no late change can be older than they are
(docs/FORMAT.md §5.4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import Attributes
from chalicelib.index.format.manifest import TombstonesRef
from chalicelib.index.format.positions import Position
from chalicelib.index.format.records import Key


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What happened to a key, other than a put."""

    key: Key
    position: Position
    changes: Attributes | None
    """None: deleted."""


def tombstones_path(ref: TombstonesRef) -> str:
    """Within the generation's folder."""
    return f"marks/{ref.object.id}"


def encode_tombstones(tombstones: Iterable[Tombstone]) -> npt.NDArray[np.uint8]:
    """JSON lines."""
    lines = []
    for tombstone in tombstones:
        row: dict[str, object] = {
            "p": tombstone.key.product_id,
            "n": tombstone.key.pic_name,
            "at": tombstone.position.text(),
        }
        if tombstone.changes is not None:
            row["set"] = {
                name: value
                for name, value in asdict(tombstone.changes).items()
                if value is not None
            }
        lines.append(json.dumps(row, separators=(",", ":"), sort_keys=True))
    return np.frombuffer("\n".join(lines).encode("ascii"), np.uint8)


def decode_tombstones(data: npt.NDArray[np.uint8]) -> tuple[Tombstone, ...]:
    """The inverse of `encode_tombstones`."""
    tombstones = []
    for line in data.tobytes().splitlines():
        row = json.loads(line)
        changes = Attributes(**row["set"]) if "set" in row else None
        tombstones.append(Tombstone(Key(row["p"], row["n"]), Position.parse(row["at"]), changes))
    return tuple(tombstones)


def patched(attributes: Attributes, changes: Attributes) -> Attributes:
    """`attributes` with the fields of `changes` that are not None."""
    given = {name: value for name, value in asdict(changes).items() if value is not None}
    return replace(attributes, **given) if given else attributes


def effect(tombstones: Sequence[Tombstone], since: Position) -> tuple[Position, Attributes | None]:
    """What `tombstones` (of one key, in order of position) do to a record put at `since`: the last
    deletion's position (or `since`), and the attributes set after it (None: nothing set).
    """
    changes: Attributes | None = None
    for tombstone in tombstones:
        if tombstone.position <= since:
            continue
        if tombstone.changes is None:
            since, changes = tombstone.position, None
        else:
            changes = tombstone.changes if changes is None else patched(changes, tombstone.changes)
    return since, changes
