"""The algorithm service: picture bytes → subject, category, feature, code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import models
from chalicelib.errors import InvalidField, LookalikeError
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.trace import stage
from chalicelib.vision import evidence, shipped, subject, symbol
from chalicelib.vision.analysis import Analysis, Request, ScoreCurve
from chalicelib.vision.decode import DETAIL, FORMATS, WHOLE_DETAIL, WITH_AVIF, Limits, decode
from chalicelib.vision.heads import Heads
from chalicelib.vision.network import Network, Outputs
from chalicelib.vision.picture import Picture

_WHOLE = "whole"
_CROP = "crop"
_SYMBOL = "symbol"
_SALIENCY = "saliency"


@dataclass(frozen=True, slots=True)
class Observation:
    """What was looked at in a picture."""

    regions: tuple[Region, ...]
    """The subject first."""
    views: tuple[Outputs, ...]
    """What the feature is made of."""


class Analyzer:
    """Decodes and analyses with the models of models/. Implements vision.analysis.PictureAnalyzer;
    safe to share between threads.
    """

    def __init__(
        self,
        *,
        threads: int = 2,
        strict_orientation: bool = False,
        avif: bool = False,
        network: Network | None = None,
    ) -> None:
        self._network = network or Network.shipped(threads=threads)
        self._heads = Heads()
        self._views = models.card().views
        self._parts = {service: parts_read(service) for service in Service}
        self._strict_orientation = strict_orientation
        self._formats = WITH_AVIF if avif else FORMATS
        self.fingerprint = shipped.fingerprint()
        self.dimension = models.card().dimension
        self.bits = models.card().bits

    def score_curve(self, service: Service) -> ScoreCurve:
        """The calibration for `service`."""
        return self._heads.service(service).curve

    def analyze(self, data: bytes, request: Request) -> Analysis:
        """Decodes and analyses one picture. Raises BadPicture, and InvalidField("region") for a
        region outside it.

        A region that equals the one that would be found gives the same answer, bit for bit, as
        none: a record keeps only its region, and an import of an export must make the same record.
        """
        service = request.service
        with stage("decode"):
            picture = self._decode(data, service)
            if request.region is not None and request.of_subject:
                _check(request.region, picture)
        with stage("vision"):
            return describe(self._look(data, picture, request), service, self._heads)

    def look(self, data: bytes, request: Request) -> Observation:
        """What `analyze` describes: for benchmarks that describe one observation with several
        heads.
        """
        return self._look(data, self._decode(data, request.service), request)

    def analyze_many(self, pictures: Sequence[tuple[bytes, Request]]) -> list[Analysis | Exception]:
        """Like analyze for each, in order, one after another (why: network.Network.run); an
        exception that analyze would raise stands in its place.
        """
        answers: list[Analysis | Exception] = []
        for data, request in pictures:
            try:
                answers.append(self.analyze(data, request))
            except LookalikeError as error:
                answers.append(error)
        return answers

    def _decode(self, data: bytes, service: Service, *, focus: Region | None = None) -> Picture:
        """The picture within the service's limits, as fine as its feature needs it."""
        limits = Limits.of(service, formats=self._formats)
        # Cloth is its texture, which halving before resizing would blur.
        coarse = self._views_of(service) == (_WHOLE,) and service is not Service.FABRIC
        detail = WHOLE_DETAIL if coarse else DETAIL
        return decode(
            data,
            limits=limits,
            strict_orientation=self._strict_orientation,
            detail=detail,
            focus=focus,
        )

    def _look(self, data: bytes, picture: Picture, request: Request) -> Observation:
        """Finds the subject where one is wanted, and runs the passes that the service's feature
        needs (CONTRACT §2.4, docs/MODELS.md).
        """
        service, given = request.service, request.region
        if not request.of_subject:
            given = picture.region
        wanted = self._views_of(service)
        # Where the whole picture is no view, what else lies around a given region is not asked.
        if given == picture.region or (given is not None and _WHOLE not in wanted):
            return Observation((given,), self._passes(data, picture, service, given))
        found, views = self._found(picture, service)
        if given is not None:
            if given != found[0]:
                return Observation((given,), self._passes(data, picture, service, given))
            found = (given,)
        if not views or (_CROP in wanted and found[0] != picture.region):
            views += self._passes(data, picture, service, found[0])
        return Observation(found, views)

    def _found(
        self, picture: Picture, service: Service
    ) -> tuple[tuple[Region, ...], tuple[Outputs, ...]]:
        """The subjects, and the pass over the whole picture if the feature is made of that too."""
        with_whole = _WHOLE in self._views_of(service)
        # A drawing on an even ground is found without the network: one pass instead of two.
        known = None if with_whole else evidence.from_pixels(picture)
        if known is not None:
            return subject.find(picture, known, service), ()
        square = picture.letterbox(side=self._network.side)
        read = self._parts[service] if with_whole else frozenset[str]()
        whole = self._network.run(square, read | {_SALIENCY})
        known = evidence.gather(picture, square, whole.saliency)
        return subject.find(picture, known, service), (whole,) if with_whole else ()

    def _passes(
        self, data: bytes, picture: Picture, service: Service, region: Region
    ) -> tuple[Outputs, ...]:
        """One pass over a part of the picture, and for a mark one over the symbol in it, if there
        is one.
        """
        square = self._square(data, picture, service, region)
        passes = (self._network.run(square, self._parts[service]),)
        sign = symbol.find(region, square) if _SYMBOL in self._views_of(service) else None
        if sign is None:
            return passes
        return (
            *passes,
            self._network.run(self._square(data, picture, service, sign), self._parts[service]),
        )

    def _square(
        self, data: bytes, picture: Picture, service: Service, region: Region
    ) -> npt.NDArray[np.uint8]:
        """A part of the picture letterboxed, decoded again where the rendering at hand is too small
        for it.
        """
        side = self._network.side
        shrunk = picture.colour.width / picture.width
        if (
            shrunk < 1
            and region != picture.region
            and max(region.width, region.height) * shrunk < side
        ):
            picture = self._decode(data, service, focus=region)
        return picture.letterbox(region, side=side)

    def _views_of(self, service: Service) -> tuple[str, ...]:
        return self._views[service.name.lower()]


def describe(observation: Observation, service: Service, heads: Heads) -> Analysis:
    """The analysis of what was looked at."""
    summary = heads.summary([view.levels for view in observation.views])
    head = heads.service(service)
    feature = head.feature(summary)
    categories: tuple[tuple[int, float], ...] = ()
    if service.has_categories:
        logits: npt.NDArray[np.float32] = np.mean(
            [view.logits for view in observation.views], axis=0
        )
        categories = heads.categories.probabilities(summary, logits)
    return Analysis(
        observation.regions[0], observation.regions, categories, feature, head.code(feature)
    )


def parts_read(service: Service) -> frozenset[str]:
    """What a service's feature and categories read of a pass (models.Card.parts)."""
    card = models.card()
    parts = card.parts_of(card.levels[service.name.lower()])
    return (
        parts | card.parts_of(card.category_levels) | {"logits"}
        if service.has_categories
        else parts
    )


def _check(region: Region, picture: Picture) -> None:
    """Raises InvalidField for a region that is empty or not inside the picture."""
    if not (
        0 <= region.x1 < region.x2 <= picture.width and 0 <= region.y1 < region.y2 <= picture.height
    ):
        raise InvalidField(
            "region",
            f"the region {region.text()} (x1,x2,y1,y2) does not lie within the picture, which is "
            f"{picture.width} by {picture.height} pixels"
            " once upright; both x come first, then both y",
        )
