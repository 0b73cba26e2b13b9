"""A second reader of format 1, written from docs/FORMAT.md and nothing else: the standard library,
and no line of the index.

Numbers in brackets are sections of that page.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
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
    assert found["format"] == 1
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


def attributes(rows: Container) -> list[dict[str, Any]]:
    """[5.2] What each row has."""
    found: list[dict[str, Any]] = [{} for _ in range(rows.meta["size"])]
    for name, values in columns(rows).items():
        present = rows.arrays.get(f"{name}.set") or [value is not None for value in values]
        for row, value in enumerate(values):
            if present[row]:
                found[row][name] = value
    return found


def columns(rows: Container) -> dict[str, list[Any]]:
    """[5.2] A value per row, of the attributes that any row has."""
    columns: dict[str, list[Any]] = {}
    if "custom_content.set" in rows.arrays:
        columns["custom_content"] = rows.texts("custom_content")
    columns |= {
        name: list(rows.arrays[f"{name}.values"])
        for name in INTS
        if f"{name}.values" in rows.arrays
    }
    for name in STRINGS:
        if f"{name}.codes" in rows.arrays:
            words = rows.texts(f"{name}.words")
            assert words == sorted(set(words))
            columns[name] = [
                None if code < 0 else words[code] for code in rows.arrays[f"{name}.codes"]
            ]
    return columns


def table(rows: Container, keys: Container) -> list[tuple[Key, Record]]:
    """[5.2] The rows of a segment or batch, with its invariants [9.4]."""
    size, dimension, bits = (rows.meta[name] for name in ("size", "dimension", "bits"))
    words = -(-bits // 64)
    assert rows.shapes["codes"] == [words, size]
    assert rows.shapes["features"] == [size, dimension]
    categories = [
        category for category, first, end in rows.meta["ranges"] for _ in range(first, end)
    ]
    names = list(zip(rows.texts("product_id"), rows.texts("pic_name"), strict=True))
    assert [digest(key) for key in names] == list(
        zip(keys.arrays["high"], keys.arrays["low"], strict=True)
    )
    order = [(category, *digest(key)) for category, key in zip(categories, names, strict=True)]
    assert order == sorted(order)
    found = []
    for row, (key, values) in enumerate(zip(names, attributes(rows), strict=True)):
        feature = rows.arrays["features"][row * dimension : (row + 1) * dimension]
        code = b"".join(
            struct.pack("<Q", rows.arrays["codes"][word * size + row]) for word in range(words)
        )
        assert not any(code[-(-bits // 8) :])
        assert rows.arrays["norms"][row] == sum(value * value for value in feature)
        assert (
            struct.pack("<Q", rows.arrays["products"][row])
            == hashlib.blake2b(key[0].encode(), digest_size=8).digest()
        )
        region = rows.arrays["regions"][4 * row : 4 * row + 4]
        found.append(
            (
                key,
                Record(
                    categories[row],
                    region,
                    values,
                    code[: -(-bits // 8)],
                    feature,
                    rows.arrays["scales"][row],
                ),
            )
        )
    return found


def segment(folder: Mapping[str, bytes], ref: dict[str, Any]) -> list[tuple[Key, Position, Record]]:
    """[5] The live rows of a segment, as its revision left them."""
    keys = Container(folder[f"segments/{ref['id']}/keys"], "keys", ref["keys"])
    rows = Container(folder[f"segments/{ref['id']}/rows"], "rows", ref["body"])
    assert ref["categories"] == [
        [category, end - first] for category, first, end in rows.meta["ranges"]
    ]
    at = list(map(Position, keys.arrays["times"], keys.arrays["ties"]))
    assert at == sorted(set(at))
    assert at[-1] == position(ref["newest"])
    if ref["graph"]:
        graph = Container(
            folder[f"segments/{ref['id']}/graph-{ref['graph']['id']}"], "graph", ref["graph"]
        )
        assert graph.meta["size"] == ref["rows"] == rows.meta["size"]
    made = table(rows, keys)
    dead = revise(made, folder, ref) if ref["revision"] else set()
    return [
        (key, at[keys.arrays["positions"][row]], one)
        for row, (key, one) in enumerate(made)
        if row not in dead
    ]


def revise(
    made: list[tuple[Key, Record]], folder: Mapping[str, bytes], ref: dict[str, Any]
) -> set[int]:
    """[5.3] Changes attributes as the segment's revision says; the rows that are dead."""
    revision = Container(folder[f"revisions/{ref['revision']['id']}"], "revision", ref["revision"])
    dead = revision.arrays["dead"]
    assert (len(dead), list(dead)) == (ref["dead"], sorted(set(dead)))
    for section in revision.arrays:
        name, dot, what = section.rpartition(".")
        if dot and what == "rows":
            values = revision.arrays.get(f"{name}.values") or revision.texts(name)
            for row, value in zip(revision.arrays[section], values, strict=True):
                made[row][1].attributes[name] = value
    return set(dead)


def current(objects: Mapping[str, bytes], name: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """[2, 6] The current generation's objects by their names within its folder, and its
    manifest.
    """
    following = sealed(objects[f"collections/{name}/collection.json"])["generation"]
    while True:
        prefix = f"collections/{name}/{following}/"
        folder = {
            key.removeprefix(prefix): data
            for key, data in objects.items()
            if key.startswith(prefix)
        }
        manifest = sealed(folder["manifest.json"])
        following = manifest["successor"]
        if following is None:
            return folder, manifest


def read(objects: Mapping[str, bytes], name: str) -> dict[Key, Record]:
    """All records of a collection [4, Snapshot; 7.1, steps 4 and 5]."""
    folder, manifest = current(objects, name)
    tombstones = kept(folder, manifest)
    latest: dict[Key, tuple[Position, Record]] = {}
    for ref in manifest["segments"]:
        for key, at, record in segment(folder, ref):
            assert key not in latest, "a key lives twice [9.1]"
            latest[key] = (at, record)
    for path in sorted(
        path for path in folder if path.startswith("log/") and path[4:] not in manifest["absorbed"]
    ):
        batch = Container(folder[path], "batch")
        at = position(path[4:])
        latest |= {
            key: (at, one)
            for key, one in table(batch, batch)
            if key not in latest or latest[key][0] < at
        }
        tombstones += batch.tombstones()
    return applied(latest, tombstones)


def kept(folder: Mapping[str, bytes], manifest: dict[str, Any]) -> list[Tombstone]:
    """[5.4] The tombstones that the manifest keeps."""
    tombstones: list[Tombstone] = []
    for ref in manifest["marks"]:
        found = Container(folder[f"marks/{ref['id']}"], "marks", ref).tombstones()
        newest = max(tombstone.at for tombstone in found)
        assert (len(found), newest) == (ref["count"], position(ref["newest"]))
        tombstones += found
    return tombstones


def applied(
    latest: dict[Key, tuple[Position, Record]], tombstones: list[Tombstone]
) -> dict[Key, Record]:
    """[7.1, steps 4 and 5] The records that are left, each with its later patches."""
    for tombstone in sorted(tombstones, key=lambda tombstone: tombstone.at):
        if tombstone.key not in latest or latest[tombstone.key][0] >= tombstone.at:
            continue
        if tombstone.changes is None:
            del latest[tombstone.key]
        else:
            latest[tombstone.key][1].attributes.update(tombstone.changes)
    return {key: record for key, (_, record) in latest.items()}
