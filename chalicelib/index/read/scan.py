"""Arithmetic of a search: Hamming distances over code planes, cosines over int8 features."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.bundle import Array
from chalicelib.index.format.columns import Mask

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

FAR = np.uint16(65_535)
"""A distance no row has: fewer than 65,535 bits."""


def query_words(code: npt.NDArray[np.uint8], words: int) -> npt.NDArray[np.uint64]:
    """[words]: a packed code [code bytes] as the planes hold it."""
    padded = np.zeros(words * 8, dtype=np.uint8)
    padded[: len(code)] = code
    return padded.view("<u8")


def distances(
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


def nearest(found: npt.NDArray[np.uint16], count: int) -> npt.NDArray[np.int64]:
    """Places of the `count` smallest distances and of all equal to the last of them; never of FAR."""
    if len(found) <= count:
        return np.flatnonzero(found < FAR)
    within = np.arange(0)
    if len(found) >= _SAMPLED_FROM:
        sample = found[::_SAMPLE]
        place = min(
            len(sample) - 1, count // _SAMPLE + 4 * _SAMPLE
        )  # far enough out that all wanted rows lie nearer, almost always
        within = np.flatnonzero(found <= min(int(np.partition(sample, place)[place]), int(FAR) - 1))
    if len(within) < count:
        within = np.flatnonzero(found < FAR)
    if len(within) <= count:
        return within
    near = found[within]
    kept: npt.NDArray[np.int64] = within[near <= np.partition(near, count - 1)[count - 1]]
    return kept


def hamming(
    planes: npt.NDArray[np.uint64], words: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """[len(rows)]: bits in which each of `rows` differs."""
    found: npt.NDArray[np.int64] = np.bitwise_count(planes[:, rows] ^ words[:, None]).sum(
        axis=0, dtype=np.int64
    )
    return found


def cosines(
    features: npt.NDArray[np.int8], norms: npt.NDArray[np.int32], query: npt.NDArray[np.int8]
) -> npt.NDArray[np.float32]:
    """[rows]: cosine of each of `features` [rows, dimension] with `query` [dimension]; exactly 1
    for an equal one, 0 for a zero one.

    Sums of int8 products below 2²⁴ are exact in float32, whatever the order of summation: up to
    1,040 dimensions the answer is the same on every machine.
    """
    exact: np.dtype[np.float32 | np.float64] = np.dtype(
        np.float32 if len(query) <= 1040 else np.float64
    )
    wanted: Array = query.astype(exact)
    dots = np.empty(len(features), dtype=np.float64)
    for start in range(0, len(features), 2048):
        part: Array = features[start : start + 2048].astype(exact)
        dots[start : start + 2048] = part @ wanted
    length = np.sqrt(norms.astype(np.float64) * float((query.astype(np.float64) ** 2).sum()))
    found = np.divide(dots, length, out=np.zeros_like(dots), where=length > 0)
    return np.minimum(found, 1.0).astype(np.float32)


def compress(alive: Mask | None, start: int, stop: int) -> Array:
    """Row ids from `start` to `stop` that are alive."""
    if alive is None:
        return np.arange(start, stop)
    found: Array = np.flatnonzero(alive[start:stop]) + start
    return found
