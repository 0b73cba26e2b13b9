"""The layout of a usearch index file, and whether one is safe to hand to the native loader, which
believes every number in it (docs/FORMAT.md §5.5, docs/adr/0018).

Little-endian, without padding: u32 rows, u32 bytes a vector, the vectors; a head of 64 bytes; five
u64 (rows, connectivity, connectivity of the lowest level, highest level, entry row); i16 level of
each row; then a node for each row: u64 key, i16 level, and for each level from 0 up a list of
neighbours, u32 count and room for so many u32 rows as that level's connectivity says.
"""

from __future__ import annotations

import struct

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_MATRIX = struct.Struct("<2I")
_HEAD = struct.Struct("<7s3H4B3QB22s")
_HEADER = struct.Struct("<5Q")
_TYPES = (ord("b"), 1, 14, 15)
"""Hamming, b1, u64 keys, u32 rows, as usearch 2 numbers them."""
_VERSIONS = ((2, 26),)
"""Whose layout this is: the loader reads others by other rules."""

_MAX_LEVEL = 32
"""One row in 16 has each next level, drawn from 53 bits at most: none comes beyond 13. Without a
bound a tower of 32,767 levels, 2 MB long, has each looked for among all rows.
"""
_NODE = 10
"""Bytes of key and level."""
_CHUNK = 16_384
"""Nodes looked at at once: 2 MB, which stay in the second-level cache."""


class Unfit(ValueError):
    """The file is not one that a writer of this collection makes."""


def check(data: Bytes, *, rows: int, words: int, connectivity: int) -> None:
    """Raises Unfit unless every number that the loader or a search follows stays inside the file:
    its sizes add up to the file's, every key is its row, every neighbour is a row that has the
    level on which it is named, and the entry has the highest level.

    `words`: of 64 bits a vector. Costs half of hashing the file (docs/adr/0018).
    """
    if data.dtype != np.uint8 or data.ndim != 1:
        raise Unfit("it is not bytes")
    start = _check_head(data, rows, words)
    links = (2 * connectivity, connectivity)
    if len(data) < start + _HEADER.size + 2 * rows:
        raise Unfit("it ends in its header")
    found = _HEADER.unpack_from(data.data, start)
    start += _HEADER.size
    levels = _levels(data, start, rows)
    highest = int(levels.max(initial=0))
    if found[:4] != (rows, links[1], links[0], highest):
        raise Unfit("its header does not fit its levels")
    if found[4] >= rows or levels[found[4]] != highest:
        raise Unfit("its entry is not a row of the highest level")
    # a node: a fixed part, the links of the lowest level, those of each level above
    sizes = _NODE + 4 * (1 + links[0]) + 4 * (1 + links[1]) * levels
    starts = start + 2 * rows + np.cumsum(sizes) - sizes
    if len(data) != start + 2 * rows + int(sizes.sum()):
        raise Unfit("its nodes are not as long as its levels say")
    _check_lowest(data, starts, levels, links[0])
    for level in range(1, highest + 1):
        _check_level(data, starts, levels, level, links)


def _check_head(data: Bytes, rows: int, words: int) -> int:
    """Sizes and types before the graph; where it begins. Raises Unfit."""
    start = _MATRIX.size + rows * words * 8
    if rows < 1 or len(data) < start + _HEAD.size:
        raise Unfit("it ends before its vectors do")
    if _MATRIX.unpack_from(data.data) != (rows, words * 8):
        raise Unfit("its vectors are not those of the segment")
    magic, major, minor, _, *types, present, deleted, bits, multi, rest = _HEAD.unpack_from(
        data.data, start
    )
    if (magic, *types) != (b"usearch", *_TYPES) or (major, minor) not in _VERSIONS:
        raise Unfit("it is not of the type that this program writes")
    if (present, deleted, bits, multi, rest) != (rows, 0, words * 64, 0, bytes(22)):
        raise Unfit("its head does not fit the segment")
    return start + _HEAD.size


def _levels(data: Bytes, start: int, rows: int) -> npt.NDArray[np.int64]:
    """[rows]: the highest level of each, from 0. Raises Unfit."""
    levels = np.frombuffer(data, "<i2", rows, start).astype(np.int64)
    lowest, highest = int(levels.min(initial=0)), int(levels.max(initial=0))
    if lowest < 0 or highest > _MAX_LEVEL:
        raise Unfit(f"it has levels from {lowest} to {highest}")
    return levels


def _check_lowest(
    data: Bytes, starts: npt.NDArray[np.int64], levels: npt.NDArray[np.int64], room: int
) -> None:
    """Keys, levels and neighbours on level 0, which all rows have. Places beyond a list's count
    hold zeros or rows that left it, so all are looked at alike. Raises Unfit.
    """
    rows = len(starts)
    size = _NODE + 4 * (1 + room)
    for first in range(0, rows, _CHUNK):
        nodes = _taken(data, starts[first : first + _CHUNK], size)
        keys = np.ascontiguousarray(nodes[:, :8]).view("<u8")[:, 0]
        told = np.ascontiguousarray(nodes[:, 8:_NODE]).view("<i2")[:, 0]
        if not np.array_equal(keys, np.arange(first, first + len(nodes), dtype=np.uint64)):
            raise Unfit("its keys are not its rows")
        if not np.array_equal(told, levels[first : first + len(nodes)]):
            raise Unfit("a node has another level than the list of levels says")
        lists = np.ascontiguousarray(nodes[:, _NODE:]).view("<u4")
        if int(lists[:, 0].max()) > room or int(lists[:, 1:].max()) >= rows:
            raise Unfit("a list of neighbours is too long or names a row that is not there")


def _check_level(
    data: Bytes,
    starts: npt.NDArray[np.int64],
    levels: npt.NDArray[np.int64],
    level: int,
    links: tuple[int, int],
) -> None:
    """Neighbours on one of the upper levels: they must have it too, since a search goes on from
    their list there. Raises Unfit.
    """
    lowest, room = 4 * (1 + links[0]), links[1]
    size = 4 * (1 + room)
    places = starts[levels >= level] + _NODE + lowest + (level - 1) * size
    for first in range(0, len(places), _CHUNK):
        lists = _taken(data, places[first : first + _CHUNK], size).view("<u4")
        counts = lists[:, 0]
        if int(counts.max()) > room:
            raise Unfit("a list of neighbours is too long")
        named = lists[:, 1:][np.arange(room) < counts[:, None]]
        if len(named) and int(named.max()) >= len(starts):
            raise Unfit("a list of neighbours names a row that is not there")
        if (levels[named] < level).any():
            raise Unfit("a neighbour does not have the level on which it is named")


def _taken(data: Bytes, starts: npt.NDArray[np.int64], size: int) -> Bytes:
    """[len(starts), size]: the bytes from each of `starts`, which lie inside."""
    every = np.ndarray((len(data) - size + 1,), np.dtype((np.void, size)), data.data, strides=(1,))
    taken: Bytes = every[starts].view(np.uint8).reshape(len(starts), size)
    return taken
