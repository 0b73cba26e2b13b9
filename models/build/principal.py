"""Principal channels of the middle maps: the axes whose covariance describes texture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from models.build.levels import LEVELS
from models.build.network import Network


def fit(network: Network, batches: Iterable[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
    """Return per level the leading eigenvectors of its channels' covariance over all cells, float32
    [p,C].

    Each axis is scaled to unit variance to the power -1/2 (half whitening): plain principal axes
    let the first few drown the rest.
    """
    wanted = [level for level in LEVELS if level.principal]
    sums = {level.name: np.zeros(level.channels) for level in wanted}
    squares = {level.name: np.zeros((level.channels, level.channels)) for level in wanted}
    counts = dict.fromkeys(sums, 0)
    with torch.inference_mode():
        for batch in batches:
            maps, _ = network.maps(torch.from_numpy(batch))
            for name in sums:
                cells = (
                    maps[name].permute(0, 2, 3, 1).reshape(-1, maps[name].shape[1]).double().numpy()
                )
                sums[name] += cells.sum(0)
                squares[name] += cells.T @ cells
                counts[name] += len(cells)
    axes = {}
    for level in wanted:
        mean = sums[level.name] / counts[level.name]
        values, vectors = np.linalg.eigh(
            squares[level.name] / counts[level.name] - np.outer(mean, mean)
        )
        top = np.argsort(values)[::-1][: level.principal]
        chosen = vectors[:, top] * np.sign(vectors[np.abs(vectors[:, top]).argmax(0), top])
        axes[level.name] = (chosen / values[top] ** 0.25).T.astype(np.float32)
    return axes


def save(path: Path, axes: dict[str, NDArray[np.float32]]) -> None:
    """Write the axes as float32."""
    np.savez_compressed(path, **axes)  # type: ignore[arg-type]
