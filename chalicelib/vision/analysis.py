"""What vision says of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from chalicelib.region import Region
from chalicelib.service import Service


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """One picture, analysed."""

    region: Region
    """The subject: the caller's region unchanged, the one found, or the whole picture.
    docs/MODELS.md says what else the feature sees.
    """
    regions: tuple[Region, ...]
    """Every subject found, largest first; the used one alone where none was looked for."""
    categories: tuple[tuple[int, float], ...]
    """(category id, probability), likeliest first, sums to 1; empty for services without
    categories.
    """
    feature: npt.NDArray[np.float32]
    """[dimension], unit length."""
    code: npt.NDArray[np.uint8]
    """[bits / 8], packed."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to analyse of a picture (CONTRACT §2.4 for crop × region)."""

    service: Service
    crop: bool = True
    """Find the subject, or take `region`; False: the whole picture, whatever `region` says."""
    region: Region | None = None

    @property
    def of_subject(self) -> bool:
        """Whether a part of the picture, given or found, is meant."""
        return self.crop and self.service.finds_subject


@dataclass(frozen=True, slots=True)
class ScoreCurve:
    """How a similarity becomes a Score, for one service: monotone, piecewise linear through the
    knots, 1 at similarity 1.
    """

    similarities: tuple[float, ...]
    """Rising."""
    scores: tuple[float, ...]
    """Rising, 0 to 1."""


class PictureAnalyzer(Protocol):
    """The algorithm service. vision.analyze.Analyzer is the real one; tests/doubles.py has a tiny
    one.
    """

    @property
    def fingerprint(self) -> str:
        """Hex text that changes whenever features of the same picture may change."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a feature."""
        ...

    @property
    def bits(self) -> int:
        """Length of a code, bits."""
        ...

    def score_curve(self, service: Service) -> ScoreCurve:
        """The calibration for `service`."""
        ...

    def analyze(self, data: bytes, request: Request) -> Analysis:
        """Decodes and analyses one picture. Raises BadPicture, and InvalidField("region") for a
        region outside it.
        """
        ...

    def analyze_many(self, pictures: Sequence[tuple[bytes, Request]]) -> list[Analysis | Exception]:
        """Like analyze for each, in order, one after another (why: network.Network.run); an
        exception that analyze would raise stands in its place.
        """
        ...
