"""Who may write into the store can spoil a graph, but not crash the process that loads it."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from chalicelib.index.format.bundle import Bundle
from chalicelib.index.format.table import Shape
from chalicelib.index.format.usearch_file import Unfit, check
from chalicelib.index.read.graph import CONNECTIVITY, encode_graph


def tried(seed: int, count: int, *, timeout_s: float) -> dict[str, Any]:
    """What a process says that loads `count` mutants; it must live, and end in time."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.index.hostile_graphs", str(seed), str(count)],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_150_hostile_graphs_crash_nothing_and_the_scan_answers() -> None:
    found = tried(1, 150, timeout_s=120)
    assert found["wrong"] == []
    assert sum(found["refused"].values()) > 75
    assert {"_cut", "_grown", "_moved", "_extreme"} <= set(found["refused"])
    assert not {"_cut", "_grown"} & set(found["opened"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_4000_hostile_graphs_crash_nothing_and_the_scan_answers(seed: int) -> None:
    found = tried(seed, 1_000, timeout_s=280)
    assert found["wrong"] == []
    assert sum(found["refused"].values()) > 500


@pytest.mark.parametrize("rows", [1, 2, 40, 700])
@pytest.mark.parametrize("words", [1, 3])
def test_every_graph_that_is_written_passes_the_check(rows: int, words: int) -> None:
    codes = np.random.default_rng(rows).integers(0, 2**63, (words, rows)).astype(np.uint64)
    _, data = encode_graph(codes, Shape(8, 64 * words), "g")
    graph = Bundle("g", memoryview(data), "graph")["graph"]
    check(graph, rows=rows, words=words, connectivity=CONNECTIVITY)
    with pytest.raises(Unfit):
        check(graph, rows=rows + 1, words=words, connectivity=CONNECTIVITY)
    with pytest.raises(Unfit):
        check(graph, rows=rows, words=words + 1, connectivity=CONNECTIVITY)
    with pytest.raises(Unfit):
        check(graph, rows=rows, words=words, connectivity=CONNECTIVITY + 1)


@pytest.mark.parametrize("top", [33, 32_767])
def test_a_tower_of_levels_that_fits_itself_is_refused_before_it_is_climbed(top: int) -> None:
    """Every size and number agrees; each level costs a look at all rows."""
    rows, words = 700, 1
    codes = np.random.default_rng(1).integers(0, 2**63, (words, rows)).astype(np.uint64)
    _, data = encode_graph(codes, Shape(8, 64 * words), "g")
    graph = bytearray(Bundle("g", memoryview(data), "graph")["graph"].tobytes())
    header = 8 + rows * words * 8 + 64
    nodes = header + 40 + 2 * rows
    levels = np.frombuffer(bytes(graph), "<i2", rows, header + 40).astype(int)
    row = int(levels.argmax())
    start = nodes + int((142 + 68 * levels[:row]).sum())
    struct.pack_into("<2Q", graph, header + 24, top, row)
    struct.pack_into("<H", graph, header + 40 + 2 * row, top)
    struct.pack_into("<H", graph, start + 8, top)
    into = start + 142 + 68 * int(levels[row])
    graph[into:into] = bytes(68 * (top - int(levels[row])))
    with pytest.raises(Unfit, match=f"levels from 0 to {top}"):
        check(np.frombuffer(graph, np.uint8), rows=rows, words=words, connectivity=CONNECTIVITY)
