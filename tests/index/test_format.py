"""Collections of every published format are read; newer ones are refused; the current one is
written as it was.
"""

from __future__ import annotations

import dataclasses
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from chalicelib.errors import FormatTooNew
from chalicelib.index.format.bundle import encode
from chalicelib.index.format.manifest import FORMAT, sealed, unsealed
from chalicelib.index.format.records import Key, Put
from chalicelib.index.read.query import Query
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.memory import MemoryStore
from tests.index import manual, manual_clustered, manual_objects, test_bit_flips, test_crash_points
from tests.index.golden.write import fill, model
from tests.index.simulated import Clock, content, expected, ids, open_catalog, record

GOLDEN = Path(__file__).with_name("golden")


def unpacked(path: Path) -> MemoryStore:
    store = MemoryStore()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            store.create(name, archive.read(name))
    return store


def test_there_is_a_golden_collection_of_every_format() -> None:
    assert sorted(path.name for path in GOLDEN.glob("*.zip")) == [
        f"v{number}.zip" for number in range(1, FORMAT + 1)
    ]


@pytest.mark.parametrize("version", range(1, FORMAT + 1))
def test_a_golden_collection_is_read_and_goes_on(version: int) -> None:
    store = unpacked(GOLDEN / f"v{version}.zip")
    collection = open_catalog(store, Clock(), ids(9_000)).open("shop")
    wanted = model()
    snapshot = collection.snapshot()
    assert content(snapshot) == expected(wanted)
    hits = snapshot.search(Query(wanted[Key("p9", "ä.jpg")].vector, 3)).hits
    assert (hits[0].similarity, hits[0].row.key) == (1.0, Key("p9", "ä.jpg"))
    generation = collection.current()
    assert scrub(generation).problems == ()
    manifest = generation.manifest().manifest
    (graph,) = [
        generation.objects.graph(ref, manifest, 1e9) for ref in manifest.segments if ref.graph
    ]
    assert graph is not None
    new = record("new", "1", 77)
    collection.append([Put(new)])
    absorb(generation)
    merge(generation, everything=True)
    assert content(collection.snapshot()) == expected({**wanted, new.key: new})


def heads(store: MemoryStore) -> list[str]:
    return [stat.key for stat in store.list("") if stat.key.endswith("/head")]


def parts(store: MemoryStore, key: str) -> dict[str, object]:
    """What a segment of format 2 holds, its pages inflated and without what depends on zlib."""
    head = manual_objects.Container(store.get(key).data, "head")
    arrays = manual_clustered.sections(head, store.get(key.replace("/head", "/body")).data)
    kept = {name: array for name, array in arrays.items() if name != "pages"}
    shown = manual_clustered.pages(head, bytes(arrays["pages"]))
    names = ("starts", "projection", "centroids", "fences")
    return {**kept, "shown": shown, **{name: head.arrays[name] for name in names}}


def test_the_current_format_is_written_as_it_was() -> None:
    store = MemoryStore(clock=Clock())
    fill(store)
    golden = unpacked(GOLDEN / f"v{FORMAT}.zip")
    written = {stat.key: store.get(stat.key).data for stat in store.list("")}
    kept = {stat.key: golden.get(stat.key).data for stat in golden.list("")}
    assert written.keys() == kept.keys()
    # graphs are usearch's, and deflated pages zlib's; a manifest holds their hashes
    theirs = ("/graph-", "/manifest.json", "/head", "/body")
    changed = [
        key
        for key in written
        if written[key] != kept[key] and not any(part in key for part in theirs)
    ]
    assert [parts(store, key) for key in heads(store)] == [
        parts(golden, key) for key in heads(golden)
    ]
    assert changed == [], (
        "the bytes of a published format never change: make a new version (docs/FORMAT.md §10)"
    )


def test_a_newer_manifest_is_refused_by_name() -> None:
    store = unpacked(GOLDEN / f"v{FORMAT}.zip")
    (key,) = [stat.key for stat in store.list("") if stat.key.endswith("manifest.json")]
    blob = store.get(key)
    body = {**unsealed(key, blob.data), "format": FORMAT + 1}
    store.replace(key, sealed(body), version=blob.version)
    with pytest.raises(FormatTooNew, match=rf"{key} has format {FORMAT + 1}.*upgrade"):
        open_catalog(store, Clock(), ids()).open("shop").snapshot()


def test_a_newer_binary_object_is_refused_by_name() -> None:
    store = unpacked(GOLDEN / f"v{FORMAT}.zip")
    (key,) = [stat.key for stat in store.list("") if stat.key.endswith("/head")][:1]
    blob = store.get(key)
    store.replace(key, blob.data[:7] + bytes([FORMAT + 1]) + blob.data[8:], version=blob.version)
    with pytest.raises(FormatTooNew, match=rf"{key} has format {FORMAT + 1}.*upgrade"):
        content(open_catalog(store, Clock(), ids()).open("shop").snapshot())


def test_a_second_reader_made_from_the_manual_alone_reads_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flipping, flipped_model = test_bit_flips.scenario(monkeypatch)
    lived_in = test_crash_points.lived_in()
    for store, wanted in (
        (unpacked(GOLDEN / "v1.zip"), model()),
        (unpacked(GOLDEN / "v2.zip"), model()),
        (flipping, flipped_model),
        (lived_in.store, lived_in.model),
    ):
        found = manual.read({stat.key: store.get(stat.key).data for stat in store.list("")}, "shop")
        assert {
            key: (one.category, one.region, one.attributes, one.code, one.feature, one.scale)
            for key, one in found.items()
        } == {
            tuple(key): (
                one.category_id,
                tuple(one.region),
                {
                    name: value
                    for name, value in dataclasses.asdict(one.attributes).items()
                    if value is not None
                },
                one.vector.code.tobytes(),
                tuple(one.vector.feature.tolist()),
                float(np.float32(one.vector.scale)),
            )
            for key, one in wanted.items()
        }


def test_blocks_are_hashed_as_the_manual_says() -> None:
    data, sha256 = encode(
        "marks",
        {"count": 0},
        {"a": np.arange(5, dtype="<u2"), "b": np.ones((2, 3), np.uint8)},
        blocks={"a": 4},
    )
    found = manual_objects.Container(data, "marks", {"sha256": sha256, "size": len(data)})
    assert (found.hashes["a"], found.hashes["b"]) == (3, 1)
    assert (found.arrays["a"], found.arrays["b"], found.shapes["b"]) == (
        (0, 1, 2, 3, 4),
        (1,) * 6,
        [2, 3],
    )


def test_the_documentation_names_what_is_written() -> None:
    text = (Path(__file__).parents[2] / "docs" / "FORMAT.md").read_text(encoding="utf-8")
    store = unpacked(GOLDEN / f"v{FORMAT}.zip")
    for stat in store.list(""):
        data = store.get(stat.key).data
        if stat.key.endswith("/body"):
            continue  # its head says what is in it
        if not data.startswith(b"LOOKALK"):
            for name in unsealed(stat.key, data):
                assert f"`{name}`" in text or f'"{name}"' in text, name
            continue
        length = struct.unpack_from("<I", data, 8)[0]
        header = json.loads(data[48 : 48 + length])
        assert f"`{header['kind']}`" in text
        for name in header["meta"]:
            assert f"`{name}`" in text, name
        names = [section["name"] for section in header["sections"]]
        for name in names + [row[0] for row in header["meta"].get("sections", [])]:
            assert f"`{name.partition('.')[0]}" in text, name
