"""The container of every binary object: named arrays, each verified by sha256 before anybody sees a
byte of it (docs/FORMAT.md §3).
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from chalicelib.errors import CorruptObject, FormatTooNew
from chalicelib.index.format.once_more import once_more

Array = npt.NDArray[Any]
RowIds = npt.NDArray[np.int64]

_MAGIC = b"LOOKALK"
_FORMAT = 1
_HEAD = struct.Struct("<7sBI4x32s")
_ALIGN = 64


@dataclass(frozen=True, slots=True)
class _Section:
    """Where one array lies."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    """From the object's first byte."""
    size: int
    """Bytes."""
    block: int
    """Bytes that one hash covers; the last block may be shorter."""
    hashes: tuple[str, ...]


def encode(
    kind: str,
    meta: Mapping[str, Any],
    arrays: Mapping[str, Array],
    *,
    blocks: Mapping[str, int] | None = None,
) -> tuple[bytes, str]:
    """The object's bytes and the sha256 (hex) of its header, which covers all sections through
    their own hashes.

    `blocks` gives the bytes per hash for arrays that are read in part; other arrays have one hash.
    """
    sections: list[dict[str, Any]] = []
    bodies: list[bytes | memoryview] = []
    offset = 0
    for name, array in arrays.items():
        body = (
            memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
            if array.size
            else memoryview(b"")
        )
        block = (blocks or {}).get(name) or max(1, body.nbytes)
        hashes = [
            hashlib.sha256(body[start : start + block]).hexdigest()
            for start in range(0, body.nbytes, block)
        ]
        # arrays are mapped, not copied: each begins where its widest element may
        pad = -offset % _ALIGN
        offset += pad
        bodies += [bytes(pad), body]
        sections.append(
            {
                "name": name,
                "dtype": array.dtype.str,
                "shape": array.shape,
                "offset": offset,
                "size": body.nbytes,
                "block": block,
                "sha256": hashes,
            }
        )
        offset += body.nbytes
    header = json.dumps(
        {"kind": kind, "meta": meta, "sections": sections}, separators=(",", ":"), sort_keys=True
    ).encode("ascii")
    digest = hashlib.sha256(header)
    head = _HEAD.pack(_MAGIC, _FORMAT, len(header), digest.digest()) + header
    return b"".join([head, bytes(-len(head) % _ALIGN), *bodies]), digest.hexdigest()


class Bundle(Mapping[str, Array]):
    """An opened object: a read-only mapping of array names to arrays. An array is hashed when it is
    first asked for.
    """

    def __init__(self, key: str, data: memoryview, kind: str, *, sha256: str | None = None) -> None:
        """`sha256` is what the manifest says of the header; None for objects that no manifest
        lists.

        Raises CorruptObject, FormatTooNew; both name `key`.
        """
        self.key = key
        self.size = data.nbytes
        self._data = data
        self._lock = threading.Lock()
        self._arrays: dict[str, Array] = {}
        header, self._start = self._header(sha256)
        if header["kind"] != kind:
            raise CorruptObject(
                key, f"this is a {header['kind']} object where a {kind} object is expected"
            )
        self.meta: dict[str, Any] = header["meta"]
        try:
            self._sections = {row["name"]: _section(row, self._start) for row in header["sections"]}
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptObject(key, f"its sections are none: {error}") from None
        end = max(
            (section.offset + section.size for section in self._sections.values()),
            default=self._start,
        )
        if data.nbytes < end:
            raise CorruptObject(
                key, f"it ends after {data.nbytes} of {end} bytes; restore it from a backup"
            )
        # which blocks were hashed and found right; a block is hashed when it is first used
        self._good = {
            name: np.zeros(len(section.hashes), dtype=np.bool_)
            for name, section in self._sections.items()
        }

    def __getitem__(self, name: str) -> Array:
        """The whole array, read-only. Raises KeyError, CorruptObject."""
        with self._lock:
            if name not in self._arrays:
                self._verify(name, range(len(self._sections[name].hashes)))
                self._arrays[name] = self._raw(name)
            return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sections)

    def __len__(self) -> int:
        return len(self._sections)

    def __contains__(self, name: object) -> bool:
        return name in self._sections

    def gather(self, name: str, rows: RowIds) -> Array:
        """`self[name][rows]`, hashing only the blocks that hold these rows. Raises KeyError,
        CorruptObject.
        """
        section = self._sections[name]
        good = self._good[name]
        if not good.all():
            width = section.size // max(1, section.shape[0])
            first = rows * width // section.block
            last = ((rows + 1) * width - 1) // section.block
            if not (good[first].all() and good[last].all()):
                with self._lock:
                    self._verify(name, np.union1d(first, last).tolist())
        taken: Array = self._raw(name)[rows]
        return taken

    def check(self) -> None:
        """Verifies everything. Raises CorruptObject."""
        for name in self:
            self[name]

    def _header(self, sha256: str | None) -> tuple[dict[str, Any], int]:
        """The header, and where the body begins; `sha256` is what the manifest says of it. Raises
        CorruptObject, FormatTooNew.
        """
        if self._data.nbytes < _HEAD.size:
            raise CorruptObject(
                self.key, f"it ends after {self._data.nbytes} bytes; restore it from a backup"
            )
        magic, version, length, digest = _HEAD.unpack_from(self._data)
        if magic != _MAGIC:
            raise CorruptObject(
                self.key,
                "it does not begin as one of Lookalike's objects does; restore it from a backup",
            )
        # before the checksum: a newer format may keep its own elsewhere
        if version > _FORMAT:
            raise FormatTooNew(
                f"{self.key} has format {version}; this version of Lookalike reads up to {_FORMAT}:"
                " upgrade it"
            )
        text = bytes(self._data[_HEAD.size : _HEAD.size + length])
        found = hashlib.sha256(text)
        if (
            found.digest() != digest
            or (sha256 is not None and found.hexdigest() != sha256)
            or version != _FORMAT
        ):
            raise CorruptObject(
                self.key, "its header's checksum is wrong; restore it from a backup"
            )
        header: dict[str, Any] = json.loads(text)
        start = _HEAD.size + length
        return header, start + -start % _ALIGN

    def _verify(self, name: str, blocks: Iterable[int]) -> None:
        """Hashes those blocks of an array that nobody has hashed yet. Raises CorruptObject."""
        section = self._sections[name]
        good = self._good[name]
        for block in blocks:
            if good[block]:
                continue
            start = section.offset + block * section.block
            stop = min(start + section.block, section.offset + section.size)
            if hashlib.sha256(self._data[start:stop]).hexdigest() != section.hashes[block]:
                raise CorruptObject(
                    self.key,
                    f"the checksum of its {name} (bytes {start} to {stop}) is wrong; restore it"
                    " from a backup",
                )
            good[block] = True

    def _raw(self, name: str) -> Array:
        section = self._sections[name]
        count = section.size // section.dtype.itemsize
        return np.frombuffer(self._data, section.dtype, count, section.offset).reshape(
            section.shape
        )


