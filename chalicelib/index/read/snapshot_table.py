"""One table of a snapshot and which of its rows count: a segment, or what the log adds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from chalicelib.index.format.columns import Mask
from chalicelib.index.format.digests import Digests
from chalicelib.index.format.manifest import SegmentRef
from chalicelib.index.format.revision import Revision
from chalicelib.index.format.table import RowIds, Table, merged
from chalicelib.index.read.plan import OpenGraph
from chalicelib.index.read.tail import Effect, Find, Tail, find_in_table


class SnapshotTable:
    """Rows that a snapshot searches."""

    @property
    def table(self) -> Table:
        """With all changes of attributes."""
        raise NotImplementedError

    @property
    def alive(self) -> Mask | None:
        """[table.size]; None: all rows count."""
        raise NotImplementedError

    @property
    def graph(self) -> OpenGraph | None:
        """How to open the graph over the table's rows; None: it has none."""
        return None

    def live_rows(self) -> RowIds:
        """Ids of the rows that count."""
        return np.arange(self.table.size) if self.alive is None else np.flatnonzero(self.alive)

    def find(self, wanted: Digests) -> RowIds:
        """[len(wanted)]: the row that counts of each key, -1 where there is none."""
        return self._alive_only(find_in_table(self.table, wanted))

    def _alive_only(self, rows: RowIds) -> RowIds:
        """`rows`, -1 in the place of those that do not count."""
        if self.alive is not None:
            rows[(rows >= 0) & ~self.alive[rows]] = -1
        return rows

    def __len__(self) -> int:
        """Rows that count."""
        return self.table.size if self.alive is None else int(np.count_nonzero(self.alive))


class SegmentTable(SnapshotTable):
    """A segment under its revision and the log. Nothing is read before it is needed; the keys only
    if the log holds anything.
    """

    def __init__(
        self,
        ref: SegmentRef,
        base: Table,
        find: Find,
        load_revision: Callable[[], Revision],
        tail: Tail,
        graph: OpenGraph | None = None,
    ) -> None:
        self.ref = ref
        self._graph = graph
        self._base = base
        self._find = find
        self._load_revision = load_revision
        self._tail = tail

    @cached_property
    def effect(self) -> Effect | None:
        """What the log does to this segment."""
        if not len(self._tail.fatal) and not len(self._tail.marked):
            return None
        return self._tail.on(self._find)

    @cached_property
    def _revision(self) -> Revision:
        return self._load_revision() if self.ref.revision else Revision()

    @cached_property
    def table(self) -> Table:
        """See SnapshotTable."""
        base = self._base
        changed = (
            merged(self._revision.changed, self.effect.changed)
            if self.effect
            else self._revision.changed
        )
        return Table(base.size, base.ranges, base.shape, base.keys, base.rows, changed)

    @cached_property
    def alive(self) -> Mask | None:
        """See SnapshotTable."""
        dead = (
            self._revision.dead
            if self.effect is None
            else np.union1d(self._revision.dead, self.effect.dead)
        )
        if not len(dead):
            return None
        mask = np.ones(self._base.size, dtype=np.bool_)
        mask[dead] = False
        return mask

    @property
    def graph(self) -> OpenGraph | None:
        """See SnapshotTable."""
        return self._graph

    def find(self, wanted: Digests) -> RowIds:
        """See SnapshotTable."""
        rows, _ = self._find(wanted)
        return self._alive_only(rows)

    def __len__(self) -> int:
        """Rows that count."""
        return self.ref.live if self.effect is None else super().__len__()


class TailTable(SnapshotTable):
    """What the log adds."""

    def __init__(self, tail: Tail, segments: Sequence[SegmentTable]) -> None:
        self._tail = tail
        self._segments = segments

    @property
    def table(self) -> Table:
        """See SnapshotTable."""
        return self._tail.table

    @cached_property
    def alive(self) -> Mask | None:
        """See SnapshotTable. Rows older than a segment's newest may have lost against a row there;
        only then are segments asked.
        """
        oldest = self._tail.oldest
        stale = [
            segment.effect.stale
            for segment in self._segments
            if oldest is not None and oldest <= segment.ref.newest and segment.effect is not None
        ]
        if not any(len(rows) for rows in stale):
            return None
        mask = np.ones(self._tail.table.size, dtype=np.bool_)
        for rows in stale:
            mask[rows] = False
        return mask
