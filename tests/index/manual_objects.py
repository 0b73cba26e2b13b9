"""What the second reader needs of docs/FORMAT.md §2 to §4: keys, positions, containers.

Numbers in brackets are sections of that page.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

Key = tuple[str, str]
"""Product id and picture name."""

INTS = ("int_attr", "int_attr2", "int_attr3", "int_attr4")
STRINGS = ("str_attr", "str_attr2", "str_attr3", "str_attr4")
CODES = {
    "|i1": "b",
    "|u1": "B",
    "<u2": "H",
    "<f2": "e",
    "<i4": "i",
    "<u4": "I",
    "<f4": "f",
    "<i8": "q",
    "<u8": "Q",
}
"""struct's letters for numpy's spelling."""


class Position(NamedTuple):
    """[4]"""

    time: int
    tie: int


@dataclass
class Record:
    """What the format says of one record."""

    category: int
    region: tuple[int, ...]
    attributes: dict[str, Any]
    code: bytes
    feature: tuple[int, ...]
    scale: float


class Tombstone(NamedTuple):
    """[4] A deletion (no `changes`) or a patch."""

    key: Key
    at: Position
    changes: dict[str, Any] | None


def position(name: str) -> Position:
    """[4] Of a log object's name."""
    return Position(2**64 - 1 - int(name[:16], 16), int(name[17:], 16))


def sealed(data: bytes) -> dict[str, Any]:
    """[2] A JSON object."""
    line, checksum, end = data.split(b"\n")
    assert end == b""
    assert checksum.decode() == hashlib.sha256(line).hexdigest()
    found: dict[str, Any] = json.loads(line)
    assert line == json.dumps(found, sort_keys=True, separators=(",", ":")).encode("ascii")
    new = any("head" in ref for ref in found.get("segments", ()))
    assert found["format"] == (2 if new else 1)
    return found


class Container:
    """[3] A binary object, with everything in it verified."""

    def __init__(self, data: bytes, kind: str, ref: dict[str, Any] | None = None) -> None:
        magic, version, length, zero, digest = struct.unpack_from("<7sBII32s", data)
        text = data[48 : 48 + length]
        assert (magic, version, zero) == (b"LOOKALK", 1, 0)
        assert hashlib.sha256(text).digest() == digest
        if ref is not None:
            assert (ref["sha256"], ref["size"]) == (digest.hex(), len(data))
        header = json.loads(text)
        assert header["kind"] == kind
        self.meta: dict[str, Any] = header["meta"]
        self.shapes: dict[str, list[int]] = {}
        self.hashes: dict[str, int] = {}
        self.arrays: dict[str, tuple[Any, ...]] = {}
        begin = -(-(48 + length) // 64) * 64
        assert not any(data[48 + length : begin])
        for section in header["sections"]:
            assert section["offset"] % 64 == 0
            raw = data[begin + section["offset"] :][: section["size"]]
            hashes = [
                hashlib.sha256(raw[start : start + section["block"]]).hexdigest()
                for start in range(0, len(raw), section["block"])
            ]
            assert hashes == section["sha256"]
            self.hashes[section["name"]] = len(hashes)
            letter = CODES[section["dtype"]]
            self.shapes[section["name"]] = section["shape"]
            self.arrays[section["name"]] = struct.unpack(
                f"<{len(raw) // struct.calcsize(letter)}{letter}", raw
            )

    def texts(self, name: str) -> list[str]:
        """[5.2] Strings one after the other."""
        data, ends = bytes(self.arrays[f"{name}.text"]), self.arrays[f"{name}.ends"]
        return [data[start:end].decode() for start, end in zip((0, *ends), ends, strict=False)]

    def tombstones(self) -> list[Tombstone]:
        """[4]"""
        lines = [json.loads(line) for line in bytes(self.arrays["marks"]).splitlines()]
        return [
            Tombstone((line["p"], line["n"]), position(line["at"]), line.get("set"))
            for line in lines
        ]


def digest(key: Key) -> tuple[int, int]:
    """[5.1]"""
    product = key[0].encode()
    made = hashlib.blake2b(
        struct.pack("<I", len(product)) + product + key[1].encode(), digest_size=16
    ).digest()
    high, low = struct.unpack("<QQ", made)
    return high, low
