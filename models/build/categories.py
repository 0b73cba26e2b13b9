"""The category head: a linear classifier on the deepest levels, joined with the ImageNet classes,
with calibrated probabilities.

It tells kinds of things apart, hoodies from shirts, and a category's probability is the sum over
its kinds: one plane cannot hold all that is a top. Categories without a single training picture
(Snack, Makeup, Toy) keep zero weights and live from ImageNet's evidence alone, which is given as
much say as does not disturb the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

from models.build.imagenet import CATEGORIES, IGNORED, mapping

DECAY = 4e-4
STEPS = 80
FLOOR = 1e-3
"""Least evidence, as chalicelib.vision.heads has it."""
FALSE_ALARMS = 0.002
"""Share of unseen pictures that may be taken for a category that had no pictures."""

Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Labelled pictures: features [n, F], evidence [n, 14], position of the category in CATEGORIES
    [n], the kind's name [n], weight [n].
    """

    features: Rows
    evidence: Rows
    labels: NDArray[np.int64]
    kinds: NDArray[np.str_]
    weights: Rows


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Scores of the kinds = weights @ features + bias + trust * evidence for their category."""

    weights: Rows
    """[kinds, F]."""
    bias: Rows
    """[kinds]."""
    trust: float
    categories: NDArray[np.int64]
    """[kinds]: position in CATEGORIES."""

    def scores(self, examples: Examples) -> Rows:
        """Return [n, kinds]; their softmax are the probabilities."""
        found: Rows = (
            examples.features @ self.weights.T
            + self.bias
            + self.trust * examples.evidence[:, self.categories]
        )
        return found

    def chances(self, examples: Examples, heat: float = 1.0) -> Rows:
        """Return the probability of each category, [n, 14], the scores divided by `heat`."""
        return np.asarray(
            softmax(self.scores(examples) / heat, axis=1) @ self._membership(), np.float32
        )

    def cooled(self, temperature: float) -> Head:
        """Return the head whose scores are divided by `temperature`."""
        return Head(
            self.weights / temperature,
            self.bias / temperature,
            self.trust / temperature,
            self.categories,
        )

    def raised(self, offset: float) -> Head:
        """Return the head whose kinds without pictures score `offset` more."""
        return Head(
            self.weights,
            self.bias + np.where(self._untaught(), np.float32(offset), np.float32(0)),
            self.trust,
            self.categories,
        )

    def leads(self, examples: Examples) -> Rows:
        """Return by how much the likeliest category with pictures is ahead of the likeliest
        without, [n], in logarithms.
        """
        scores, untaught = self.scores(examples), self._untaught()
        powers = np.exp(scores - scores.max(axis=1, keepdims=True)) * ~untaught
        best = np.log((powers @ self._membership()).max(axis=1)) + scores.max(axis=1)
        return np.asarray(best - scores[:, untaught].max(axis=1), np.float32)

    def _untaught(self) -> NDArray[np.bool_]:
        return np.asarray(~self.weights.any(axis=1))

    def _membership(self) -> Rows:
        return np.eye(len(CATEGORIES), dtype=np.float32)[self.categories]


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
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def fit(examples: Examples) -> Head:
    """Return the head that minimises cross-entropy with weight decay; rare categories count by the
    root of their share.
    """
    named = np.array(
        [f"{label:02d} {kind}" for label, kind in zip(examples.labels, examples.kinds, strict=True)]
    )
    kinds, first, place = np.unique(named, return_index=True, return_inverse=True)
    untaught = np.setdiff1d(np.arange(len(CATEGORIES)), examples.labels)
    of = np.concatenate([examples.labels[first], untaught])
    count, width = len(of), examples.features.shape[1]
    weights = (
        examples.weights
        / np.sqrt(np.bincount(examples.labels, minlength=len(CATEGORIES)))[examples.labels]
    )
    weights = (weights / weights.sum())[:, None]
    wanted = np.eye(count, dtype=np.float32)[place]
    taught = (np.arange(count) < len(kinds)).astype(np.float32)

    def unpack(flat: NDArray[np.float64]) -> Head:
        matrix = flat[: count * width].reshape(count, width).astype(np.float32) * taught[:, None]
        return Head(
            matrix, flat[count * width : -1].astype(np.float32) * taught, float(flat[-1]), of
        )

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        head = unpack(flat)
        logs = log_softmax(head.scores(examples), axis=1)
        error = (np.exp(logs) - wanted) * weights
        value = (
            -float((logs * wanted * weights).sum())
            + DECAY / 2 * float((head.weights**2).sum())
            + 1e-3 * float((head.bias**2).sum())
        )
        slope = [
            (error.T @ examples.features + DECAY * head.weights) * taught[:, None],
            (error.sum(0) + 2e-3 * head.bias) * taught,
            np.atleast_1d((error * examples.evidence[:, of]).sum()),
        ]
        return value, np.concatenate([part.ravel() for part in slope]).astype(np.float64)

    start = np.zeros(count * width + count + 1)
    start[-1] = 0.6
    return unpack(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x)


def temperature(unseen: Sequence[tuple[Head, Examples]]) -> float:
    """Return what to divide scores of unseen pictures by for the largest likelihood of their
    categories (Guo et al., arXiv 1706.04599).
    """

    def loss(log: float) -> float:
        right = [
            head.chances(examples, float(np.exp(log)))[
                np.arange(len(examples.labels)), examples.labels
            ]
            for head, examples in unseen
        ]
        return -float(np.log(np.maximum(np.concatenate(right), 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-2.0, 2.0), method="bounded").x))


def offset(unseen: Sequence[tuple[Head, Examples]]) -> float:
    """Return what categories without pictures may score more: so much that FALSE_ALARMS of the
    unseen pictures are taken for one.
    """
    return float(
        np.quantile(
            np.concatenate([head.leads(examples) for head, examples in unseen]), FALSE_ALARMS
        )
    )
