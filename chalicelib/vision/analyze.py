"""The algorithm service: picture bytes → subject, category, feature, code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

import models
from chalicelib.errors import InvalidField, LookalikeError
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.trace import stage
from chalicelib.vision import evidence, shipped, subject
from chalicelib.vision.analysis import Analysis, Request, ScoreCurve
from chalicelib.vision.decode import FORMATS, WITH_AVIF, Limits, decode
from chalicelib.vision.heads import Heads
from chalicelib.vision.network import Network, Outputs
from chalicelib.vision.picture import Picture

_WHOLE = "whole"
_CROP = "crop"


@dataclass(slots=True, eq=False)
class _Work:
    """One picture on its way."""

    request: Request
    picture: Picture
    square: npt.NDArray[np.uint8]
    """The view that the first pass sees."""
    regions: tuple[Region, ...] = ()
    """Empty: still to be found."""
    views: list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]] = field(default_factory=list)
    """(levels, logits) of each view that the feature is made of."""


class Analyzer:
    """Decodes and analyses with the models of models/. Implements vision.analysis.PictureAnalyzer; safe to share between threads."""

    def __init__(self, *, threads: int = 2, strict_orientation: bool = False, avif: bool = False) -> None:
        self._network = Network.shipped(threads=threads)
        self._heads = Heads()
        self._views = models.card().views
        self._strict_orientation = strict_orientation
        self._formats = WITH_AVIF if avif else FORMATS
        self.fingerprint = shipped.fingerprint()
        self.dimension = models.card().dimension
        self.bits = models.card().bits

    def score_curve(self, service: Service) -> ScoreCurve:
        """The calibration for `service`."""
        return self._heads.service(service).curve

    def analyze(self, data: bytes, request: Request) -> Analysis:
        """Decodes and analyses one picture. Raises BadPicture, and InvalidField("region") for a region outside it."""
        (answer,) = self.analyze_many([(data, request)])
        if isinstance(answer, Exception):
            raise answer
        return answer

    def analyze_many(self, pictures: Sequence[tuple[bytes, Request]]) -> list[Analysis | Exception]:
        """Like analyze for each, in order, in batches; an exception that analyze would raise stands in its place."""
        answers: list[Analysis | Exception | None] = [None] * len(pictures)
        works: dict[int, _Work] = {}
        with stage("decode"):
            for place, (data, request) in enumerate(pictures):
                try:
                    works[place] = self._prepare(data, request)
                except LookalikeError as error:
                    answers[place] = error
        with stage("vision"):
            self._look(list(works.values()))
            for place, work in works.items():
                answers[place] = self._conclude(work)
        return [answer for answer in answers if answer is not None]

    def _prepare(self, data: bytes, request: Request) -> _Work:
        """Decodes, and lays down what is known before the network has seen anything."""
        service = request.service
        given = request.region if request.crop and service.finds_subject else None
        limits = Limits.of(service, formats=self._formats)
        picture = decode(data, limits=limits, strict_orientation=self._strict_orientation, focus=given)
        if given is not None:
            _check(given, picture)
            return _Work(request, picture, picture.letterbox(given, side=self._network.side), (given,))
        square = picture.letterbox(side=self._network.side)
        work = _Work(request, picture, square)
        if not (request.crop and service.finds_subject):
            work.regions = (picture.region,)
        elif self._views_of(service) == (_CROP,):
            # A drawing on an even ground needs no network to be found: one pass instead of two.
            found = evidence.from_pixels(picture, square)
            if found is not None:
                work.regions = subject.find(picture, found, service)
                work.square = picture.letterbox(work.regions[0], side=self._network.side)
        return work

    def _look(self, works: list[_Work]) -> None:
        """Runs the passes: the first for everybody, the second for subjects that the first has found."""
        if not works:
            return
        first = self._network.run(np.stack([work.square for work in works]))
        second: list[_Work] = []
        for number, work in enumerate(works):
            searching = not work.regions
            if searching:
                service = work.request.service
                found = evidence.gather(work.picture, work.square, first.saliency[number])
                work.regions = subject.find(work.picture, found, service)
                if _CROP in self._views_of(service) and work.regions[0] != work.picture.region:
                    second.append(work)
                    if _WHOLE not in self._views_of(service):
                        continue
            work.views.append(_view(first, number))
        if second:
            side = self._network.side
            crops = self._network.run(np.stack([work.picture.letterbox(work.regions[0], side=side) for work in second]))
            for number, work in enumerate(second):
                work.views.append(_view(crops, number))

    def _conclude(self, work: _Work) -> Analysis:
        service = work.request.service
        head = self._heads.service(service)
        summary = self._heads.summary([levels for levels, _ in work.views])
        feature = head.feature(summary)
        categories: tuple[tuple[int, float], ...] = ()
        if service.has_categories:
            logits: npt.NDArray[np.float32] = np.mean([logits for _, logits in work.views], axis=0)
            categories = self._heads.categories.probabilities(summary, logits)
        return Analysis(region=work.regions[0], regions=work.regions, categories=categories, feature=feature, code=head.code(feature))

    def _views_of(self, service: Service) -> tuple[str, ...]:
        return self._views[service.name.lower()]


def _view(outputs: Outputs, number: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    return outputs.levels[number], outputs.logits[number]


def _check(region: Region, picture: Picture) -> None:
    """Raises InvalidField for a region that is empty or not inside the picture."""
    if not (0 <= region.x1 < region.x2 <= picture.width and 0 <= region.y1 < region.y2 <= picture.height):
        raise InvalidField(
            "region",
            f"the region {region.text()} (x1,x2,y1,y2) does not lie within the picture, which is {picture.width} by {picture.height} pixels"
            " once upright; both x come first, then both y",
        )
