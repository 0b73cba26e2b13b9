"""A TIFF directory in any of the four dialects, and a classic one written anew."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from chalicelib.vision.containers.contents import damaged

_CUT = "this TIFF is cut off or points outside itself; send the complete file"
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8}
"""Bytes of a value by its type; 16 to 18 are BigTIFF's."""
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_SHORT, _LONG, _RAW = 3, 4, 7


@dataclass(frozen=True, slots=True)
class _Layout:
    """How one of the four dialects writes numbers."""

    order: str
    count: str
    entry: str
    offset: str


_LAYOUTS = {
    b"II*\0": _Layout("<", "H", "HHI4s", "I"),
    b"MM\0*": _Layout(">", "H", "HHI4s", "I"),
    b"II+\0": _Layout("<", "Q", "HHQ8s", "Q"),
    b"MM\0+": _Layout(">", "Q", "HHQ8s", "Q"),
}
MAGIC = tuple(_LAYOUTS)


@dataclass(frozen=True, slots=True)
class _Entry:
    """One tag: its type, how many values, and the value field as stored."""

    kind: int
    count: int
    value: bytes


class Directory:
    """The entries of the first directory whose values lie inside the file; of one tag the first
    counts.
    """

    def __init__(self, data: bytes, *, single: frozenset[int]) -> None:
        """`single`: tags of one value; one that has more is left out.

        Raises:
            BadPicture: no complete directory.
        """
        self.data = data
        self._layout = _LAYOUTS[data[:4]]
        self._entries: dict[int, _Entry] = {}
        layout = self._layout
        try:
            # BigTIFF says the size of an offset before the offset
            at = 8 if layout.offset == "Q" else 4
            (start,) = struct.unpack_from(layout.order + layout.offset, data, at)
            start = min(start, len(data))
            (count,) = struct.unpack_from(layout.order + layout.count, data, start)
        except struct.error:
            raise damaged(_CUT) from None
        form = struct.Struct(layout.order + layout.entry)
        first = start + struct.calcsize(layout.order + layout.count)
        for at in range(first, first + min(count, 65_535) * form.size, form.size):
            if at + form.size > len(data):
                raise damaged(_CUT)
            tag, kind, values, value = form.unpack_from(data, at)
            entry = _Entry(kind, values, value)
            if (
                tag not in self._entries
                and self._fits(entry)
                and (values == 1 or tag not in single)
            ):
                self._entries[tag] = entry

    @property
    def order(self) -> str:
        """`<` or `>`."""
        return self._layout.order

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def _fits(self, entry: _Entry) -> bool:
        """Whether it is of a known type and its values lie inside the file."""
        start, size = self._place(entry)
        return size > 0 and start + size <= len(self.data)

    def _place(self, entry: _Entry) -> tuple[int, int]:
        """Where an entry's values lie outside the directory: start and size; start -1 where they
        are in the entry itself.
        """
        size = _SIZES.get(entry.kind, 0) * entry.count
        if size <= len(entry.value):
            return -1, size
        (start,) = struct.unpack(self.order + self._layout.offset, entry.value)
        return start, size

    def raw(self, tag: int) -> bytes:
        """The bytes of a tag's values, in the file's byte order; empty where it is absent."""
        entry = self._entries.get(tag)
        if entry is None:
            return b""
        start, size = self._place(entry)
        return entry.value[:size] if start < 0 else self.data[start : start + size]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The whole numbers of `tag`; empty where it is absent or of another type."""
        entry = self._entries.get(tag)
        if entry is None or entry.kind not in _WHOLE:
            return ()
        return struct.unpack(f"{self.order}{entry.count}{_WHOLE[entry.kind]}", self.raw(tag))

    def number(self, tag: int, default: int) -> int:
        """The first of them."""
        return next(iter(self.numbers(tag)), default)

    def rewritten(self, tags: frozenset[int], changed: dict[int, tuple[int, ...]]) -> bytes:
        """The file as classic TIFF with one new directory at its end: `tags` as they are, but for
        the values in `changed`.
        """
        start = len(self.data) + (len(self.data) & 1)
        table, more = b"", b""
        kept = sorted((tags & self._entries.keys()) | changed.keys())
        behind = start + 2 + 12 * len(kept) + 4
        for tag in kept:
            kind, count, value = self._packed(tag, changed.get(tag) or self.numbers(tag))
            if len(value) > 4:
                place = struct.pack(self.order + "I", behind + len(more))
                more += value + b"\0" * (len(value) & 1)
            else:
                place = value.ljust(4, b"\0")
            table += struct.pack(self.order + "HHI", tag, kind, count) + place
        head = (b"II*\0" if self.order == "<" else b"MM\0*") + struct.pack(self.order + "I", start)
        directory = struct.pack(self.order + "H", len(kept)) + table + b"\0\0\0\0"
        return head + self.data[8:] + b"\0" * (start - len(self.data)) + directory + more

    def _packed(self, tag: int, numbers: tuple[int, ...]) -> tuple[int, int, bytes]:
        """Type, count and bytes of a tag's values: whole numbers as shorts or longs."""
        if not numbers:
            entry = self._entries[tag]
            return entry.kind, entry.count, self.raw(tag)
        if tag in self._entries and self._entries[tag].kind in (1, _RAW):
            return _RAW, len(numbers), bytes(number & 255 for number in numbers)
        kind, form = (_SHORT, "H") if max(numbers) < 65536 else (_LONG, "I")
        body = struct.pack(f"{self.order}{len(numbers)}{form}", *(n & 0xFFFFFFFF for n in numbers))
        return kind, len(numbers), body
