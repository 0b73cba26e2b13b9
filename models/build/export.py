"""Torch network → float ONNX with folded batch normalisation and a dynamic batch."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnxsim
import torch

from models.build.network import SIDE, Network

OPSET = 17
OUTPUTS = ("levels", "logits", "saliency")


def export(network: Network, target: Path) -> None:
    """Write the float32 graph: `image` uint8 [N, 224, 224, 3] → `levels`, `logits`, `saliency`."""
    example = torch.zeros((2, SIDE, SIDE, 3), dtype=torch.uint8)
    torch.onnx.export(
        network,
        (example,),
        str(target),
        opset_version=OPSET,
        input_names=["image"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "N"} for name in ("image", *OUTPUTS)},
        dynamo=False,
        do_constant_folding=True,
    )
    model, valid = onnxsim.simplify(onnx.load(target))
    if not valid:
        raise RuntimeError("the simplified graph does not match the exported one")
    onnx.save(model, target)
