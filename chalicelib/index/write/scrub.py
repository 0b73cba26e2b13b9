"""Derives every invariant of a generation anew from its bytes (docs/FORMAT.md §9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from chalicelib.errors import CorruptObject, FormatTooNew, ObjectMissing
from chalicelib.index.format.batch import decode_batch
from chalicelib.index.format.build import norms
from chalicelib.index.format.bundle import Bundle
from chalicelib.index.format.clustered import body_path, head_path, open_head
from chalicelib.index.format.digests import Digests, key_digests, product_digests
from chalicelib.index.format.manifest import Manifest, ObjectRef, SegmentRef
from chalicelib.index.format.once_more import once_more
from chalicelib.index.format.positions import Position
from chalicelib.index.format.revision import decode_revision, revision_path
from chalicelib.index.format.segment import (
    keys_path,
    open_keys,
    open_rows,
    positions_of,
    ranges_of,
    rows_path,
)
from chalicelib.index.format.table import RowIds, Table
from chalicelib.index.format.tombstones import tombstones_path
from chalicelib.index.read.clustered import Clustered
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.graph import Graph, graph_path
from chalicelib.index.read.reader import reader_of
from chalicelib.index.write import scrub_clustered as clustered

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it must be."""

    key: str
    """The object."""
    what: str
    """What is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What a scrub saw."""

    objects: int
    rows: int
    """Live."""
    bytes: int
    problems: tuple[Problem, ...]
    bad_graphs: frozenset[str]
    """Ids of graphs among the problems: these can be built anew (grow.prune)."""


def scrub(generation: Generation) -> Scrubbed:
    """Reads everything that the manifest and the log refer to, past any cache. Damage is listed,
    not raised. Raises StoreUnavailable.
    """
    log = [found.name for found in generation.log.objects()]
    manifest = generation.manifest().manifest
    run = _Run(generation, manifest)
    run.look("manifest.json", run.manifest)
    run.strays()
    for ref in manifest.segments:
        run.look(f"segments/{ref.id}", lambda ref=ref: run.segment(ref))
        if ref.graph is not None:
            run.look(graph_path(ref, ref.graph.id), lambda ref=ref: run.graph(ref))
    run.look("manifest.json", run.duplicates)
    for tombstones in manifest.tombstones:
        run.look(
            tombstones_path(tombstones),
            lambda tombstones=tombstones: run.tombstones(
                tombstones_path(tombstones), tombstones.object.sha256
            ),
        )
    absorbed = set(manifest.absorbed)
    for name in log:
        if name not in absorbed:
            run.look(f"log/{name}", lambda name=name: run.batch(f"log/{name}"))
    return Scrubbed(
        run.objects, manifest.rows, run.bytes, tuple(run.problems), frozenset(run.bad_graphs)
    )


GRAPH_PROBE = 64
"""Rows asked for when a graph is tried out."""


