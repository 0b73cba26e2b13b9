"""Writes the golden collection of the current format; run once per published version, never for a
version that is out.

    python -m tests.index.golden.write

The collection holds every kind of object. Its bytes depend on nothing but this file, the format
and, for the graph, usearch.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from chalicelib.attributes import Attributes
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.manifest import FORMAT
from chalicelib.index.format.records import Change, Delete, Key, Patch, Put
from chalicelib.index.write import graphs as growing
from chalicelib.index.write.absorb import absorb
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import Clock, Model, apply, ids, make, record

CHANGES: list[list[Change]] = [
    [
        Put(
            record(
                f"p{number}",
                "ä.jpg",
                number,
                category_id=number % 3,
                attributes=Attributes("text", number, str_attr=f"w{number % 4}"),
            )
        )
        for number in range(40)
    ],
    [Delete(Key("p3", "ä.jpg")), Patch(Key("p4", "ä.jpg"), Attributes("new", 8, str_attr2="x"))],
    [
        Put(record("late", "1", 501)),
        Delete(Key("p5", "ä.jpg")),
        Patch(Key("p6", "ä.jpg"), Attributes(int_attr2=1)),
    ],
]


def model() -> Model:
    """What the golden collection holds."""
    found: Model = {}
    for changes in CHANGES:
        found = apply(found, changes)
    return found


def fill(store: MemoryStore) -> None:
    """The golden collection."""
    collection = make(Catalog(store, clock=lambda: 1_700_000_000.0, new_id=ids(), grace_s=3600))
    for number, changes in enumerate(CHANGES):
        collection.append(changes, token=f"slice {number}")
        if number < 2:
            absorb(collection.current())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing, "GRAPH_ROWS", 30)
        assert growing.grow(collection.current()) is not None


def pack(store: MemoryStore, path: Path) -> None:
    """All objects of `store` in one archive, reproducibly."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for stat in store.list(""):
            archive.writestr(
                zipfile.ZipInfo(stat.key), store.get(stat.key).data, zipfile.ZIP_DEFLATED
            )


def main() -> None:
    """Writes it."""
    store = MemoryStore(clock=Clock())
    fill(store)
    pack(store, Path(__file__).with_name(f"v{FORMAT}.zip"))


if __name__ == "__main__":
    main()
