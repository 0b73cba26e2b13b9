"""A projection per service: principal axes of the weighted levels, then contrastive training on groups of views.

Training happens in the space of the leading principal axes (seconds instead of minutes); what ships is the product of both,
one matrix from the levels to the feature, int8 with a scale per row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from models.build.cards import DIMENSION
from models.build.levels import blocks, width

SAMPLE = 3000
OVERSAMPLING = 64


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the projection of one service is trained."""

    weights: dict[str, float] = field(default_factory=dict)
    """Similarity weight of the blocks whose name begins so; the longest match counts. Empty: all alike."""
    other: float = 0.3
    """Weight of the other blocks."""
    axes: int = 768
    steps: int = 300
    batch: int = 256
    """Groups in a step; two views of each."""
    temperature: float = 0.05
    rate: float = 1e-3
    dropout: float = 0.1
    anchor: float = 0.0
    """Pull towards the principal axes."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Views of one thing."""

    views: NDArray[np.float16]
    """[k, L], k ≥ 2, normalised."""
    pictures: NDArray[np.int64]
    """[k], rising: the picture that each view shows. Two views of a pair are taken from different pictures where there are several."""
    fold: int
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """feature = l2(matrix.T @ levels - offset)."""

    matrix: NDArray[np.float32]
    """[L, dimension]."""
    offset: NDArray[np.float32]
    """[dimension]."""

    def features(self, levels: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return unit features [n, dimension] of normalised levels [n, L]."""
        out = np.empty((len(levels), self.matrix.shape[1]), np.float32)
        for start in range(0, len(levels), 512):
            out[start : start + 512] = levels[start : start + 512].astype(np.float32) @ self.matrix - self.offset
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)

    def packed(self) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Return the matrix as int8 [dimension, L] and the scale of each row."""
        scale = np.abs(self.matrix).max(0) / 127
        return np.round(self.matrix / scale).astype(np.int8).T.copy(), scale.astype(np.float32)


def block_weights(recipe: Recipe) -> NDArray[np.float32]:
    """Return the factor of every level: the root of its block's similarity weight, float32 [L]."""
    factors = np.ones(width(), np.float32)
    if recipe.weights:
        for name, start, stop in blocks():
            best = max((prefix for prefix in recipe.weights if name.startswith(prefix)), key=len, default=None)
            factors[start:stop] = np.sqrt(recipe.other if best is None else recipe.weights[best])
    return factors


def principal_axes(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the leading axes [L, count] of centred rows and their variances (randomised, one power iteration; Halko 2011)."""
    basis = torch.randn(x.shape[1], count + OVERSAMPLING)
    for _ in range(2):
        y = x @ basis
        gram = y.T @ y
        gram += 1e-6 * torch.eye(len(gram)) * gram.diagonal().mean()
        y = torch.linalg.solve_triangular(torch.linalg.cholesky(gram).T, y, upper=True, left=False)
        basis = x.T @ y
    values, vectors = torch.linalg.eigh(basis.T @ basis)
    values, vectors = values.flip(0)[:count], vectors.flip(1)[:, :count]
    return (basis @ vectors) / values.sqrt(), values / len(x)


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The principal space of a service's training views."""

    factors: NDArray[np.float32]
    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    """[L, axes], half-whitened: scaled by variance^-1/4."""

    def coordinates(self, levels: NDArray[np.float16]) -> NDArray[np.float32]:
        """Return [n, axes] of normalised levels [n, L]."""
        matrix, shift = self.axes * self.factors[:, None], self.mean @ self.axes
        parts = [levels[i : i + 512].astype(np.float32) @ matrix - shift for i in range(0, len(levels), 512)]
        return np.concatenate(parts)


def space(groups: list[Group], recipe: Recipe, seed: int = 0) -> Space:
    """Return the principal space of a sample of the groups' views."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    factors = block_weights(recipe)
    sizes = np.array([len(group.views) for group in groups])
    drawn = np.sort(rng.permutation(sizes.sum())[:SAMPLE])
    owner = np.searchsorted(np.cumsum(sizes), drawn, "right")
    within = drawn - (np.cumsum(sizes) - sizes)[owner]
    sample = np.stack([groups[g].views[v] for g, v in zip(owner, within, strict=True)]).astype(np.float32) * factors
    mean = sample.mean(0)
    axes, variances = principal_axes(torch.from_numpy(sample - mean), min(recipe.axes, len(sample) - OVERSAMPLING - 1))
    scaled = axes * (variances + variances.mean() * 1e-2).pow(-0.25)
    return Space(factors, mean, (scaled / scaled.pow(2).sum(0).mean().sqrt()).numpy())


def contrast(features: Tensor, names: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss of unit features (Khosla et al., arXiv 2004.11362)."""
    similar = features @ features.T / temperature
    same = torch.eye(len(features), dtype=torch.bool)
    similar = similar.masked_fill(same, -1e9)
    positive = (names[:, None] == names[None]) & ~same
    log = similar - torch.logsumexp(similar, 1, keepdim=True)
    return -((log * positive).sum(1) / positive.sum(1)).mean()


def train(coordinates: list[NDArray[np.float32]], groups: list[Group], recipe: Recipe, seed: int = 0) -> NDArray[np.float32]:
    """Return the matrix [axes, dimension] that brings the views of each group together and keeps groups apart.

    `coordinates` are the views of each of `groups` in the principal space.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    flat = torch.from_numpy(np.concatenate(coordinates))
    pairs = _Pairs(groups)
    batch = min(recipe.batch, len(groups) // 2)
    start = torch.eye(flat.shape[1], DIMENSION)
    matrix = torch.nn.Parameter(start.clone())
    optimiser = torch.optim.AdamW([matrix], recipe.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=recipe.steps, pct_start=0.1)
    names = torch.arange(batch).repeat(2)
    for _ in range(recipe.steps):
        x = functional.dropout(flat[torch.from_numpy(pairs.draw(batch, rng))], recipe.dropout)
        loss = contrast(functional.normalize(x @ matrix, dim=1), names, recipe.temperature)
        if recipe.anchor:
            loss = loss + recipe.anchor * (matrix - start).pow(2).sum() / start.pow(2).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return matrix.detach().numpy()


class _Pairs:
    """Draws two views of each of some groups, from different pictures where the group has several."""

    def __init__(self, groups: list[Group]) -> None:
        self.sizes = np.array([len(group.views) for group in groups])
        self.starts = np.cumsum(self.sizes) - self.sizes
        self.chance = np.array([group.weight for group in groups]) / sum(group.weight for group in groups)
        begins, ends = [], []
        for group in groups:
            several = group.pictures[0] != group.pictures[-1]
            own = group.pictures if several else np.arange(len(group.pictures))
            begins.append(np.searchsorted(own, own, "left"))
            ends.append(np.searchsorted(own, own, "right"))
        self.begins, self.ends = np.concatenate(begins), np.concatenate(ends)

    def draw(self, batch: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return the places of 2 × batch views: the firsts, then their partners in the same order."""
        picked = rng.choice(len(self.sizes), batch, replace=False, p=self.chance)
        size, start = self.sizes[picked], self.starts[picked]
        first = rng.integers(size)
        begin, end = self.begins[start + first], self.ends[start + first]
        second = (end + rng.integers(size - (end - begin))) % size
        both: NDArray[np.int64] = np.concatenate([start + first, start + second])
        return both


def project(found: Space, matrix: NDArray[np.float32]) -> Projection:
    """Return the one matrix from levels to the feature."""
    whole = (found.axes @ matrix) * found.factors[:, None]
    return Projection(whole.astype(np.float32), (found.mean @ found.axes @ matrix).astype(np.float32))
