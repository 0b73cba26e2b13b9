"""Whether the slice that has just ended was the last one, found out by reading single bytes: a
listing of all ends at every end would be 1.6 million requests for ten million pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chalicelib.jobs.work import Plan, Work

BLOCK: Final = 64
"""Slices that are looked at one by one; whoever ends the last of them marks their block, and the
blocks are looked at in the same way. 40,000 slices are 625 blocks.
"""


def was_last(number: int, made: Plan, work: Work) -> bool:
    """Whether all slices are done, `number` among them. May be true for several workers.

    Each writes its end down before it looks, so of two that end at once at least one sees both. The
    look begins at the next slice and stops at the first that is not done: while many are missing
    that is one or two reads, over all of a block 5 a slice (the sum of 64/k). A worker that dies
    in between has its message delivered again and looks again; what is lost all the same,
    jobs/recover.py finds by a listing. Raises StorageError.
    """
    sizes = made.sizes
    block = number // BLOCK
    first = block * BLOCK
    count = min(BLOCK, len(sizes) - first)

    def slice_done(at: int) -> bool:
        return work.is_done(first + at, sizes[first + at])

    if not _others(number - first, count, slice_done):
        return False
    work.mark_block(block)
    return _others(block, -(-len(sizes) // BLOCK), work.is_block_done)


def _others(own: int, count: int, done: Callable[[int], bool]) -> bool:
    """Whether all of `count` but our own are done, the next one asked first."""
    return all(done((own + step) % count) for step in range(1, count))
