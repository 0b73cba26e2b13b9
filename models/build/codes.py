"""Binary codes: iterative quantisation (Gong & Lazebnik, CVPR 2011) of the features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROUNDS = 60


@dataclass(frozen=True, slots=True, eq=False)
class Coder:
    """code = rotation @ feature > threshold."""

    rotation: NDArray[np.float32]
    """[bits, dimension], orthogonal."""
    threshold: NDArray[np.float32]
    """[bits]."""


def fit(features: NDArray[np.float32], seed: int = 0) -> Coder:
    """Return the rotation that brings centred features [n, d] nearest to a cube's corners."""
    mean = features.mean(0)
    centred = (features - mean).astype(np.float64)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((centred.shape[1],) * 2))[0]
    for _ in range(ROUNDS):
        u, _, vt = np.linalg.svd(np.sign(centred @ rotation).T @ centred)
        rotation = (u @ vt).T
    turned = rotation.T.astype(np.float16).astype(np.float32)
    return Coder(rotation=turned, threshold=(turned @ mean).astype(np.float32))


def encode(coder: Coder, features: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the bits, [n, bits]."""
    bits: NDArray[np.bool_] = features @ coder.rotation.T > coder.threshold
    return bits
