"""Levels as the projections see them. The runtime's form of the same formula is
chalicelib.vision.heads.Heads.summary.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.build.cards import CLIP
from models.build.levels import blocks, width

CHUNK = 512


@dataclass(frozen=True, slots=True, eq=False)
class Norm:
    """Mean and standard deviation of every level over the training pictures, float32 [L]."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    def apply(self, levels: NDArray[np.float16]) -> NDArray[np.float16]:
        """Return levels [..., L] standardised, cut at ±CLIP, each block at unit length."""
        flat = levels.reshape(-1, levels.shape[-1])
        out = np.empty(flat.shape, np.float16)
        for start in range(0, len(flat), CHUNK):
            z = np.clip(
                (flat[start : start + CHUNK].astype(np.float32) - self.mean) / self.std, -CLIP, CLIP
            )
            for _, a, b in blocks():
                z[:, a:b] /= np.maximum(np.linalg.norm(z[:, a:b], axis=1, keepdims=True), 1e-12)
            out[start : start + CHUNK] = z
        return out.reshape(levels.shape)


def fit(sets: Iterable[NDArray[np.float16]]) -> Norm:
    """Return the statistics over all views of the given sets, each [..., L]."""
    total, square, count = np.zeros(width()), np.zeros(width()), 0
    for levels in sets:
        flat = levels.reshape(-1, levels.shape[-1])
        for start in range(0, len(flat), CHUNK):
            part = flat[start : start + CHUNK].astype(np.float64)
            total += part.sum(0)
            square += (part**2).sum(0)
            count += len(part)
    mean = total / count
    std = np.sqrt(np.maximum(square / count - mean**2, 0.0)) + 1e-4
    return Norm(mean.astype(np.float32), std.astype(np.float32))
