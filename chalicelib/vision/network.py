"""The backbone: one pass over a square picture yields everything that this room reads
(docs/MODELS.md).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import models
from chalicelib.vision import shipped


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """What one pass says of a picture; zeros where nothing that was asked needs them."""

    levels: npt.NDArray[np.float32]
    """[L]: pooled activations of several depths."""
    logits: npt.NDArray[np.float32]
    """[1000]: ImageNet classes."""
    saliency: npt.NDArray[np.float32]
    """[28, 28]: 0…1."""


class Network:
    """An ONNX Runtime session. Safe to share between threads."""

    def __init__(self, model: bytes, *, side: int, threads: int, fused: bool = True) -> None:
        """`fused`: False keeps the graph as it is written, so that quantised parts run in float
        without the processor's integer kernels.
        """
        # Here and not at the top: it costs 60 ms, and most actions of the service need no picture.
        from chalicelib.inference import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle threads that spin are billed on Lambda and steal from the other picture on a laptop.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if not fused:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._parts = tuple(models.card().parts)
        self.side = side

    @classmethod
    def shipped(cls, *, threads: int, fused: bool = True) -> Network:
        """The network in models/. Raises CorruptObject when its file is not what its card says."""
        return cls(
            shipped.read(shipped.NETWORK), side=models.card().side, threads=threads, fused=fused
        )

    def run(self, image: npt.NDArray[np.uint8], wanted: Collection[str] | None = None) -> Outputs:
        """One pass over `image`, uint8 [side, side, 3], for the parts `wanted` of
        models.Card.parts; None: all of them.

        One picture at a time, also in imports: batches of 2 to 16 save 3 to 5 % of CPU (6.7 against
        7.0 ms, onnxruntime 1.32), and so a picture's feature cannot depend on its neighbours.
        """
        asked = np.array([wanted is None or part in wanted for part in self._parts])
        levels, logits, saliency = self._session.run(
            ["levels", "logits", "saliency"], {"image": image[None], "wanted": asked}
        )
        return Outputs(levels=levels[0], logits=logits[0], saliency=saliency[0])
