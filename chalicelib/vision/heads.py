"""From the network's outputs to features, codes and categories: linear maps learned by models/build
(docs/MODELS.md). Pure arrays.

Products are np.vecdot, row by row: matrix products would wake OpenBLAS's threads, which then wait
by spinning (0.5 ms against 7 ms of CPU a picture on a busy machine).
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import models
from chalicelib.service import Service
from chalicelib.vision import shipped
from chalicelib.vision.analysis import ScoreCurve

FloatVector = npt.NDArray[np.float32]

_NO_CATEGORY = 14
"""What category.map says of ImageNet classes that are no evidence for any category."""
_FLOOR = 1e-3
"""Least evidence, so that its logarithm stays finite."""


@dataclass(frozen=True, slots=True, eq=False)
class ServiceHead:
    """What turns normalised levels into the feature and code of one service."""

    projection: FloatVector
    """[dimension, numbers of the levels read]."""
    offset: FloatVector
    """[dimension]."""
    rotation: FloatVector
    """[bits, dimension]."""
    threshold: FloatVector
    """[bits]."""
    curve: ScoreCurve
    """Similarity to Score."""
    numbers: npt.NDArray[np.int64]
    """Places of the levels vector that are read."""

    def feature(self, summary: FloatVector) -> FloatVector:
        """[dimension], unit length, of normalised levels [L]."""
        projected = np.vecdot(self.projection, summary[self.numbers]) - self.offset
        feature: FloatVector = (projected / max(float(np.linalg.norm(projected)), 1e-12)).astype(
            np.float32
        )
        return feature

    def code(self, feature: FloatVector) -> npt.NDArray[np.uint8]:
        """[bits / 8] of a feature: one bit a direction, on which side of its threshold the feature
        lies.
        """
        return np.packbits(np.vecdot(self.rotation, feature) > self.threshold)


@dataclass(frozen=True, slots=True, eq=False)
class CategoryHead:
    """A linear classifier of kinds of things on the deepest levels, joined with the ImageNet
    classes of their categories.
    """

    ids: tuple[int, ...]
    kinds: npt.NDArray[np.int64]
    """[kinds]: place of each kind's category in ids."""
    weights: FloatVector
    """[kinds, numbers of the levels read]."""
    bias: FloatVector
    """[kinds]."""
    evidence: float
    """Weight of the ImageNet evidence."""
    classes: npt.NDArray[np.int64]
    """[1000]: ImageNet class → index into ids, or _NO_CATEGORY."""
    numbers: npt.NDArray[np.int64]
    """Places of the levels vector that are read."""

    def probabilities(
        self, summary: FloatVector, logits: FloatVector
    ) -> tuple[tuple[int, float], ...]:
        """(category id, probability), likeliest first, of normalised levels [L] and ImageNet logits
        [1000].
        """
        mass = np.bincount(self.classes, weights=_softmax(logits), minlength=_NO_CATEGORY + 1)[
            :_NO_CATEGORY
        ]
        scores = (
            np.vecdot(self.weights, summary[self.numbers])
            + self.bias
            + self.evidence * np.log(mass + _FLOOR)[self.kinds]
        )
        chances = np.bincount(self.kinds, weights=_softmax(scores), minlength=len(self.ids))
        return tuple(
            (self.ids[place], float(chances[place]))
            for place in np.argsort(-chances, kind="stable")
        )


class Heads:
    """All heads of a set, each unpacked when first used. Safe to share between threads."""

    def __init__(self, archive: bytes | None = None) -> None:
        """`archive`: a heads.npz; None: the shipped one."""
        self._card = models.card()
        self._arrays = np.load(
            io.BytesIO(shipped.read(shipped.HEADS) if archive is None else archive),
            allow_pickle=False,
        )
        self._lock = threading.Lock()
        self._services: dict[Service, ServiceHead] = {}
        self._categories: CategoryHead | None = None
        self._starts = [block.start for block in self._card.blocks]
        self._sizes = [block.stop - block.start for block in self._card.blocks]
        self._mean: FloatVector = self._array("mean")
        self._scale: FloatVector = 1.0 / self._array("std")

    def summary(self, views: Sequence[FloatVector]) -> FloatVector:
        """Levels of one picture's views, each [L], to one vector [L]: standardised, cut, every
        block to unit length, averaged.
        """
        levels = np.clip(
            (np.stack(views) - self._mean) * self._scale, -self._card.clip, self._card.clip
        )
        lengths = np.sqrt(np.add.reduceat(np.square(levels), self._starts, axis=1))
        levels /= np.repeat(np.maximum(lengths, 1e-12), self._sizes, axis=1)
        summary: FloatVector = levels.mean(axis=0)
        return summary

    def service(self, service: Service) -> ServiceHead:
        """The head of `service`."""
        with self._lock:
            if service not in self._services:
                self._services[service] = self._service(service.name.lower())
            return self._services[service]

    @property
    def categories(self) -> CategoryHead:
        """The head of product search's categories."""
        with self._lock:
            if self._categories is None:
                self._categories = CategoryHead(
                    ids=tuple(int(number) for number in self._arrays["category.ids"]),
                    kinds=self._arrays["category.kinds"].astype(np.int64),
                    weights=self._array("category.weights"),
                    bias=self._array("category.bias"),
                    evidence=float(self._arrays["category.evidence"]),
                    classes=self._arrays["category.map"].astype(np.int64),
                    numbers=np.array(self._card.places(self._card.category_levels)),
                )
            return self._categories

    def _service(self, name: str) -> ServiceHead:
        """Unpacks one head: projection [dimension, levels read] from int8 and a scale per row."""
        projection = self._array(f"{name}.projection") * self._array(f"{name}.scale")[:, None]
        similarities, scores = self._arrays[f"{name}.similarities"], self._arrays[f"{name}.scores"]
        return ServiceHead(
            projection=projection,
            offset=self._array(f"{name}.offset"),
            rotation=self._array(f"{name}.rotation"),
            threshold=self._array(f"{name}.threshold"),
            curve=ScoreCurve(tuple(map(float, similarities)), tuple(map(float, scores))),
            numbers=np.array(self._card.places(self._card.levels[name])),
        )

    def _array(self, name: str) -> FloatVector:
        array: FloatVector = self._arrays[name].astype(np.float32)
        return array


def _softmax(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    powers = np.exp(values - values.max())
    chances: npt.NDArray[np.floating] = powers / powers.sum()
    return chances