def _section(row: Mapping[str, Any], start: int) -> _Section:
    """One row of a header's `sections`; `start` is where the body begins. Raises KeyError,
    TypeError, ValueError for one that no writer makes, since hashes can be right where numbers are
    not.
    """
    dtype, shape = np.dtype(row["dtype"]), tuple(int(length) for length in row["shape"])
    offset, size, block = int(row["offset"]), int(row["size"]), int(row["block"])
    if dtype.kind not in "iuf" or min((offset, size, block - 1, *shape)) < 0:
        raise ValueError(f"{row['name']} holds no numbers, or fewer than none")
    if math.prod(shape) * dtype.itemsize != size or len(row["sha256"]) != -(-size // block):
        raise ValueError(f"{row['name']} is not as long as its shape or its hashes say")
    return _Section(dtype, shape, start + offset, size, block, tuple(row["sha256"]))


class Memory(dict[str, Array]):
    """Arrays that were never on the store, with a Bundle's reading methods."""

    def gather(self, name: str, rows: RowIds) -> Array:
        """`self[name][rows]`."""
        taken: Array = self[name][rows]
        return taken


class Lazy(Mapping[str, Array]):
    """A Bundle that is opened when it is first needed, and again when a cache has dropped it.

    Arrays are verified when they are read, which may be long after the download. One that is wrong
    is forgotten, downloaded once more, and only then believed to be damaged; it never stays.
    """

    def __init__(self, open_bundle: Callable[[], Bundle], forget: Callable[[], None]) -> None:
        """`forget` drops what `open_bundle` would otherwise give again."""
        self._open = open_bundle
        self._forget = forget

    def _read(self, use: Callable[[Bundle], Array]) -> Array:
        """`use` of the bundle. Raises CorruptObject, ObjectMissing, KeyError."""

        def read() -> Array:
            bundle = self._open()
            try:
                return use(bundle)
            except CorruptObject:
                self._forget()
                raise

        return once_more(read)

    def __getitem__(self, name: str) -> Array:
        return self._read(lambda bundle: bundle[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._open())

    def __len__(self) -> int:
        return len(self._open())

    def __contains__(self, name: object) -> bool:
        return name in self._open()

    def gather(self, name: str, rows: RowIds) -> Array:
        """See Bundle."""
        return self._read(lambda bundle: bundle.gather(name, rows))


class Arrays(Protocol):
    """Arrays by name: of an object on the store, or in memory."""

    def keys(self) -> Iterable[str]:
        """The names."""
        ...

    def __getitem__(self, name: str, /) -> Array:
        """The whole array, read-only."""
        ...

    def __contains__(self, name: object, /) -> bool:
        """Whether there is one of that name."""
        ...

    def gather(self, name: str, rows: RowIds, /) -> Array:
        """`self[name][rows]`."""
        ...
