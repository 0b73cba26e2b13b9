"""The network file: weights from the registry, trained parts from trained/, then quantised."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from models.build import branches, export, network, quantise
from models.build.pictures import letterbox, read, training_rows

TRAINED = Path(__file__).with_name("trained")
CALIBRATION = (
    *(
        ("clothing", 20),
        ("logos", 20),
        ("cloth_patches", 15),
        ("tile_patterns", 10),
        ("grocery", 15),
    ),
    *(("shop_luma", 10), ("caltech_photos", 15), ("caltech_objects", 15), ("shop_devices", 5)),
)
"""Pictures of each set that the ranges of the activations are measured on."""
SEED = 6


def calibration() -> NDArray[np.uint8]:
    """Return the calibration pictures, uint8 [n, 224, 224, 3]: none of them is a query."""
    rng = Random(SEED)
    chosen = [
        row
        for name, count in CALIBRATION
        for row in rng.sample(
            [row for row in training_rows(name) if not row.split.startswith("query")], count
        )
    ]
    return np.stack([letterbox(read(row.path)) for row in chosen])


def build(target: Path, *, floating: Path | None = None) -> None:
    """Write the quantised network to `target`, and the float one to `floating` if given."""
    with tempfile.TemporaryDirectory() as folder:
        exported = floating or Path(folder) / "float.onnx"
        export.export(network.load(TRAINED), exported)
        quantised = Path(folder) / "int8.onnx"
        quantise.quantise(exported, quantised, calibration())
        branches.branch(quantised, target)
        branches.branch(exported, exported)
