"""Several ranges of one object with few requests."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence

from chalicelib.storage.object_store import ObjectStore, check_range

ByteRange = tuple[int, int]
"""First byte and the byte after the last one."""
Mapper = Callable[[Callable[[ByteRange], bytes], Iterable[ByteRange]], Iterator[bytes]]
"""`map`, or that of a pool of threads."""


def get_ranges(
    store: ObjectStore, key: str, ranges: Sequence[ByteRange], *, gap: int, apply: Mapper = map
) -> list[memoryview]:
    """The bytes of each range, in the order given; they may overlap and repeat. Ranges with at most
    `gap` bytes between them share a request; `apply` (a pool's map) sends the requests at once.

    Raises what ObjectStore.get_range raises.
    """
    merged = runs(ranges, gap=gap)
    bodies = list(apply(lambda run: store.get_range(key, *run), merged))
    starts = [start for start, _ in merged]
    found: list[memoryview] = []
    for start, stop in ranges:
        if start == stop:
            found.append(memoryview(b""))
            continue
        at = bisect.bisect_right(starts, start) - 1
        found.append(memoryview(bodies[at])[start - starts[at] : stop - starts[at]])
    return found


def runs(ranges: Iterable[ByteRange], *, gap: int) -> list[ByteRange]:
    """The fewest ranges that cover `ranges` and reach over no more than `gap` unwanted bytes at
    once, in order. Empty ones are left out. Raises ValueError for what is no range.
    """
    merged: list[ByteRange] = []
    for start, stop in sorted(ranges):
        check_range(start, stop)
        if start == stop:
            continue
        if merged and start <= merged[-1][1] + gap:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