class _Run:
    def __init__(self, generation: Generation, manifest: Manifest) -> None:
        self._generation = generation
        self._manifest = manifest
        self._live: list[Digests] = []
        self.problems: list[Problem] = []
        self.objects = 0
        self.bytes = 0
        self.bad_graphs: set[str] = set()

    def look(self, path: str, check: object) -> None:
        """Runs one check; what it finds or raises is a problem."""
        assert callable(check)  # noqa: S101  # narrows the type
        try:
            for what in check() or ():
                self.problems.append(Problem(self._generation.folder + path, what))
        except (CorruptObject, FormatTooNew, ObjectMissing) as error:
            self.problems.append(
                Problem(getattr(error, "key", self._generation.folder + path), str(error))
            )

    def strays(self) -> None:
        """What somebody else left in the log's folder: nothing reads it."""
        for key in self._generation.log.strays():
            self.problems.append(Problem(key, "it is not the name of a log object; remove it"))

    def manifest(self) -> Iterator[str]:
        """The manifest against itself."""
        manifest = self._manifest
        self.objects += 1
        if manifest.generation != self._generation.id:
            yield f"it is of generation {manifest.generation}"
        ids = [ref.id for ref in manifest.segments]
        if len(set(ids)) != len(ids):
            yield "a segment is named twice"
        if manifest.objects() & {garbage.key for garbage in manifest.garbage}:
            yield "an object in use is named as garbage"
        for name in manifest.absorbed:
            try:
                Position.parse(name)
            except ValueError as error:
                yield f"{error}; remove it"

    def segment(self, ref: SegmentRef) -> Iterator[str]:
        """A segment's objects against each other and the manifest."""
        if ref.head is None:
            table = self._plain(ref)
            yield from _order(table)
            if not np.array_equal(norms(table.rows["features"]), table.rows["norms"]):
                yield "norms and features do not fit each other"
        else:
            opened = self._clustered(ref, ref.head)
            yield from clustered.problems(ref, self._manifest.shape, opened)
            table = clustered.table_of(ref, self._manifest.shape, opened)
        yield from _shapes(table)
        yield from _digests(table)
        positions = positions_of(table.keys)
        # time first, then tie: the last one is the newest
        order = np.lexsort((positions.tie, positions.time))
        if positions[int(order[-1])] != ref.newest:
            yield "its newest row is not as old as the manifest says"
        dead = np.empty(0, np.int64)
        if ref.revision is not None:
            sha256 = ref.revision.sha256
            revision = self._opened(
                revision_path(ref.revision.id),
                ref.revision.size,
                lambda key, data: decode_revision(key, data, sha256),
            )
            dead = revision.dead
            if len(dead) != ref.dead or (len(dead) and dead[-1] >= ref.rows):
                yield "its revision does not fit the manifest"
        alive: RowIds = np.setdiff1d(np.arange(ref.rows), dead)
        self._live.append(table.digests.take(alive))

    def _plain(self, ref: SegmentRef) -> Table:
        """A segment of format 1, all of it verified. Raises CorruptObject, FormatTooNew."""
        # narrows the type; the caller looked
        assert ref.keys is not None  # noqa: S101
        keys = self._opened(
            keys_path(ref.id), ref.keys.size, lambda key, data: _whole(open_keys(ref, key, data))
        )
        rows = self._opened(
            rows_path(ref.id), ref.body.size, lambda key, data: _whole(open_rows(ref, key, data))
        )
        return Table(ref.rows, ranges_of(ref), self._manifest.shape, keys, rows)

    def _clustered(self, ref: SegmentRef, head: ObjectRef) -> Clustered:
        """A segment of format 2, all of it verified. Raises CorruptObject, FormatTooNew."""
        found = self._opened(
            head_path(ref.id), head.size, lambda key, data: open_head(ref, key, data)
        )
        return self._opened(
            body_path(ref.id),
            ref.body.size,
            lambda key, data: clustered.opened(ref, found, key, data),
        )

    def graph(self, ref: SegmentRef) -> Iterator[str]:
        """A segment's graph; remembered where it is damaged, since it can be built anew."""
        assert ref.graph is not None  # noqa: S101  # narrows the type; the caller looked
        try:
            table = self._generation.objects.table(ref, self._manifest)
            first = np.ascontiguousarray(table.rows["codes"][:, 0])
        except (CorruptObject, FormatTooNew, ObjectMissing):
            # reported with the segment, without whose codes a graph can neither be tried nor be
            # built anew
            return
        self.bad_graphs.add(ref.graph.id)
        graph = self._opened(
            graph_path(ref, ref.graph.id),
            ref.graph.size,
            lambda key, data: Graph(ref, self._manifest.shape, key, data),
        )
        if 0 not in graph.search(first, GRAPH_PROBE):
            yield "it does not find the segment's first row"
        else:
            self.bad_graphs.remove(ref.graph.id)

    def duplicates(self) -> Iterator[str]:
        """No key may live twice."""
        high = np.concatenate([keys.high for keys in self._live] or [np.empty(0, np.uint64)])
        low = np.concatenate([keys.low for keys in self._live] or [np.empty(0, np.uint64)])
        order = np.lexsort((low, high))
        twice = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
        if twice.any():
            yield f"{int(twice.sum())} keys live in two segments"

    def tombstones(self, path: str, sha256: str) -> None:
        """A tombstones object."""
        self._opened(
            path, None, lambda key, data: _whole(Bundle(key, data, "marks", sha256=sha256))
        )

    def batch(self, path: str) -> Iterator[str]:
        """A log object that is not absorbed yet."""
        shape, fingerprint = self._manifest.shape, self._manifest.fingerprint
        batch = self._opened(
            path,
            None,
            lambda key, data: decode_batch(key, data, shape=shape, fingerprint=fingerprint),
        )
        yield from _shapes(batch.table)
        yield from _digests(batch.table)
        yield from _order(batch.table)

    def _opened(self, path: str, size: int | None, decode: Callable[[str, memoryview], _T]) -> _T:
        """What `decode` makes of an object that should have `size` bytes; damage is believed when a
        second download shows it too. Raises ObjectMissing, CorruptObject, FormatTooNew.
        """
        key = self._generation.folder + path

        def read() -> tuple[int, _T]:
            data = self._generation.tools.store.view(key)
            if size is not None and data.nbytes != size:
                raise CorruptObject(
                    key,
                    f"it has {data.nbytes} bytes, the manifest says {size}; restore it from a "
                    "backup",
                )
            return data.nbytes, decode(key, data)

        self.objects += 1
        count, made = once_more(read)
        self.bytes += count
        return made


def _whole(bundle: Bundle) -> Bundle:
    """`bundle`, all of it verified. Raises CorruptObject."""
    bundle.check()
    return bundle


def _shapes(table: Table) -> Iterator[str]:
    """Arrays that do not fit each other, and categories that do not cover the rows."""
    shape = table.shape
    expected: dict[str, tuple[int, ...]] = dict.fromkeys(
        ("scales", "norms", "products"), (table.size,)
    )
    expected |= {
        "features": (table.size, shape.dimension),
        "codes": (shape.words, table.size),
        "regions": (table.size, 4),
    }
    for name, found in expected.items():
        if table.rows[name].shape != found:
            yield f"{name} has the shape {table.rows[name].shape}, not {found}"
    spans = [(span.start, span.stop) for span in table.ranges]
    if [start for start, _ in spans] != [0, *(stop for _, stop in spans)][:-1] or (
        spans[-1][1] if spans else 0
    ) != table.size:
        yield "its categories do not cover its rows"


def _digests(table: Table) -> Iterator[str]:
    """Digests that are not those of the keys."""
    keys = [row.key for row in reader_of(table).rows(range(table.size))]
    derived, digests = key_digests(keys), table.digests
    if not (
        np.array_equal(derived.high, digests.high) and np.array_equal(derived.low, digests.low)
    ):
        yield "key digests do not fit the keys"
    if not np.array_equal(
        product_digests([key.product_id for key in keys]), table.rows["products"]
    ):
        yield "product digests do not fit the product ids"


def _order(table: Table) -> Iterator[str]:
    """Rows of a log object or of a segment of format 1 that are not in order of their digests."""
    digests = table.digests
    for span in table.ranges:
        high, low = digests.high[span.start : span.stop], digests.low[span.start : span.stop]
        if not ((high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))).all():
            yield f"the rows of category {span.category_id} are not in order"
