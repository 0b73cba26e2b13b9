"""A second reader of formats 1 and 2, written from docs/FORMAT.md and nothing else: the standard
library, and no line of the index.

Numbers in brackets are sections of that page.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from tests.index.manual_clustered import clustered
from tests.index.manual_objects import (
    INTS,
    STRINGS,
    Container,
    Key,
    Position,
    Record,
    Tombstone,
    digest,
    position,
    sealed,
)


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


def plain(folder: Mapping[str, bytes], ref: dict[str, Any]) -> list[tuple[Key, Position, Record]]:
    """[5.1, 5.2] The rows of a segment of format 1."""
    keys = Container(folder[f"segments/{ref['id']}/keys"], "keys", ref["keys"])
    rows = Container(folder[f"segments/{ref['id']}/rows"], "rows", ref["body"])
    assert ref["categories"] == [
        [category, end - first] for category, first, end in rows.meta["ranges"]
    ]
    at = list(map(Position, keys.arrays["times"], keys.arrays["ties"]))
    assert at == sorted(set(at))
    assert at[-1] == position(ref["newest"])
    assert ref["rows"] == rows.meta["size"]
    made = table(rows, keys)
    return [(key, at[keys.arrays["positions"][row]], one) for row, (key, one) in enumerate(made)]


def segment(folder: Mapping[str, bytes], ref: dict[str, Any]) -> list[tuple[Key, Position, Record]]:
    """[5] The live rows of a segment, as its revision left them."""
    made = clustered(folder, ref) if "head" in ref else plain(folder, ref)
    if ref["graph"]:
        graph = Container(
            folder[f"segments/{ref['id']}/graph-{ref['graph']['id']}"], "graph", ref["graph"]
        )
        assert graph.meta["size"] == ref["rows"] == len(made)
    dead = revise(made, folder, ref) if ref["revision"] else set()
    return [found for row, found in enumerate(made) if row not in dead]


def revise(
    made: list[tuple[Key, Position, Record]], folder: Mapping[str, bytes], ref: dict[str, Any]
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
                made[row][2].attributes[name] = value
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
