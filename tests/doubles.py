"""A tiny, deterministic stand-in for the vision models: fast; near pictures get near features."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, UnidentifiedImageError

from chalicelib.errors import BadPicture, InvalidField, LookalikeError, PictureFault
from chalicelib.region import Region
from chalicelib.service import OTHERS, Service
from chalicelib.vision.analysis import Analysis, Request, ScoreCurve

_DIMENSION = 64
_BITS = 64


class TinyAnalyzer:
    """Features are the 8×8 grey thumbnail of the region used. Categories: Tops for bright pictures,
    else Shoes.
    """

    fingerprint = "tiny-1"
    dimension = _DIMENSION
    bits = _BITS

    def score_curve(self, service: Service) -> ScoreCurve:
        """The identity, cut at 0."""
        return ScoreCurve(similarities=(0.0, 1.0), scores=(0.0, 1.0))

    def analyze(self, data: bytes, request: Request) -> Analysis:
        """See vision.analysis.PictureAnalyzer."""
        try:
            picture = Image.open(io.BytesIO(data)).convert("L")
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise BadPicture(
                PictureFault.FORMAT, f"not a picture this service reads: {error}"
            ) from error
        service = request.service
        region = self._subject(picture, request)
        small = picture.crop((region.x1, region.y1, region.x2, region.y2)).resize(
            (8, 8), Image.Resampling.BOX
        )
        values = np.asarray(small, dtype=np.float32).ravel()
        feature = values - values.mean() + 1e-3
        feature /= np.linalg.norm(feature)
        bright = float(values.mean()) > 127
        categories = ((0, 0.9), (4, 0.1)) if bright else ((4, 0.9), (OTHERS, 0.1))
        return Analysis(
            region=region,
            regions=(region,),
            categories=categories if service.has_categories else (),
            feature=feature,
            code=np.packbits(feature > 0),
        )

    def _subject(self, picture: Image.Image, request: Request) -> Region:
        """The given region, or the whole. Raises BadPicture, InvalidField."""
        service, region = request.service, request.region
        if not all(service.min_side <= side <= service.max_side for side in picture.size):
            raise BadPicture(PictureFault.SIDES, f"sides {picture.size} are out of range")
        if region is None or not request.of_subject:
            return Region.whole(*picture.size)
        if region.x2 > picture.width or region.y2 > picture.height:
            raise InvalidField("region", f"region {region.text()} reaches out of the picture")
        return region

    def analyze_many(self, pictures: Sequence[tuple[bytes, Request]]) -> list[Analysis | Exception]:
        """See vision.analysis.PictureAnalyzer."""
        answers: list[Analysis | Exception] = []
        for data, request in pictures:
            try:
                answers.append(self.analyze(data, request))
            except LookalikeError as error:
                answers.append(error)
        return answers
