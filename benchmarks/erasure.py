"""What it costs to be rid of a deleted record: one segment rewritten, and its graph built anew.

    python -m benchmarks.erasure 100000          about 1 minute of CPU

The collection is that of benchmarks/index.py, in one segment, on a store in a folder. CPU time of
one thread; bytes read and written of the store, that of the graph apart.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from benchmarks.index_data import BATCH, BITS, DIMENSION, SEED, Data, catalog, record
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Delete, Key, Put
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.graphs import grow
from chalicelib.index.write.merge import merge, rewrite
from chalicelib.service import Service


def filled(folder: Path, rows: int) -> Collection:
    """`rows` records in one segment, without its graph."""
    data = Data(rows)
    shop = catalog(folder).create(
        "bench", Service.GENERIC, dimension=DIMENSION, bits=BITS, fingerprint="bench"
    )
    for piece in range(0, rows, BATCH):
        vectors = data.vectors(data.floats(piece, min(BATCH, rows - piece)))
        shop.append([Put(record(piece + at, vector)) for at, vector in enumerate(vectors)])
    while absorb(shop.current()):
        continue
    merge(shop.current(), everything=True)
    return shop


@contextmanager
def timed(what: str, rows: int) -> Iterator[None]:
    """Prints the CPU time of what happens inside, for itself and for a million rows."""
    begun = time.process_time()
    yield
    spent = time.process_time() - begun
    print(f"{what}: {spent:.2f} CPU s, {spent * 1e6 / rows:.1f} for 1,000,000 rows", flush=True)


def main(rows: int) -> None:
    """Prints the figures."""
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {SEED}"
    )
    with tempfile.TemporaryDirectory() as name:
        shop = filled(Path(name), rows)
        shop.append([Delete(Key("product-0", "00000000.jpg"))])
        absorb(shop.current())
        manifest = shop.current().manifest().manifest
        (before,) = manifest.segments
        with timed("rewrite", rows):
            rewrite(shop.current(), before.id)
        (after,) = shop.current().manifest().manifest.segments
        assert after.rows == rows - 1
        size = after.size
        print(f"written: {size / 1e6:.1f} MB, {size / rows:.0f} bytes a row, and as much read")
        with timed("graph", rows):
            grow(shop.current())


if __name__ == "__main__":
    main(int(sys.argv[1]))
