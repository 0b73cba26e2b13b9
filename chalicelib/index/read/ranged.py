"""The body of a segment, of which only what is needed is read: in ranges, each block verified
before anybody sees a byte of it, and kept.
"""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.errors import CorruptObject
from chalicelib.index.format.bundle import Array
from chalicelib.index.format.once_more import once_more
from chalicelib.index.format.sections import Section, check_of
from chalicelib.index.format.table import RowIds

GAP = 128 * 1024
"""Unwanted bytes between two wanted blocks that are read and kept as well. A request to S3 costs
what a function costs that reads 1 MB (docs/adr/0077).
"""

LONGEST = 16 * 1024 * 1024
"""Bytes of one request: more are asked for at once."""

REQUEST = 512 * 1024
"""Bytes that a request weighs: once the requests for a section weigh as much as it has bytes, all
of it is read and kept (the ski-rental rule).
"""

RENTED = 32 * 1024 * 1024
"""Bytes of the largest section that is read so: what a search can wait for, 0.4 s at 75 MiB/s."""

Spans = Sequence[tuple[int, int]]
ReadRanges = Callable[[Spans], Sequence[memoryview]]
"""Several ranges of the object, asked for at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """One section in memory, as large as it is, of which pages that nobody wrote take no space."""

    section: Section
    checks: npt.NDArray[np.uint8]
    bytes: memoryview
    array: Array
    good: npt.NDArray[np.bool_]
    """[blocks]: read and verified."""
    requests: npt.NDArray[np.int64]
    """[1]: that were made for it."""


class Ranged:
    """All methods may be called from several threads."""

    def __init__(
        self,
        key: str,
        sections: Mapping[str, Section],
        checks: Mapping[str, npt.NDArray[np.uint8]],
        read: ReadRanges,
        grew: Callable[[int], None],
    ) -> None:
        """`grew` is told of bytes kept."""
        self._key = key
        self._sections = sections
        self._checks = checks
        self._read = read
        self._grew = grew
        self._parts: dict[str, _Part] = {}
        self._lock = threading.Lock()
        self._reads = self._seen = 0

    def quiet(self) -> bool:
        """Whether nothing had to be read since this was asked last."""
        quiet, self._seen = self._reads == self._seen, self._reads
        return quiet

    def array(self, name: str) -> Array:
        """The whole section, read-only. Raises KeyError, ObjectMissing, CorruptObject."""
        part = self._part(name)
        self._want(part, ~part.good)
        return part.array

    def gather(self, name: str, rows: RowIds) -> Array:
        """`array(name)[rows]`, reading only the blocks in which these rows lie. Raises as
        `array`.
        """
        part = self._part(name)
        if not part.good.all():
            width, block = part.section.width, part.section.block
            wanted = np.zeros(part.section.blocks, dtype=np.bool_)
            wanted[rows * width // block] = True
            wanted[((rows + 1) * width - 1) // block] = True
            self._want(part, wanted & ~part.good)
        taken: Array = part.array[rows]
        return taken

    def pieces(self, name: str, spans: Spans) -> list[memoryview]:
        """Bytes from and to within the section, for each of `spans`. Raises as `array`."""
        part = self._part(name)
        wanted = np.zeros(part.section.blocks, dtype=np.bool_)
        for start, stop in spans:
            wanted[start // part.section.block : -(-stop // part.section.block)] = True
        self._want(part, wanted & ~part.good)
        return [part.bytes[start:stop] for start, stop in spans]

    def is_whole(self, name: str) -> bool:
        """Whether nothing of the section has to be read any more."""
        return bool(self._part(name).good.all())

    def blocks_of(self, name: str, rows: RowIds) -> int:
        """Bytes of the blocks in which these rows lie, read or not."""
        section = self._sections[name]
        touched = np.zeros(section.blocks, dtype=np.bool_)
        touched[rows * section.width // section.block] = True
        return int(np.count_nonzero(touched)) * section.block

    def _part(self, name: str) -> _Part:
        found = self._parts.get(name)
        if found is None:
            with self._lock:
                found = self._parts.setdefault(
                    name, _part(self._sections[name], self._checks[name])
                )
        return found

    def _want(self, part: _Part, missing: npt.NDArray[np.bool_]) -> None:
        """Reads blocks that are not there, with what lies in the gaps between them. Two threads
        that want the same one read it twice, and write the same bytes.
        """
        blocks = np.flatnonzero(missing)
        if not len(blocks):
            return
        self._reads += 1
        runs = _runs(blocks, part.section.block)
        part.requests[0] += len(runs)
        if part.section.size <= RENTED and part.requests[0] * REQUEST >= part.section.size:
            runs = _runs(np.arange(part.section.blocks), part.section.block)
        once_more(lambda: self._fetch(part, runs))

    def _fetch(self, part: _Part, runs: Sequence[tuple[int, int]]) -> None:
        """Reads, verifies and keeps these runs of blocks. Raises ObjectMissing, CorruptObject."""
        bodies = self._read([part.section.span(first, last) for first, last in runs])
        for (first, last), body in zip(runs, bodies, strict=True):
            for number in range(first, last):
                if not part.good[number]:
                    self._keep(part, number, body[(number - first) * part.section.block :])

    def _keep(self, part: _Part, number: int, body: memoryview) -> None:
        """Verifies block `number`, with which `body` begins, and keeps it."""
        start, stop = part.section.span(number, number + 1)
        block = body[: stop - start]
        if check_of(block) != part.checks[number].tobytes():
            raise CorruptObject(
                self._key,
                f"the checksum of its {part.section.name} (bytes {start} to {stop}) is wrong; "
                "restore it from a backup",
            )
        place = start - part.section.offset
        part.bytes[place : place + len(block)] = block
        part.good[number] = True
        self._grew(len(block))


def _part(section: Section, checks: npt.NDArray[np.uint8]) -> _Part:
    """Space for a section; nothing of it is there yet."""
    if section.size:
        pages = mmap.mmap(-1, section.size)
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            pages.madvise(mmap.MADV_NOHUGEPAGE)  # else one block would take two megabytes
        data = memoryview(pages)
    else:
        data = memoryview(bytearray())
    array = np.frombuffer(data, section.dtype).reshape(section.shape)
    array.flags.writeable = False
    return _Part(
        section,
        checks,
        data,
        array,
        np.zeros(section.blocks, dtype=np.bool_),
        np.zeros(1, np.int64),
    )


def _runs(blocks: RowIds, size: int) -> list[tuple[int, int]]:
    """First block and the one after the last of each read that gives `blocks` (ascending)."""
    longest = max(1, LONGEST // size)
    breaks = np.flatnonzero(np.diff(blocks) > GAP // size + 1) + 1
    runs = []
    for part in np.split(blocks, breaks):
        first, stop = int(part[0]), int(part[-1]) + 1
        runs += [(start, min(start + longest, stop)) for start in range(first, stop, longest)]
    return runs
