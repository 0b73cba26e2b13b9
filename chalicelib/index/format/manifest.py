"""The one mutable object of a generation: which segments there are and which log objects they
absorbed (docs/FORMAT.md §6).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.errors import CorruptObject, FormatTooNew
from chalicelib.index.format.positions import Position
from chalicelib.index.format.table import Shape

FORMAT = 2
"""The newest that is read and written."""

UNCHANGED = 1
"""What everything says that format 2 left as it was: a manifest too, until it names a segment of
format 2. So the release before reads a collection until the first compaction by this one.
"""


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An immutable object."""

    id: str
    sha256: str
    """Of its header, which holds the hashes of the rest."""
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A segment: `segments/{id}/head` and `body` (of format 1: `keys` and `rows`), perhaps `graph`,
    and what became of its rows since (`revisions/{id}`).
    """

    id: str
    rows: int
    categories: tuple[tuple[int, int], ...]
    """(category id, rows), in order of id."""
    newest: Position
    """Of its rows."""
    body: ObjectRef
    """The body; of format 1 the rows."""
    head: ObjectRef | None = None
    keys: ObjectRef | None = None
    """Of format 1, which has no head."""
    graph: ObjectRef | None = None
    revision: ObjectRef | None = None
    dead: int = 0
    """Rows that the revision says are dead."""
    changed: int = 0
    """Rows whose attributes the revision changes; an upper bound."""
    stale_since: float | None = None
    """With a revision: when the first of these rows died or changed, seconds, or earlier; None: a
    version before 0.2 wrote it, which did not say.
    """

    @property
    def live(self) -> int:
        """Rows that count."""
        return self.rows - self.dead

    @property
    def body_path(self) -> str:
        """Of the object that holds the rows, within the generation's folder."""
        return f"segments/{self.id}/{'body' if self.head else 'rows'}"

    @property
    def size(self) -> int:
        """Bytes on the store."""
        return sum(
            ref.size
            for ref in (self.head, self.keys, self.body, self.graph, self.revision)
            if ref is not None
        )


@dataclass(frozen=True, slots=True)
class TombstonesRef:
    """`marks/{id}`: deletions and patches that are young enough to matter."""

    object: ObjectRef
    count: int
    newest: Position
    since: float
    """When they were absorbed, seconds."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """Something no reader of this manifest needs."""

    key: str
    """Within the generation's folder."""
    since: float
    """When it was named here, seconds."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version. A replacement has `version` + 1; `generation`, `shape` and `fingerprint` never
    change.
    """

    generation: str
    fingerprint: str
    shape: Shape
    version: int = 0
    segments: tuple[SegmentRef, ...] = ()
    tombstones: tuple[TombstonesRef, ...] = ()
    absorbed: tuple[str, ...] = ()
    """Names of log objects that the segments contain and that may still lie in the log."""
    garbage: tuple[Garbage, ...] = ()
    successor: str | None = None
    """The generation that took this one's place; empty text: the collection was dropped. Final."""

    @property
    def rows(self) -> int:
        """Live rows of all segments."""
        return sum(segment.live for segment in self.segments)

    @property
    def newest(self) -> Position | None:
        """The latest position among rows and tombstones."""
        return max(
            [
                *(segment.newest for segment in self.segments),
                *(tombstones.newest for tombstones in self.tombstones),
            ],
            default=None,
        )

    def objects(self) -> set[str]:
        """Every immutable object that this version refers to, within the generation's folder."""
        found = {f"marks/{tombstones.object.id}" for tombstones in self.tombstones}
        for segment in self.segments:
            names = ("head", "body") if segment.head else ("keys", "rows")
            found |= {f"segments/{segment.id}/{name}" for name in names}
            if segment.graph is not None:
                found.add(f"segments/{segment.id}/graph-{segment.graph.id}")
            if segment.revision is not None:
                found.add(f"revisions/{segment.revision.id}")
        return found

    def next(self, **changes: Any) -> Manifest:
        """The same with `changes`, one version on."""
        return replace(self, version=self.version + 1, **changes)


