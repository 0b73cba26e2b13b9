"""The category head: a linear classifier on the deepest levels, joined with the ImageNet classes, with calibrated probabilities.

Categories without a single training picture (Snack, Toy) keep zero weights and live from ImageNet's evidence alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from models.build.imagenet import CATEGORIES, IGNORED, mapping

DECAY = 4e-4
STEPS = 80
FLOOR = 1e-3
"""Least evidence, as chalicelib.vision.heads has it."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Labelled pictures: features [n, F], evidence [n, 14], position of the category in CATEGORIES [n], weight [n]."""

    features: Rows
    evidence: Rows
    labels: NDArray[np.int64]
    weights: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """scores = weights @ features + bias + trust * evidence."""

    weights: Rows
    """[14, F]."""
    bias: Rows
    """[14]."""
    trust: float

    def scores(self, examples: Examples) -> Rows:
        """Return [n, 14]; their softmax are the probabilities."""
        found: Rows = examples.features @ self.weights.T + self.bias + self.trust * examples.evidence
        return found

    def cooled(self, temperature: float) -> Head:
        """Return the head whose scores are divided by `temperature`."""
        return Head(self.weights / temperature, self.bias / temperature, self.trust / temperature)


def evidence(logits: NDArray[np.floating]) -> Rows:
    """Return the logarithm of ImageNet's mass per category [n, 14] of logits [n, 1000]."""
    chances = np.exp(log_softmax(logits.astype(np.float32), axis=1))
    members = np.zeros((1000, IGNORED + 1), np.float32)
    members[np.arange(1000), mapping()] = 1
    found: Rows = np.log((chances @ members)[:, :IGNORED] + FLOOR)
    return found


def joined(parts: Sequence[Examples]) -> Examples:
    """Return all examples as one."""
    return Examples(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.evidence for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def fit(examples: Examples) -> Head:
    """Return the head that minimises cross-entropy with weight decay; rare categories count by the root of their share."""
    count, width = len(CATEGORIES), examples.features.shape[1]
    seen = np.bincount(examples.labels, minlength=count)
    weights = examples.weights / np.sqrt(np.maximum(seen, 1))[examples.labels]
    weights = (weights / weights.sum())[:, None]
    wanted = np.eye(count, dtype=np.float32)[examples.labels]
    taught = (seen > 0).astype(np.float32)

    def unpack(flat: NDArray[np.float64]) -> Head:
        matrix = flat[: count * width].reshape(count, width).astype(np.float32) * taught[:, None]
        return Head(matrix, flat[count * width : -1].astype(np.float32) * taught, float(flat[-1]))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        head = unpack(flat)
        logs = log_softmax(head.scores(examples), axis=1)
        error = (np.exp(logs) - wanted) * weights
        value = -float((logs * wanted * weights).sum()) + DECAY / 2 * float((head.weights**2).sum()) + 1e-3 * float((head.bias**2).sum())
        slope = [
            (error.T @ examples.features + DECAY * head.weights) * taught[:, None],
            (error.sum(0) + 2e-3 * head.bias) * taught,
            np.atleast_1d((error * examples.evidence).sum()),
        ]
        return value, np.concatenate([part.ravel() for part in slope]).astype(np.float64)

    start = np.zeros(count * width + count + 1)
    start[-1] = 0.6
    return unpack(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x)


def temperature(scores: Rows, labels: NDArray[np.int64]) -> float:
    """Return what to divide scores [n, 14] of unseen pictures by for the largest likelihood (Guo et al., arXiv 1706.04599)."""

    def loss(log: float) -> float:
        return -float(log_softmax(scores / np.exp(log), axis=1)[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))
