"""Arrays one after the other in an object that is read in ranges, each block with a checksum of its
own (docs/FORMAT.md §5.6).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.bundle import Array

CHECK_BYTES = 16
"""Of a block's SHA-256: what finds damage and forgery alike, at half the size."""

_ALIGN = 64
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Section:
    """Where one array lies in its object."""

    name: str
    dtype: str
    """In numpy's spelling."""
    shape: tuple[int, ...]
    offset: int
    size: int
    """Bytes."""
    block: int
    """Bytes that one checksum covers; the last block may be shorter."""

    @property
    def blocks(self) -> int:
        """How many there are."""
        return -(-self.size // self.block)

    @property
    def width(self) -> int:
        """Bytes of one row; 1 for an array without rows."""
        return self.size // self.shape[0] if self.size else 1

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Where blocks `first` to `last` (exclusive) lie in the object."""
        start = self.offset + first * self.block
        return start, min(self.offset + last * self.block, self.offset + self.size)

    def json(self) -> list[Any]:
        """For the head's meta."""
        return [self.name, self.dtype, self.shape, self.offset, self.size, self.block]

    @classmethod
    def parse(cls, row: Iterable[Any]) -> Section:
        """The inverse of `json`. Raises TypeError, ValueError for what no writer makes."""
        name, dtype, shape, *numbers = row
        offset, size, block = map(int, numbers)
        lengths = tuple(map(int, shape))
        kind = np.dtype(dtype)
        if kind.kind not in "iuf" or min(offset, size, block - 1, *lengths) < 0:
            raise ValueError(f"{name} holds no numbers, or fewer than none")
        if math.prod(lengths) * kind.itemsize != size:
            raise ValueError(f"{name} is not as long as its shape says")
        return cls(name, dtype, lengths, offset, size, block)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """Arrays as they are written."""

    sections: tuple[Section, ...]
    checks: dict[str, npt.NDArray[np.uint8]]
    """[blocks, CHECK_BYTES] of each section."""
    body: bytes


def lay(arrays: Mapping[str, Array], blocks: Mapping[str, int]) -> Laid:
    """The object of `arrays`, in their order; `blocks` gives bytes per checksum where reads are
    small.
    """
    sections: list[Section] = []
    checks: dict[str, npt.NDArray[np.uint8]] = {}
    parts: list[bytes | memoryview] = []
    offset = 0
    for name, array in arrays.items():
        flat: npt.NDArray[np.uint8] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        data = memoryview(flat)  # type: ignore[arg-type]  # an array is a buffer
        pad = -offset % _ALIGN
        parts += [bytes(pad), data]
        offset += pad
        section = Section(
            name, array.dtype.str, array.shape, offset, data.nbytes, blocks.get(name, _BLOCK)
        )
        sections.append(section)
        checks[name] = checks_of(section, data)
        offset += data.nbytes
    return Laid(tuple(sections), checks, b"".join(parts))


def checks_of(section: Section, data: memoryview) -> npt.NDArray[np.uint8]:
    """[blocks, CHECK_BYTES] of the bytes of a section."""
    found = b"".join(
        check_of(data[start : start + section.block])
        for start in range(0, section.size, section.block)
    )
    return np.frombuffer(found, np.uint8).reshape(section.blocks, CHECK_BYTES)


def check_of(block: memoryview) -> bytes:
    """The checksum of one block."""
    return hashlib.sha256(block).digest()[:CHECK_BYTES]
