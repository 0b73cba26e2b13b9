"""Similarity → Score: the share of answers at that similarity that are right, made monotone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

KNOTS = 17
FLOOR, CEILING = 0.01, 0.99


def curve(
    similarities: NDArray[np.float32], right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return rising knots (similarity, score) from -1 to 1 where Score = P(right | similarity), and
    Score = 1 at 1.

    `weights` say how much each answer counts. The fit is isotonic (pool adjacent violators);
    between the knots, and outside the range seen, the curve is a straight line and rises strictly.
    """
    fit = IsotonicRegression(y_min=FLOOR, y_max=CEILING, out_of_bounds="clip").fit(
        similarities, right.astype(float), sample_weight=weights
    )
    low, high = np.percentile(similarities, (1, 99))
    inner = np.linspace(low, min(high, 0.985), KNOTS)
    width = (inner[1] - inner[0]) / 2
    smooth = np.array([fit.predict(np.linspace(x - width, x + width, 9)).mean() for x in inner])
    xs = np.concatenate([[-1.0], inner, [1.0]])
    ys = np.concatenate([[0.0], smooth, [1.0]])
    ys = np.maximum.accumulate(ys + np.arange(len(ys)) * 1e-6)
    return xs.astype(np.float32), (ys / ys[-1]).astype(np.float32)
