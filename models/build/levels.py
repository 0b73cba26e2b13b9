"""What one backbone pass keeps of a picture: pooled statistics of several block outputs, side by
side in one vector.

Exact detail (texture, print, a logo's strokes) lives in the middle of the network and meaning at
its end, so the vector carries both; a projection per service type then chooses. Mean, GeM and
standard deviation of each map, and for the middle maps the covariance of a few principal channels:
texture is second-order statistics (Gatys et al., arXiv 1505.07376). All this of the whole picture,
and again of the subject.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.build import focus
from models.build.focus import COLOURS, EPSILON, GEM_POWER


@dataclass(frozen=True, slots=True)
class Level:
    """A block output: its index in the backbone, channels, cells a side, and how many principal
    channels its covariance uses.
    """

    name: str
    block: int
    channels: int
    side: int
    principal: int = 0


LEVELS = (
    Level("b2", 2, 24, 56),
    Level("b4", 4, 40, 28, 24),
    Level("b7", 7, 80, 14, 32),
    Level("b10", 10, 112, 14, 32),
    Level("b14", 14, 192, 7),
    Level("b15", 15, 320, 7),
)
HEAD_CHANNELS, HEAD_SIDE = 1280, 7
FOCUSED = "subject-"
"""Begins the names of levels weighted by saliency (focus.py)."""
COLOUR = "colour"
PICTURE = ("head", *(level.name for level in LEVELS))
SUBJECT = (*(FOCUSED + level.name for level in LEVELS[1:]), FOCUSED + "head")
"""Levels of the subject; the first map is finer than the saliency's."""
THIRDS = FOCUSED + "thirds"
"""Means of the subject's upper, middle and lower third: what a garment is, its outline says."""
IN_THIRDS = LEVELS[3:]


def triangle(principal: int) -> int:
    """Numbers in the upper triangle, diagonal included, of a principal × principal matrix."""
    return principal * (principal + 1) // 2


def blocks() -> list[tuple[str, int, int]]:
    """Return (name, start, stop) of every part of the levels vector, in order."""
    sizes = [("head.mean", HEAD_CHANNELS), ("head.gem", HEAD_CHANNELS)]
    for level in LEVELS:
        sizes += [(f"{level.name}.{part}", level.channels) for part in ("mean", "gem", "std")]
        if level.principal:
            sizes.append((f"{level.name}.cov", triangle(level.principal)))
    for level in LEVELS[1:]:
        sizes += [
            (f"{FOCUSED}{level.name}.{part}", level.channels) for part in ("mean", "gem", "std")
        ]
        if level.principal:
            sizes.append((f"{FOCUSED}{level.name}.cov", triangle(level.principal)))
    sizes += [(f"{FOCUSED}head.mean", HEAD_CHANNELS), (f"{FOCUSED}head.gem", HEAD_CHANNELS)]
    sizes += [
        (f"{THIRDS}.{level.name}.{place}", level.channels)
        for level in IN_THIRDS
        for place in focus.PLACES
    ]
    sizes.append((f"{COLOUR}.histogram", COLOURS))
    table, start = [], 0
    for name, size in sizes:
        table.append((name, start, start + size))
        start += size
    return table


def numbers(levels: Collection[str]) -> NDArray[np.int64]:
    """Return the places of some levels' numbers in the vector, rising."""
    return np.concatenate(
        [
            np.arange(start, stop)
            for name, start, stop in blocks()
            if name.partition(".")[0] in levels
        ]
    )


def width() -> int:
    """Return the length of the levels vector."""
    return blocks()[-1][2]


def gem(x: Tensor) -> Tensor:
    """Generalised mean over the cells, [N,C,H,W] → [N,C] (Radenović et al., arXiv 1711.02512)."""
    return x.clamp(min=EPSILON).pow(GEM_POWER).mean((2, 3)).pow(1.0 / GEM_POWER)


class Covariance(nn.Module):
    """Signed root of the covariance of the principal channels, upper triangle, [N,C,H,W] →
    [N,p(p+1)/2].
    """

    def __init__(self, channels: int, principal: int) -> None:
        super().__init__()
        self.axes = nn.Parameter(torch.eye(channels)[:principal].clone(), requires_grad=False)
        rows, columns = torch.triu_indices(principal, principal)
        self.register_buffer("cells", rows * principal + columns)
        self.principal = principal

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """`weight` [N,HW,1] sums to 1; None: all cells count alike."""
        flat = torch.matmul(self.axes, x.flatten(2))
        if weight is None:
            flat = flat - flat.mean(2, keepdim=True)
            cov = torch.matmul(flat, flat.transpose(1, 2)) / flat.shape[2]
        else:
            flat = flat - torch.matmul(flat, weight)
            cov = torch.matmul(flat * weight.transpose(1, 2), flat.transpose(1, 2))
        upper = cov.flatten(1).index_select(1, self.get_buffer("cells"))
        return upper.sign() * (upper.abs() + EPSILON).sqrt()


class Pool(nn.Module):
    """Collects the levels vector from the block outputs, the head's map, the saliency [N,1,28,28]
    and the picture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.covariances = nn.ModuleDict(
            {
                level.name: Covariance(level.channels, level.principal)
                for level in LEVELS
                if level.principal
            }
        )

    def forward(
        self, maps: dict[str, Tensor], head: Tensor, saliency: Tensor, image: Tensor
    ) -> Tensor:
        parts = [head.mean((2, 3)), gem(head)]
        for level in LEVELS:
            x = maps[level.name]
            mean = x.mean((2, 3))
            spread = (x - mean[:, :, None, None]).pow(2).mean((2, 3))
            parts += [mean, gem(x), (spread + EPSILON).sqrt()]
            if level.principal:
                parts.append(self.covariances[level.name](x))
        small, within = focus.reduced(image)
        weights = focus.weights(saliency, within)
        for level in LEVELS[1:]:
            x = maps[level.name]
            parts += focus.pooled(x, weights[level.side])
            if level.principal:
                parts.append(self.covariances[level.name](x, weights[level.side]))
        parts += focus.pooled(head, weights[HEAD_SIDE], spread=False)
        for level in IN_THIRDS:
            parts += focus.thirds(maps[level.name], weights[level.side])
        return torch.cat([*parts, focus.colours(small, within, saliency)], 1)
