"""Takes out of a shared library what the dynamic loader never reads: debug information, symbol
tables, section headers.

Wheels come with them: numkong's library is 45.5 MB of which 4 are loaded. `strip` does the same for
one machine's libraries; this does it for any 64-bit little-endian ELF file, so an arm64 package can
be made on x86_64. The loader goes by program headers alone (ELF-64 specification, "Program
Header"); they stay, their segments move together, and no byte inside a segment changes but the
table itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_LOAD = 1
_STACK = 0x6474E551


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header."""

    kind: int
    flags: int
    offset: int
    """Where it lies in the file."""
    address: int
    """Where it lies in memory; offset ≡ address modulo align."""
    physical: int
    size: int
    """Bytes in the file."""
    memory: int
    """Bytes in memory."""
    align: int

    @property
    def end(self) -> int:
        """File offset behind it."""
        return self.offset + self.size


def is_elf(data: bytes) -> bool:
    """Whether `data` is a 64-bit little-endian ELF file."""
    return data[:6] == b"\x7fELF\x02\x01"


def segments(data: bytes) -> list[Segment]:
    """The program headers of an ELF file."""
    header = _HEADER.unpack_from(data)
    start, size, count = header[5], header[9], header[10]
    if size != _SEGMENT.size:
        raise ValueError(f"program headers of {size} bytes; {_SEGMENT.size} expected")
    return [Segment(*_SEGMENT.unpack_from(data, start + number * size)) for number in range(count)]


def loaded_only(data: bytes) -> bytes:
    """The library reduced to what is loaded; `data` itself where that would not make it smaller.

    Raises ValueError for a file whose segments overlap or whose program headers lie outside them
    (no wheel's does).
    """
    header = list(_HEADER.unpack_from(data))
    old = segments(data)
    loads = sorted((s for s in old if s.kind == _LOAD), key=lambda s: s.offset)
    table = range(header[5], header[5] + header[10] * _SEGMENT.size)
    moved = _pack(loads)
    new = [_follow(segment, loads, moved) for segment in old]
    size = max(segment.end for segment in moved)
    if size >= len(data):
        return data
    result = bytearray(size)
    for before, after in zip(loads, moved, strict=True):
        result[after.offset : after.end] = data[before.offset : before.end]
    at = _shift(table.start, table.stop, loads, moved)
    for number, segment in enumerate(new):
        fields = (
            segment.kind,
            segment.flags,
            segment.offset,
            segment.address,
            segment.physical,
            segment.size,
            segment.memory,
            segment.align,
        )
        _SEGMENT.pack_into(result, at + number * _SEGMENT.size, *fields)
    # program headers move, section headers go: the loader does not read them
    header[5], header[6], header[11], header[12], header[13] = at, 0, 0, 0, 0
    _HEADER.pack_into(result, 0, *header)
    return bytes(result)


def _pack(loads: list[Segment]) -> list[Segment]:
    """The same segments, each as early in the file as its alignment lets it."""
    if not loads or loads[0].offset != 0:
        raise ValueError("the first segment does not hold the file header")
    moved: list[Segment] = []
    end = 0
    for before, segment in zip([None, *loads], loads, strict=False):
        if before is not None and segment.offset < before.end:
            raise ValueError("segments overlap")
        align = max(segment.align, 1)
        offset = end + (segment.address - end) % align
        moved.append(replace(segment, offset=min(offset, segment.offset)))
        end = moved[-1].end
    return moved


def _follow(segment: Segment, loads: list[Segment], moved: list[Segment]) -> Segment:
    if segment.kind == _STACK or segment.size == 0:
        return replace(segment, offset=0) if segment.kind == _STACK else segment
    return replace(segment, offset=_shift(segment.offset, segment.end, loads, moved))


def _shift(start: int, end: int, loads: list[Segment], moved: list[Segment]) -> int:
    for before, after in zip(loads, moved, strict=True):
        if before.offset <= start and end <= before.end:
            return start - before.offset + after.offset
    raise ValueError(f"bytes {start} to {end} lie in no segment")
