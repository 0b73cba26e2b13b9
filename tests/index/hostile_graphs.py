"""Graphs as somebody would write them who may write into the store: mutated, with right hashes. Run
in a process of its own, because a graph that is believed crashes it.

    python -m tests.index.hostile_graphs SEED COUNT

Prints one JSON object: how many were refused, how many were opened, and what was wrong.
"""

from __future__ import annotations

import json
import logging
import random
import struct
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from chalicelib.index.format.bundle import Bundle, encode
from chalicelib.index.format.manifest import ObjectRef
from chalicelib.index.format.records import Put
from chalicelib.index.read import plan, search
from chalicelib.index.read.graph import encode_graph, graph_path
from chalicelib.index.read.query import Hits, Query
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.commit import commit, put
from chalicelib.storage.memory import MemoryStore
from tests.index.simulated import BITS, Clock, ids, make, open_catalog, record, vector

ROWS = 700
"""Enough for three levels."""

WORDS = -(-BITS // 64)
HEAD = 8 + ROWS * WORDS * 8
HEADER = HEAD + 64
LEVELS = HEADER + 40
NODES = LEVELS + 2 * ROWS

QUERIES = [Query(vector(10_000 + number), 10) for number in range(4)]


class Layout:
    """Where things lie in a good graph."""

    def __init__(self, good: bytes) -> None:
        self.levels = np.frombuffer(good, "<i2", ROWS, LEVELS).astype(int)
        sizes = 142 + 68 * self.levels
        self.starts = (NODES + np.cumsum(sizes) - sizes).tolist()

    def list_at(self, row: int, level: int) -> int:
        """Of the list of neighbours of `row` on `level`."""
        return int(self.starts[row]) + 10 + (132 + 68 * (level - 1) if level else 0)


def _flip(rng: random.Random, data: bytearray, _layout: Layout) -> bytes:
    for _ in range(rng.randint(1, 4)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _flip_structure(rng: random.Random, data: bytearray, _: Layout) -> bytes:
    data[rng.randrange(HEAD, NODES)] ^= 1 << rng.randrange(8)
    return bytes(data)


def _extreme(rng: random.Random, data: bytearray, _: Layout) -> bytes:
    """A field of the matrix, the head or the header with a value at a border."""
    field, where = rng.choice(
        [("<I", 0), ("<I", 4), *(("<Q", HEADER + 8 * n) for n in range(5))]
        + [("<Q", HEAD + 17 + 8 * n) for n in range(3)]
        + [("<B", HEAD + n) for n in range(7, 17)]
        + [("<H", LEVELS + 2 * rng.randrange(ROWS)) for _ in range(4)]
    )
    top = 1 << 8 * struct.calcsize(field)
    borders = [0, 1, ROWS - 1, ROWS, ROWS + 1, top - 1, top // 2, top // 2 - 1, 1 << 16, 1 << 31]
    struct.pack_into(field, data, where, rng.choice(borders) % top)
    return bytes(data)


def _neighbour(rng: random.Random, data: bytearray, layout: Layout) -> bytes:
    """A neighbour, a count, a key or a level of a node with a value at a border."""
    row = rng.randrange(ROWS)
    level = rng.randint(0, int(layout.levels[row]))
    at = layout.list_at(row, level)
    borders = [0, 1, 16, 17, 32, 33, ROWS - 1, ROWS, 1 << 16, 1 << 31, (1 << 32) - 1]
    what = rng.choice(["count", "neighbour", "neighbour", "key", "level"])
    if what == "count":
        struct.pack_into("<I", data, at, rng.choice(borders))
    elif what == "neighbour":
        count = struct.unpack_from("<I", data, at)[0]
        struct.pack_into("<I", data, at + 4 * rng.randint(1, max(1, count)), rng.choice(borders))
    elif what == "key":
        struct.pack_into("<Q", data, layout.starts[row], rng.choice([*borders, (1 << 64) - 1]))
    else:
        struct.pack_into("<H", data, layout.starts[row] + 8, rng.choice(borders) % (1 << 16))
    return bytes(data)


def _cut(rng: random.Random, data: bytearray, _: Layout) -> bytes:
    return bytes(data[: rng.choice([rng.randrange(len(data)), rng.randrange(NODES), 0, 7])])


def _grown(rng: random.Random, data: bytearray, _: Layout) -> bytes:
    return bytes(data) + rng.randbytes(rng.choice([1, 2, 40, 142, 4096]))


def _swapped(rng: random.Random, data: bytearray, _: Layout) -> bytes:
    size = rng.choice([2, 4, 8, 68, 142, 1000])
    one, other = (rng.randrange(len(data) - size) for _ in range(2))
    kept = bytes(data[one : one + size])
    data[one : one + size] = data[other : other + size]
    data[other : other + size] = kept
    return bytes(data)


def _moved(rng: random.Random, data: bytearray, _: Layout) -> bytes:
    """A piece left out and put back elsewhere: all sizes still add up."""
    size = rng.choice([2, 4, 68, 142])
    start = rng.randrange(len(data) - size)
    piece = bytes(data[start : start + size])
    del data[start : start + size]
    into = rng.randrange(len(data))
    return bytes(data[:into]) + piece + bytes(data[into:])


def _raised(rng: random.Random, data: bytearray, layout: Layout) -> bytes:
    """A row with one level more, everywhere and with room for it, whose new list names rows that
    may not have that level.
    """
    row = rng.randrange(ROWS)
    level = int(layout.levels[row]) + 1
    struct.pack_into("<H", data, LEVELS + 2 * row, level)
    struct.pack_into("<H", data, layout.starts[row] + 8, level)
    named = [rng.randrange(ROWS) for _ in range(rng.randint(0, 16))]
    into = layout.list_at(row, level)
    made = struct.pack("<17I", len(named), *named, *[0] * (16 - len(named)))
    if rng.random() < 0.5:
        struct.pack_into("<2Q", data, HEADER + 24, level, row)
    return bytes(data[:into]) + made + bytes(data[into:])


MUTATIONS: tuple[Callable[[random.Random, bytearray, Layout], bytes], ...] = (
    _flip,
    _flip_structure,
    _extreme,
    _extreme,
    _neighbour,
    _neighbour,
    _cut,
    _grown,
    _swapped,
    _moved,
    _raised,
)


class Shop:
    """A collection of one segment whose graph is asked by every search, if it opens."""

    def __init__(self) -> None:
        search.DIRECT_ROWS, search.SHORTLIST = 50, 100
        plan.GRAPH_BASE_S = plan.GRAPH_ROW_S = plan.IMPORT_S = plan.OPEN_BYTE_S = 0.0
        self.collection = make(open_catalog(MemoryStore(), Clock(), ids()))
        changes = [Put(record(f"p{number}", "a", number)) for number in range(ROWS)]
        self.collection.append(changes)
        generation = self.generation = self.collection.current()
        absorb(generation)
        manifest = generation.manifest().manifest
        (self.ref,) = manifest.segments
        table = generation.objects.table(self.ref, manifest)
        _, data = encode_graph(table.rows["codes"], manifest.shape, "f" * 16)
        bundle = Bundle("graph", memoryview(data), "graph")
        self.meta, self.graph = bundle.meta, bundle["graph"].tobytes()
        self.by_scan = self._answers()

    def ask(self, number: int, graph: bytes) -> tuple[bool, list[Hits]]:
        """Whether this graph was opened, and what the searches answered."""
        tools = self.generation.tools
        array = np.frombuffer(graph, np.uint8) if graph else np.empty(0, np.uint8)
        data, sha256 = encode("graph", self.meta, {"graph": array})
        ref = replace(self.ref, graph=ObjectRef(f"{number:032x}", sha256, len(data)))
        path = graph_path(ref, f"{number:032x}")
        put(self.generation, path, data)
        old = self.generation.manifest()
        commit(self.generation, old, replace(old.manifest.next(segments=(ref,)), garbage=()))
        found = self._answers()
        opened = self.generation.folder + path in tools.cache
        tools.cache.drop(self.generation.folder + path)
        tools.store.delete(self.generation.folder + path)
        return opened, found

    def _answers(self) -> list[Hits]:
        snapshot = self.collection.snapshot()
        return [snapshot.search(query) for query in QUERIES]


def main(seed: int, count: int) -> dict[str, object]:
    """Tries `count` mutants of each kind's turn."""
    logging.disable(logging.WARNING)
    shop, rng = Shop(), random.Random(seed)
    layout = Layout(shop.graph)
    refused: Counter[str] = Counter()
    opened: Counter[str] = Counter()
    wrong: list[str] = []
    assert shop.ask(0, shop.graph)[0], "the good graph opens"
    for number in range(1, count + 1):
        mutate = MUTATIONS[number % len(MUTATIONS)]
        was_opened, found = shop.ask(number, mutate(rng, bytearray(shop.graph), layout))
        (opened if was_opened else refused)[mutate.__name__] += 1
        if not was_opened and found != shop.by_scan:
            wrong.append(f"{mutate.__name__} {number}: refused, and the scan answered otherwise")
        if any(len(hits.hits) != 10 or hits.found != ROWS for hits in found):
            wrong.append(f"{mutate.__name__} {number}: a short answer")
    return {"refused": refused, "opened": opened, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
