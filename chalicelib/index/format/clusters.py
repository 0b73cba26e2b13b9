"""Which rows of a segment lie side by side: clusters of neighbours (docs/FORMAT.md §5.6).

A search compares itself with the clusters' centroids and reads the clusters that are near.
Centroids live in the few dimensions in which the segment's features differ most, so that all rows
can be compared with all centroids for some microseconds a row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chalicelib.index.format.table import Range, RowIds

Floats = npt.NDArray[np.float32]

CLUSTER_ROWS = 256
"""Rows of a cluster, about. Of 200,000 rows, a share of 3 % that lies in clusters of 256 holds more
of the nearest ten than one in clusters of 512 (docs/adr/0076).
"""

CLUSTERED_ROWS = 4_096
"""Categories of fewer rows in a segment are one cluster: their codes fit one small read."""

PROJECTED = 64
"""Dimensions in which rows and centroids are compared."""

_SAMPLE = 8_192
"""Rows that the projection is computed from."""

_TRAINED_ROWS = 16
"""Rows per centroid that the centroids are computed from."""

_ROUNDS = 5
_STEP = 2_048
_SEED = 20_201_214


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """How the rows of a table are arranged. Cluster c is the rows `order[starts[c]:starts[c + 1]]`
    of the table; no cluster has rows of two categories, and categories keep their order.
    """

    order: RowIds
    """[size]"""
    starts: npt.NDArray[np.uint32]
    """[clusters + 1]"""
    projection: npt.NDArray[np.float16]
    """[dimension, up to PROJECTED]; nothing in the second place where no category is divided."""
    centroids: npt.NDArray[np.float16]
    """[clusters, the same]: unit length, or zero for a category that is one cluster."""


def clusters_of(features: npt.NDArray[np.int8], ranges: Sequence[Range]) -> Clusters:
    """Arranges the rows of `features` [size, dimension]. The same rows give the same clusters, up
    to the rounding of the machine.
    """
    rng = np.random.default_rng(_SEED)
    large = [part for part in ranges if part.stop - part.start >= CLUSTERED_ROWS]
    projection = _projection(features, rng) if large else np.empty((features.shape[1], 0), "<f4")
    width = projection.shape[1]
    orders: list[RowIds] = []
    sizes: list[npt.NDArray[np.int64]] = []
    centroids: list[Floats] = []
    for part in ranges:
        if part in large:
            rows = projected(features[part.start : part.stop], projection)
            order, counts, centres = _divided(rows, rng)
        else:
            count = part.stop - part.start
            order, counts = np.arange(count), np.array([count])
            centres = np.zeros((1, width), np.float32)
        orders.append(order + part.start)
        sizes.append(counts)
        centroids.append(centres)
    nothing = np.zeros(1, np.int64)
    return Clusters(
        np.concatenate([np.empty(0, np.int64), *orders]),
        np.cumsum(np.concatenate([nothing, *sizes])).astype(np.uint32),
        projection.astype(np.float16),
        np.concatenate([np.zeros((0, width), np.float32), *centroids]).astype(np.float16),
    )


def projected(features: npt.NDArray[np.int8], projection: npt.NDArray[np.floating]) -> Floats:
    """[rows, width]: features in the dimensions of `projection` [dimension, width]."""
    matrix = projection.astype(np.float32)
    found = np.empty((len(features), matrix.shape[1]), dtype=np.float32)
    for start in range(0, len(features), _STEP):
        part = features[start : start + _STEP].astype(np.float32)
        found[start : start + _STEP] = part @ matrix
    return found


def _projection(features: npt.NDArray[np.int8], rng: np.random.Generator) -> Floats:
    """[dimension, up to PROJECTED]: the directions in which a sample of the rows is longest (the
    eigenvectors of its second moments with the largest eigenvalues).
    """
    sample = _sample(features, _SAMPLE, rng).astype(np.float32)
    _, vectors = np.linalg.eigh(sample.T @ sample)
    return np.ascontiguousarray(vectors[:, ::-1][:, :PROJECTED].astype(np.float32))


def _divided(
    rows: Floats, rng: np.random.Generator
) -> tuple[RowIds, npt.NDArray[np.int64], Floats]:
    """The order of projected rows by cluster, the clusters' sizes and their centroids."""
    count = -(-len(rows) // CLUSTER_ROWS)
    centroids = _trained(_sample(rows, _TRAINED_ROWS * count, rng), count, rng)
    centroids = centroids[_neighbours(centroids, rng)]
    labels = np.concatenate(
        [
            np.argmax(rows[start : start + _STEP] @ centroids.T, axis=1)
            for start in range(0, len(rows), _STEP)
        ]
    )
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels, minlength=count)
    used = np.flatnonzero(counts)  # a centroid that no row is nearest to makes no cluster
    counts = counts[used]
    means = np.add.reduceat(rows[order], np.cumsum(counts) - counts, axis=0)
    return order, counts, _unit(means)


def _trained(rows: Floats, count: int, rng: np.random.Generator) -> Floats:
    """[count, width]: centroids of unit length, by some rounds of k-means over directions."""
    rows = _unit(rows)
    centroids = rows[rng.choice(len(rows), count, replace=False)]
    for _ in range(_ROUNDS):
        labels = np.argmax(rows @ centroids.T, axis=1)
        counts = np.bincount(labels, minlength=count)
        used = counts > 0
        sums = np.add.reduceat(
            rows[np.argsort(labels, kind="stable")], (np.cumsum(counts) - counts)[used], axis=0
        )
        centroids[used] = sums
        centroids[~used] = rows[rng.choice(len(rows), int(np.count_nonzero(~used)), replace=False)]
        centroids = _unit(centroids)
    return centroids


def _neighbours(centroids: Floats, rng: np.random.Generator) -> RowIds:
    """An order in which near centroids follow one another: groups of them in a chain, and within
    each group a chain again. Clusters that a search wants together then lie together, and one read
    fetches several.
    """
    count = max(1, round(math.sqrt(len(centroids))))
    groups = _trained(centroids, count, rng)
    labels = np.argmax(centroids @ groups.T, axis=1)
    order: list[RowIds] = []
    for group in _chain(groups, groups[0]).tolist():
        members = np.flatnonzero(labels == group)
        if len(members):
            last = centroids[order[-1][-1]] if order else groups[group]
            order.append(members[_chain(centroids[members], last)])
    return np.concatenate(order)


def _chain(centroids: Floats, start: Floats) -> RowIds:
    """From the one nearest to `start` [width] to the nearest that is left, and so on."""
    likeness = centroids @ centroids.T
    order = np.empty(len(centroids), dtype=np.int64)
    place = int(np.argmax(centroids @ start))
    for number in range(len(centroids)):
        order[number] = place
        likeness[:, place] = -np.inf
        place = int(np.argmax(likeness[place]))
    return order


def _sample(rows: npt.NDArray[Any], count: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """At most `count` different rows, in order."""
    if len(rows) <= count:
        return rows
    return rows[np.sort(rng.choice(len(rows), count, replace=False))]


def _unit(rows: Floats) -> Floats:
    """Each of `rows` at unit length; zero stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Floats = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return found
