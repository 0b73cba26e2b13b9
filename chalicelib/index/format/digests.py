"""Keys and product ids as fixed-width numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.records import Key

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Digests:
    """128 bits of BLAKE2b per key: two keys with the same digest do not occur (2⁶⁴ work for
    somebody who tries).
    """

    high: U64
    low: U64

    def __len__(self) -> int:
        return len(self.high)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Digests:
        """Those of `rows`."""
        return Digests(self.high[rows], self.low[rows])

    def then(self, more: Digests) -> Digests:
        """These, and `more` after them."""
        return Digests(np.append(self.high, more.high), np.append(self.low, more.low))


def key_digests(keys: Sequence[Key]) -> Digests:
    """[len(keys)] each. Raises UnicodeEncodeError (a ValueError) for text that is not Unicode."""
    found = []
    for product_id, pic_name in keys:
        product = product_id.encode()
        found.append(
            hashlib.blake2b(
                len(product).to_bytes(4, "little") + product + pic_name.encode(), digest_size=16
            ).digest()
        )
    pairs = np.frombuffer(b"".join(found), "<u8").reshape(-1, 2)
    return Digests(np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]))


def product_digests(product_ids: Sequence[str]) -> U64:
    """[len(product_ids)]: 64 bits of BLAKE2b; who needs certainty compares the ids too."""
    return np.frombuffer(
        b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in product_ids),
        "<u8",
    )


def find(sorted_in: Digests, wanted: Digests) -> npt.NDArray[np.int64]:
    """[len(wanted)]: the place of each wanted digest in `sorted_in` (ascending by high, then low),
    -1 where it is not there.
    """
    size = len(sorted_in)
    found = np.full(len(wanted), -1, dtype=np.int64)
    if size == 0 or len(wanted) == 0:
        return found
    open_rows = np.arange(len(wanted))
    places = np.searchsorted(sorted_in.high, wanted.high)
    while len(open_rows):  # more than one round only where two digests share their high half
        inside = places < size
        open_rows, places = open_rows[inside], places[inside]
        same = sorted_in.high[places] == wanted.high[open_rows]
        open_rows, places = open_rows[same], places[same]
        exact = sorted_in.low[places] == wanted.low[open_rows]
        found[open_rows[exact]] = places[exact]
        open_rows, places = open_rows[~exact], places[~exact] + 1
    return found
