"""A projection per service: principal axes of the weighted levels, whitened by how views of one
thing differ.

Directions in which pictures of one product, or edits of one picture, differ from one another say
nothing of what it is; they are shrunk (within-class covariance normalisation, Hatch et al.,
Interspeech 2006), and of the rest the widest are kept. Closed form: seconds on one core, the same
result every time. What ships is one matrix from the levels to the feature, int8 with a scale per
row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.build.cards import DIMENSION
from models.build.levels import blocks

SAMPLE = 4000
OVERSAMPLING = 64
CHUNK = 512
MOST_PICTURES = 8
"""Pictures of one thing that count in full; more share that weight."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the projection of one service is fitted."""

    levels: tuple[str, ...]
    """What it reads."""
    weights: dict[str, float] = field(default_factory=dict)
    """Similarity weight of the blocks whose name begins so; the longest match counts. Empty: all
    alike.
    """
    other: float = 0.3
    """Weight of the other blocks."""
    axes: int = 1024
    edits: float = 0.8
    """Share of edits of one picture, against other pictures of one thing, in the differences that
    are shrunk.
    """
    shrinkage: float = 0.05
    """Added to the differences' variance along every axis, as a share of the mean one."""
    power: float = 0.5
    """Axes are divided by their differences' variance to this power; 0.5 makes all differences
    alike.
    """


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Views of one thing."""

    views: NDArray[np.float16]
    """[k, L], k ≥ 2, normalised: the numbers that the service reads."""
    pictures: NDArray[np.int64]
    """[k], rising: the picture that each view shows."""
    asked: NDArray[np.bool_]
    """[k]: whether that picture is a query of its set. No axis is fitted to these."""
    fold: int
    axes_only: bool = False
    """Only the principal axes are fitted to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """feature = l2(matrix.T @ levels - offset)."""

    matrix: NDArray[np.float32]
    """[L, dimension]."""
    offset: NDArray[np.float32]
    """[dimension]."""

    def features(self, levels: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return unit features [n, dimension] of normalised levels [n, L]."""
        out = _product(levels, self.matrix) - self.offset
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)

    def packed(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return the matrix as int8 [dimension, L] and the scale of each row."""
        scale = np.abs(self.matrix).max(0) / 127
        return np.round(self.matrix / scale).astype(np.int8).T.copy(), scale.astype(np.float32)

    def shipped(self) -> Projection:
        """Return what the packed matrix unpacks to."""
        packed, scale = self.packed()
        return Projection((packed * scale[:, None]).T.astype(np.float32), self.offset)


def _product(levels: NDArray[np.float16], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = [
        levels[start : start + CHUNK].astype(np.float32) @ matrix
        for start in range(0, len(levels), CHUNK)
    ]
    return np.concatenate(parts)


def block_weights(recipe: Recipe) -> NDArray[np.float32]:
    """Return the factor of every number that is read: the root of its block's similarity weight,
    float32 [L].
    """
    factors = []
    for name, start, stop in blocks():
        if name.partition(".")[0] in recipe.levels:
            best = max(
                (prefix for prefix in recipe.weights if name.startswith(prefix)),
                key=len,
                default=None,
            )
            weight = (
                1.0
                if not recipe.weights
                else recipe.other
                if best is None
                else recipe.weights[best]
            )
            factors.append(np.full(stop - start, np.sqrt(weight), np.float32))
    return np.concatenate(factors)


def principal_axes(
    rows: NDArray[np.float32], count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the leading axes [L, count] of centred rows and their variances (randomised, two power
    iterations; Halko et al. 2011).
    """
    basis = (
        np.random.default_rng(seed)
        .standard_normal((rows.shape[1], count + OVERSAMPLING))
        .astype(np.float32)
    )
    for _ in range(2):
        basis = rows.T @ np.linalg.qr(rows @ basis)[0]
    values, vectors = np.linalg.eigh(basis.T @ basis)
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    return ((basis @ vectors) / np.sqrt(values)).astype(np.float32), (values / len(rows)).astype(
        np.float32
    )


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The principal space of a service's training views."""

    matrix: NDArray[np.float32]
    """[L, axes], scaled by variance^-1/4."""
    shift: NDArray[np.float32]
    """[axes]."""

    def coordinates(self, levels: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return [n, axes] of normalised levels [n, L]."""
        return _product(levels, self.matrix) - self.shift


def space(groups: list[Group], recipe: Recipe, seed: int = 0) -> Space:
    """Return the principal space of a sample of the groups' views that are not asked."""
    places = [(g, v) for g, group in enumerate(groups) for v in np.flatnonzero(~group.asked)]
    drawn = np.sort(np.random.default_rng(seed).permutation(len(places))[:SAMPLE])
    factors = block_weights(recipe)
    sample = (
        np.stack([groups[places[i][0]].views[places[i][1]] for i in drawn]).astype(np.float32)
        * factors
    )
    mean = sample.mean(0)
    axes, variances = principal_axes(
        sample - mean, min(recipe.axes, len(sample) - OVERSAMPLING - 1), seed
    )
    scaled = axes * (variances + variances.mean() * 1e-2) ** -0.25
    return Space((scaled * factors[:, None]).astype(np.float32), (mean @ scaled).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class Scatter:
    """Sums over some groups in the principal space, each [axes, axes], with their counts."""

    pictures: NDArray[np.float64]
    """How pictures of one thing differ from their mean."""
    edits: NDArray[np.float64]
    """How views of one picture differ from their mean."""
    square: NDArray[np.float64]
    """Of the pictures themselves."""
    total: NDArray[np.float64]
    """[axes]: sum of the pictures."""
    count: int


def scatter(coordinates: Iterable[NDArray[np.float32]], groups: Iterable[Group]) -> Scatter:
    """Return the sums over groups, given each group's views in the principal space."""
    between, within, pictures = [], [], []
    for views, group in zip(coordinates, groups, strict=True):
        _, place, counts = np.unique(group.pictures, return_inverse=True, return_counts=True)
        means = np.zeros((len(counts), views.shape[1]), np.float32)
        np.add.at(means, place, views)
        means /= counts[:, None]
        share = min(len(counts), MOST_PICTURES) / len(counts)
        if len(counts) > 1:
            between.append((means - means.mean(0)) * np.float32(share**0.5))
        within.append(
            (views - means[place]) * np.sqrt(share / counts[place]).astype(np.float32)[:, None]
        )
        pictures.append(means[:MOST_PICTURES])
    everything = np.concatenate(pictures)
    axes = everything.shape[1]
    return Scatter(
        pictures=_square(between, axes),
        edits=_square(within, axes),
        square=_square([everything], axes),
        total=everything.sum(0, dtype=np.float64),
        count=len(everything),
    )


def _square(parts: list[NDArray[np.float32]], axes: int) -> NDArray[np.float64]:
    if not parts:
        return np.zeros((axes, axes))
    rows = np.concatenate(parts)
    return (rows.T @ rows).astype(np.float64)


def joined(parts: list[Scatter]) -> Scatter:
    """Return the sums over the groups of all parts."""
    return Scatter(
        sum((part.pictures for part in parts), np.zeros(())),
        sum((part.edits for part in parts), np.zeros(())),
        sum((part.square for part in parts), np.zeros(())),
        sum((part.total for part in parts), np.zeros(())),
        sum(part.count for part in parts),
    )


def fit(found: Space, sums: Scatter, recipe: Recipe) -> Projection:
    """Return the projection: whiten by the differences, keep the directions in which pictures
    differ most after that.
    """
    axes = len(sums.total)
    shares = ((sums.pictures, 1 - recipe.edits), (sums.edits, recipe.edits))
    differences = sum(
        (share * part / np.trace(part) for part, share in shares if share and np.trace(part) > 0),
        np.zeros((axes, axes)),
    )
    values, vectors = np.linalg.eigh(differences + recipe.shrinkage / axes * np.eye(axes))
    whitened = vectors * (values * axes) ** -recipe.power
    mean = sums.total / sums.count
    spread = whitened.T @ (sums.square / sums.count - np.outer(mean, mean)) @ whitened
    kept = whitened @ np.linalg.eigh(spread)[1][:, ::-1][:, :DIMENSION]
    kept /= np.abs(kept).mean()
    offset = found.shift.astype(np.float64) @ kept
    return Projection((found.matrix @ kept).astype(np.float32), offset.astype(np.float32))