def encode_manifest(manifest: Manifest) -> bytes:
    """JSON with sorted keys: the same manifest has the same bytes."""
    body = {
        "format": FORMAT if any(segment.head for segment in manifest.segments) else UNCHANGED,
        "generation": manifest.generation,
        "version": manifest.version,
        "fingerprint": manifest.fingerprint,
        "dimension": manifest.shape.dimension,
        "bits": manifest.shape.bits,
        "segments": [_segment_json(segment) for segment in manifest.segments],
        "marks": [
            {
                **_object_json(tombstones.object),
                "count": tombstones.count,
                "newest": tombstones.newest.text(),
                "since": tombstones.since,
            }
            for tombstones in manifest.tombstones
        ],
        "absorbed": list(manifest.absorbed),
        "garbage": [{"key": garbage.key, "since": garbage.since} for garbage in manifest.garbage],
        "successor": manifest.successor,
    }
    return sealed(body)


def decode_manifest(key: str, data: bytes) -> Manifest:
    """The inverse of `encode_manifest`. Raises CorruptObject, FormatTooNew; both name `key`."""
    body = unsealed(key, data)
    return Manifest(
        generation=body["generation"],
        fingerprint=body["fingerprint"],
        shape=Shape(body["dimension"], body["bits"]),
        version=body["version"],
        segments=tuple(_segment(row) for row in body["segments"]),
        tombstones=tuple(
            TombstonesRef(_object(row), row["count"], Position.parse(row["newest"]), row["since"])
            for row in body["marks"]
        ),
        absorbed=tuple(body["absorbed"]),
        garbage=tuple(Garbage(row["key"], row["since"]) for row in body["garbage"]),
        successor=body["successor"],
    )


def sealed(body: dict[str, Any]) -> bytes:
    """A JSON object with a checksum of itself as its last line."""
    text = json.dumps(body, separators=(",", ":"), sort_keys=True).encode("ascii")
    return text + b"\n" + hashlib.sha256(text).hexdigest().encode("ascii") + b"\n"


def unsealed(key: str, data: bytes) -> dict[str, Any]:
    """The inverse of `sealed`, for objects with a "format". Raises CorruptObject, FormatTooNew;
    both name `key`.
    """
    text, _, rest = data.partition(b"\n")
    if rest != hashlib.sha256(text).hexdigest().encode("ascii") + b"\n":
        raise CorruptObject(
            key,
            "its checksum is wrong; restore it from a backup or an earlier version of the object",
        )
    body: dict[str, Any] = json.loads(text)
    if body["format"] > FORMAT:
        raise FormatTooNew(
            f"{key} has format {body['format']}; this version of Lookalike reads up to {FORMAT}:"
            " upgrade it"
        )
    return body


def _object_json(found: ObjectRef) -> dict[str, Any]:
    return {"id": found.id, "sha256": found.sha256, "size": found.size}


def _object(row: dict[str, Any]) -> ObjectRef:
    return ObjectRef(row["id"], row["sha256"], row["size"])


def _segment_json(segment: SegmentRef) -> dict[str, Any]:
    parts = {"body": segment.body, "graph": segment.graph, "revision": segment.revision}
    parts |= {"head": segment.head} if segment.head else {"keys": segment.keys}
    return {
        "id": segment.id,
        "rows": segment.rows,
        "categories": segment.categories,
        "newest": segment.newest.text(),
        "dead": segment.dead,
        "changed": segment.changed,
        **({} if segment.stale_since is None else {"stale": segment.stale_since}),
        **{name: None if part is None else _object_json(part) for name, part in parts.items()},
    }


def _segment(row: dict[str, Any]) -> SegmentRef:
    parts = {
        name: _object(row[name]) if row.get(name) else None
        for name in ("head", "keys", "graph", "revision")
    }
    return SegmentRef(
        id=row["id"],
        rows=row["rows"],
        categories=tuple((category, count) for category, count in row["categories"]),
        newest=Position.parse(row["newest"]),
        body=_object(row["body"]),
        dead=row["dead"],
        changed=row["changed"],
        stale_since=row.get("stale"),
        **parts,
    )
