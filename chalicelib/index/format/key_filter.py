"""A filter of keys: says of a key that a segment does not hold it, or that it may (docs/FORMAT.md
§5.6). A Bloom filter over the digests, which are uniform already.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.digests import Digests

BITS_PER_KEY = 10
HASHES = 7
"""The best number for 10 bits a key: 0.8 % of the keys that are not there pass."""

_LEAST_BITS = 512


def filter_of(keys: Digests) -> npt.NDArray[np.uint8]:
    """The filter that lets `keys` pass."""
    bits = max(_LEAST_BITS, -(-len(keys) * BITS_PER_KEY // 8) * 8)
    found = np.zeros(bits, dtype=np.bool_)
    for number in range(HASHES):
        found[_places(keys, number, bits)] = True
    return np.packbits(found, bitorder="little")


def may_hold(key_filter: npt.NDArray[np.uint8], wanted: Digests) -> npt.NDArray[np.bool_]:
    """[len(wanted)]: False where the filter was not made with that key."""
    found = np.ones(len(wanted), dtype=np.bool_)
    for number in range(HASHES):
        places = _places(wanted, number, key_filter.size * 8)
        found &= (
            key_filter[places >> np.uint64(3)] >> (places & np.uint64(7)).astype("u1")
        ) & 1 > 0
    return found


def _places(keys: Digests, number: int, bits: int) -> npt.NDArray[np.uint64]:
    """(high + number × low) mod 2⁶⁴ mod bits."""
    with np.errstate(over="ignore"):
        return (keys.high + np.uint64(number) * keys.low) % np.uint64(bits)
