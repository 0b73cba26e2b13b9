"""The nearest rows by their codes: Hamming distances over code planes."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.table import RowIds
from chalicelib.index.read.matching import Matching

_BLOCK = 65_536
"""Rows per step, so that the buffers stay in the second-level cache (studies: 3× over a whole
sweep).
"""

_SAMPLE = 16
_SAMPLED_FROM = 8_192
"""A bound from every 16th row spares partitioning all of them: 0.13 instead of 1.0 ms for 262,144
rows.
"""


class _Scratch(threading.local):
    """Buffers of each thread: taking new ones for every search costs more in page faults than the
    arithmetic of 20,000 rows.
    """

    def __init__(self) -> None:
        self.differing = np.empty(_BLOCK, dtype=np.uint64)
        self.counts = np.empty(_BLOCK, dtype=np.uint8)


_scratch = _Scratch()

_EVEN = np.uint64(0x00FF00FF00FF00FF)
_ADD_UP = np.uint64(0x0001000100010001)

_FAR = np.uint16(65_535)
"""A distance no row has: fewer than 65,535 bits."""


class Scan:
    """Distances of all matching rows to one code, each computed once."""

    def __init__(
        self,
        planes: npt.NDArray[np.uint64],
        words: npt.NDArray[np.uint64],
        matching: Matching,
    ) -> None:
        """`planes` [words, rows], `words` [words]."""
        spans = matching.spans
        self._distances = np.concatenate(
            [_distances(planes, words, start, stop) for start, stop in spans]
        )
        if matching.allowed is not None:
            allowed = [matching.allowed[start:stop] for start, stop in spans]
            self._distances[~np.concatenate(allowed)] = _FAR
        self._starts = np.array([start for start, _ in spans])
        self._offsets = np.cumsum([0, *(stop - start for start, stop in spans)])
        """Where each span begins among all distances."""

    def nearest(self, count: int) -> RowIds:
        """The `count` nearest rows and all as near as the last of them, ascending."""
        places = smallest(self._distances, count)
        span = np.searchsorted(self._offsets, places, side="right") - 1
        rows: RowIds = places - self._offsets[span] + self._starts[span]
        return rows


def query_words(code: npt.NDArray[np.uint8], words: int) -> npt.NDArray[np.uint64]:
    """[words]: a packed code [code bytes] as the planes hold it."""
    padded = np.zeros(words * 8, dtype=np.uint8)
    padded[: len(code)] = code
    return padded.view("<u8")


def hamming(
    planes: npt.NDArray[np.uint64], words: npt.NDArray[np.uint64], rows: RowIds
) -> npt.NDArray[np.int64]:
    """[len(rows)]: bits in which each of `rows` differs."""
    found: npt.NDArray[np.int64] = np.bitwise_count(planes[:, rows] ^ words[:, None]).sum(
        axis=0, dtype=np.int64
    )
    return found


def row_distances(
    codes: npt.NDArray[np.uint64], words: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint16]:
    """[rows]: bits in which each of `codes` [rows, words], row after row, differs from `words`."""
    counts = np.bitwise_count(codes ^ words)
    found = np.zeros(len(codes), dtype=np.uint16)
    whole = counts.shape[1] // 8 * 8
    for first in range(0, whole, 8):
        # the eight counts of a row are the bytes of one number, at most 64 each: pairs of them add
        # up within 16 bits, and a multiplication adds the four pairs into the highest 16 bits
        eight = np.ascontiguousarray(counts[:, first : first + 8]).view(np.uint64)[:, 0]
        pairs = (eight & _EVEN) + ((eight >> np.uint64(8)) & _EVEN)
        found += ((pairs * _ADD_UP) >> np.uint64(48)).astype(np.uint16)
    for place in range(whole, counts.shape[1]):
        found += counts[:, place]
    return found


def _distances(
    planes: npt.NDArray[np.uint64], words: npt.NDArray[np.uint64], start: int, stop: int
) -> npt.NDArray[np.uint16]:
    """[stop - start]: bits in which each row of `planes` [words, rows] differs from `words`
    [words].
    """
    found = np.zeros(stop - start, dtype=np.uint16)
    differing, counts = _scratch.differing, _scratch.counts
    for first in range(start, stop, _BLOCK):
        last = min(stop, first + _BLOCK)
        width = last - first
        total = found[first - start : last - start]
        for plane, word in zip(planes, words, strict=True):
            np.bitwise_xor(plane[first:last], word, out=differing[:width])
            np.bitwise_count(differing[:width], out=counts[:width])
            np.add(total, counts[:width], out=total)
    return found


def smallest(found: npt.NDArray[np.uint16], count: int) -> npt.NDArray[np.int64]:
    """Places of the `count` smallest distances and of all equal to the last of them; never of
    _FAR.
    """
    if len(found) <= count:
        return np.flatnonzero(found < _FAR)
    within = np.arange(0)
    if len(found) >= _SAMPLED_FROM:
        sample = found[::_SAMPLE]
        # far enough out that all wanted rows lie nearer, almost always
        place = min(len(sample) - 1, count // _SAMPLE + 4 * _SAMPLE)
        bound = min(int(np.partition(sample, place)[place]), int(_FAR) - 1)
        within = np.flatnonzero(found <= bound)
    if len(within) < count:
        within = np.flatnonzero(found < _FAR)
    if len(within) <= count:
        return within
    near = found[within]
    kept: npt.NDArray[np.int64] = within[near <= np.partition(near, count - 1)[count - 1]]
    return kept
