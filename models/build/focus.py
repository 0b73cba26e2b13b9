"""What one pass keeps of the subject alone: levels weighted by its own saliency map, and the
subject's colours.

A shelf behind a pack, and the fill around a picture that is not square, are no part of the product.
Two flavours of one brand differ in colour before they differ in anything that a network trained to
name things keeps.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.build.pictures import FILL

CELL = 8
"""Pixels of a cell of the saliency map, a side; colours are counted on the means of these cells."""
GROUND = 0.05
"""Weight of a cell without any saliency."""
EPSILON = 1e-6
GEM_POWER = 3
PLACES = ("upper", "middle", "lower")
LIGHT = (4, 5.0, 95.0)
"""Bins of L*, and the values of the first and the last."""
TINT = (9, -48.0, 48.0)
"""Bins of a*, and of b*."""
COLOURS = LIGHT[0] * TINT[0] * TINT[0]

# sRGB to XYZ, divided by the white point D65 (IEC 61966-2-1).
_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
_WHITE = (0.9505, 1.0, 1.089)


def reduced(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return colours in 0…1 float32 [N,3,28,28] of a picture uint8 [N,224,224,3], and where it is
    not the fill around one, [N,1,28,28].
    """
    small = functional.avg_pool2d(image.permute(0, 3, 1, 2).float(), CELL)
    away = (
        (small - torch.tensor(FILL, dtype=torch.float32)[:, None, None]).abs().sum(1, keepdim=True)
    )
    return small / 255, (away > 0.5).float()


def weights(saliency: Tensor, within: Tensor) -> dict[int, Tensor]:
    """Return the weight of every cell at 28², 14² and 7² cells, each [N,cells,1] with sum 1.

    `saliency` and `within` [N,1,28,28].
    """
    cells = (saliency + GROUND) * within + EPSILON
    found = {}
    for side in (28, 14, 7):
        pooled = cells if side == 28 else functional.avg_pool2d(cells, 28 // side)
        flat = pooled.flatten(2).transpose(1, 2)
        found[side] = flat / flat.sum(1, keepdim=True)
    return found


def lab(rgb: Tensor) -> Tensor:
    """Return L*a*b* of sRGB in 0…1, [...,3] (CIE 15)."""
    linear = torch.where(
        rgb > 0.04045, ((rgb + 0.055) / 1.055).clamp(min=EPSILON).pow(2.4), rgb / 12.92
    )
    xyz = linear @ (torch.tensor(_TO_XYZ) / torch.tensor(_WHITE)[:, None]).T
    root = torch.where(xyz > 0.008856, xyz.clamp(min=EPSILON).pow(1 / 3), 7.787 * xyz + 16 / 116)
    x, y, z = root.unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def _shares(values: Tensor, bins: tuple[int, float, float]) -> Tensor:
    """Return how much each value [N,P] counts in each bin [N,P,bins]: shared between the two
    nearest.
    """
    count, low, high = bins
    place = ((values - low) / (high - low) * (count - 1)).clamp(0, count - 1)
    return (1 - (place[..., None] - torch.arange(count, dtype=torch.float32)).abs()).clamp(min=0)


def colours(small: Tensor, within: Tensor, saliency: Tensor) -> Tensor:
    """Return the root of the subject's histogram of colours, [N,COLOURS]; `small` and `within` as
    `reduced` returns them.
    """
    weight = ((saliency + GROUND / 2) * within + EPSILON).flatten(2).transpose(1, 2)
    light, a, b = lab(small.flatten(2).transpose(1, 2)).unbind(-1)
    pairs = (_shares(light, LIGHT)[..., None] * _shares(a, TINT)[:, :, None]).flatten(2)
    counts = torch.matmul(pairs.transpose(1, 2), _shares(b, TINT) * weight).flatten(1)
    return (counts / counts.sum(1, keepdim=True)).sqrt()


def pooled(x: Tensor, weight: Tensor, *, spread: bool = True) -> list[Tensor]:
    """Return the weighted mean, GeM and, if asked for, standard deviation of a map [N,C,H,W], each
    [N,C]; `weight` [N,HW,1] sums to 1.
    """
    flat = x.flatten(2)
    mean = torch.matmul(flat, weight)
    cut = flat.clamp(min=EPSILON)
    found = [mean[..., 0], torch.matmul(cut * cut * cut, weight)[..., 0].pow(1 / GEM_POWER)]
    if spread:
        away = flat - mean
        found.append((torch.matmul(away * away, weight)[..., 0] + EPSILON).sqrt())
    return found


def thirds(x: Tensor, weight: Tensor) -> list[Tensor]:
    """Return the weighted means of the upper, middle and lower rows of a map [N,C,H,W], two of
    seven, three and two, each [N,C].
    """
    side = x.shape[2]
    row = torch.arange(side).repeat_interleave(side)
    edge = 2 * side // 7
    within = torch.stack([row < edge, (row >= edge) & (row < side - edge), row >= side - edge], 1)
    share = weight * within.float()
    means = torch.matmul(x.flatten(2), share / share.sum(1, keepdim=True))
    return list(means.unbind(2))
