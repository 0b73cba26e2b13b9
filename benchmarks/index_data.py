"""The collection of benchmarks/index.py: clustered vectors as records of a shop."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import Attributes
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.records import Key, Record, Vector
from chalicelib.region import Region
from chalicelib.storage.files import FileStore
from chalicelib.storage.object_store import ObjectStore

DIMENSION = BITS = 512
INTRINSIC = 32
SEED = 20_201_214
BATCH = 5_000
"""Rows that are made, and added, at once."""

Floats = npt.NDArray[np.float32]


class Data:
    """Vectors in pieces, the same for everybody who asks with the same number."""

    def __init__(self, rows: int) -> None:
        rng = np.random.default_rng(SEED)
        self.rows = rows
        self._basis = rng.normal(size=(INTRINSIC, DIMENSION)).astype(np.float32)
        self._centres = rng.normal(size=(max(1, rows // 500), INTRINSIC)).astype(np.float32)
        self._rotation = np.linalg.qr(rng.normal(size=(DIMENSION, DIMENSION)))[0].astype(np.float32)

    def floats(self, piece: int, count: int) -> Floats:
        """[count, DIMENSION], unit length. Piece -1 holds the queries."""
        rng = np.random.default_rng((SEED, piece + 1 if piece > -2 else 1 << 40))
        inner = self._centres[rng.integers(0, len(self._centres), count)] + 0.6 * rng.normal(
            size=(count, INTRINSIC)
        ).astype(np.float32)
        outer = inner @ self._basis + 0.5 * rng.normal(size=(count, DIMENSION)).astype(np.float32)
        found: Floats = outer / np.linalg.norm(outer, axis=1, keepdims=True)
        return found

    def vectors(self, floats: Floats) -> list[Vector]:
        """Quantised, with codes."""
        codes = np.packbits(floats @ self._rotation > 0, axis=1)
        scales = np.abs(floats).max(axis=1) / 127
        features = np.rint(floats / scales[:, None]).astype(np.int8)
        return [
            Vector(code, feature, float(scale))
            for code, feature, scale in zip(codes, features, scales, strict=True)
        ]

    def truth(self, queries: Floats, count: int) -> npt.NDArray[np.int64]:
        """[len(queries), count]: rows of the highest float cosine, in no order."""
        return self.truths(queries, count, (1000,))[0]

    def truths(
        self, queries: Floats, count: int, permilles: Sequence[int]
    ) -> list[npt.NDArray[np.int64]]:
        """The same among the rows whose number modulo 1,000 is below each of `permilles`."""
        size = (len(queries), count)
        best = [np.full(size, -np.inf, dtype=np.float32) for _ in permilles]
        rows = [np.zeros(size, dtype=np.int64) for _ in permilles]
        for piece in range(0, self.rows, BATCH):
            scores = queries @ self.floats(piece, min(BATCH, self.rows - piece)).T
            numbers = np.arange(piece, piece + scores.shape[1])
            for place, permille in enumerate(permilles):
                fits = np.flatnonzero(numbers % 1000 < permille)
                both = np.concatenate([best[place], scores[:, fits]], axis=1)
                ids = np.concatenate([rows[place], np.tile(numbers[fits], (size[0], 1))], axis=1)
                kept = np.argpartition(-both, count - 1, axis=1)[:, :count]
                best[place] = np.take_along_axis(both, kept, axis=1)
                rows[place] = np.take_along_axis(ids, kept, axis=1)
        return rows


def record(number: int, vector: Vector) -> Record:
    """A record as a shop has them."""
    attributes = Attributes(int_attr=number % 1000, str_attr=f"brand {number % 97}")
    return Record(
        Key(f"product-{number // 2}", f"{number:08d}.jpg"),
        0,
        Region(10, 210, 5, 205),
        attributes,
        vector,
    )


def catalog(folder: Path) -> Catalog:
    """Over the store in `folder`, nothing cached."""
    return catalog_of(FileStore(folder))


def catalog_of(store: ObjectStore) -> Catalog:
    """Over a store, nothing cached."""
    return Catalog(store, clock=time.time, new_id=lambda: uuid.uuid4().hex, cache_bytes=4 << 30)
