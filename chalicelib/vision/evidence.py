"""What in a picture speaks for its subject: masks on a square grid over the letterboxed picture.
Pure arrays.

The best evidence there is: transparency (what is opaque is the subject), an even background (what
differs from it is), else the network's saliency map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.vision.picture import Area, Picture, margins

GRID = 56
"""Cells across and down: 4 pixels of the network's 224 each."""

MAP_CELL = 2
"""Cells of that grid to one of the network's map, each way."""

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

_OPAQUE = 48
"""Alpha from which a pixel counts as drawn."""
_EVEN = 14.0
"""Largest difference of a channel from the background's colour that is still background, after
JPEG.
"""
_LEAST_EVEN = 7.0
"""The same on a perfectly even background."""
_MAX_SPREAD = 3.0
"""Three quarters of the background must be this near its colour: a wooden floor is a background,
but not an even one.
"""
_EVEN_SHARE = 0.6
"""Share of the frame around the picture that must have the background's colour; the subject may
touch it.
"""
_COVERED = 0.5
"""Share of the saliency that must lie on what differs from the background."""
_SALIENCE = 0.25
"""Mean saliency of what differs: a floor under a wall differs from the wall and is no subject."""
_LEAST_DRAWING = 8
"""Pixels of the shorter side, of 112, in which a ground can be told from what is on it."""
_FILLED = 0.5
"""Share of a cell's pixels that must differ."""
_SALIENT = (0.5, 0.4, 0.3)
"""Shares of the map's own range from which a cell may belong to a subject, the strictest that still
explains the map.
"""
_EXPLAINED = 0.7
"""Share of the sum of the map's squares that the cells must hold; plain sums would count a weak,
wide background as much as the thing.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What belongs to some subject, and how much each cell counts."""

    mask: Mask
    """[GRID, GRID]."""
    weights: Map
    """[GRID, GRID]: saliency over its own range, 0…1; 0 in the letterbox's margin."""
    exact: bool
    """Whether the mask comes from pixels (transparency, background) rather than from the map."""


def gather(picture: Picture, square: Pixels, saliency: Map) -> Evidence:
    """The evidence of a picture.

    Args:
        picture: gives the sides, and transparency where it has any.
        square: uint8 [224, 224, 3], the whole picture letterboxed.
        saliency: float32 [28, 28], the network's map of `square`.
    """
    weights = _stretched(saliency, margins(picture.width, picture.height, GRID))
    drawn = _drawn(picture)
    if drawn is None:
        drawn = _against_even_ground(
            *halved(square, margins(picture.width, picture.height, len(square))), weights
        )
    if drawn is not None:
        return Evidence(drawn, weights, exact=True)
    return Evidence(_salient(weights), weights, exact=False)


def from_pixels(picture: Picture) -> Evidence | None:
    """The evidence of a drawing (a trade mark), without a pass of the network; None where pixels
    alone do not tell.
    """
    mask = _drawn(picture)
    if mask is None:
        side = 2 * GRID
        mask = _against_even_ground(
            picture.sampled(side=side), margins(picture.width, picture.height, side), None
        )
    return None if mask is None else Evidence(mask, mask.astype(np.float32), exact=True)


def _stretched(saliency: Map, area: Area) -> Map:
    """The map over its own range, [GRID, GRID]; the letterbox's margin has no say in the range."""
    left, top, across, down = area
    rows = slice(top // MAP_CELL, -(-(top + down) // MAP_CELL))
    columns = slice(left // MAP_CELL, -(-(left + across) // MAP_CELL))
    inner = saliency[rows, columns]
    ordered = np.sort(inner, axis=None)
    low, high = (
        float(ordered[int(0.02 * (ordered.size - 1))]),
        float(ordered[int(0.995 * (ordered.size - 1))]),
    )
    out = np.zeros_like(saliency)
    out[rows, columns] = np.clip((inner - low) / max(high - low, 1e-6), 0, 1)
    return out.repeat(MAP_CELL, axis=0).repeat(MAP_CELL, axis=1)


def _salient(weights: Map) -> Mask:
    """The cells that stand out: fewer where the map is sharp, more where it is diffuse."""
    power = np.square(weights)
    total = max(float(power.sum()), 1e-6)
    for share in _SALIENT:
        mask = weights >= share
        if float(power[mask].sum()) >= _EXPLAINED * total:
            break
    return mask


def _drawn(picture: Picture) -> Mask | None:
    """What is opaque; None for pictures without transparency, or where it separates nothing."""
    alpha = picture.letterboxed_alpha(side=GRID)
    if alpha is None:
        return None
    mask = alpha >= _OPAQUE
    return mask if mask.any() else None


def _against_even_ground(pixels: Pixels, area: Area, weights: Map | None) -> Mask | None:
    """What differs from an even background; None where the background is not even, or where the
    mask contradicts the map (if given).
    """
    if min(area[2], area[3]) < len(pixels) // 4:
        return None
    differs = ink(pixels, area)
    if differs is None:
        return None
    cell = len(differs) // GRID
    mask: Mask = _enclosed(differs.reshape(GRID, cell, GRID, cell).mean(axis=(1, 3)) >= _FILLED)
    if weights is not None and mask.any() and not _explains(mask, weights):
        return None
    # An empty mask is an answer too: nothing stands out, whatever the map dreams of.
    return mask


def halved(square: Pixels, area: Area) -> tuple[Pixels, Area]:
    """Every second pixel, and the area on them that lies within `area` on the square."""
    left, top = (area[0] + 1) // 2, (area[1] + 1) // 2
    return square[::2, ::2], (
        left,
        top,
        (area[0] + area[2]) // 2 - left,
        (area[1] + area[3]) // 2 - top,
    )


def ink(pixels: Pixels, area: Area) -> Mask | None:
    """Which pixels differ from an even ground, bool [n, n]; None where the ground is not even.

    Args:
        pixels: uint8 [n, n, 3], a letterboxed picture.
        area: where it lies on them.
    """
    left, top, across, down = area
    inner = pixels[top : top + down, left : left + across].astype(np.float32)
    if min(across, down) < _LEAST_DRAWING:
        return None
    found = _ground(inner)
    if found is None:
        return None
    ground, tolerance = found
    differs = np.zeros(pixels.shape[:2], np.bool_)
    differs[top : top + down, left : left + across] = _apart(inner, ground) > tolerance
    return differs


def _explains(mask: Mask, weights: Map) -> bool:
    """Whether the map lies mostly within the mask, and the mask is mostly where the map is."""
    inside = float(weights[mask].sum())
    return inside >= _COVERED * float(weights.sum()) and inside >= _SALIENCE * int(mask.sum())


def _apart(colours: Map, ground: Map) -> Map:
    """The largest difference of a channel, [...] of [..., 3]; many times as fast as a maximum along
    so short an axis.
    """
    red, green, blue = np.moveaxis(np.abs(colours - ground), -1, 0)
    largest: Map = np.maximum(np.maximum(red, green), blue)
    return largest


def _ground(inner: Map) -> tuple[Map, float] | None:
    """The background's colour, [3] or at every pixel of `inner` [h, w, 3], and how far from it is
    still background; None if it is not even.

    One colour if the frame around the picture has one; else a plane per channel (constant, slope
    across, slope down), fitted to what is ever nearer to it: studio light falls off, and the
    subject may touch the frame.
    """
    down, across = inner.shape[:2]
    edge = np.zeros((down, across), np.bool_)
    edge[:2] = edge[-2:] = edge[:, :2] = edge[:, -2:] = True
    y, x = np.nonzero(edge)
    frame = inner[y, x]
    plane = np.zeros((3, 3), np.float32)
    plane[0] = np.median(frame, axis=0)
    apart = _apart(frame, plane[0])
    if (apart <= _LEAST_EVEN).mean() < _EVEN_SHARE:
        terms = np.stack((np.ones(len(x)), x / across - 0.5, y / down - 0.5), axis=1).astype(
            np.float32
        )
        # each round fits what the round before called background, ever more strictly
        for tolerance in (2 * _EVEN, _EVEN, _EVEN / 2):
            near = apart <= tolerance
            if near.mean() < _EVEN_SHARE:
                return None
            plane = np.linalg.lstsq(terms[near], frame[near], rcond=None)[0].astype(np.float32)
            apart = _apart(frame, terms @ plane)
    near = apart <= _EVEN
    spread = float(np.sort(apart[near])[int(0.75 * near.sum())]) if near.any() else np.inf
    if near.mean() < _EVEN_SHARE or spread > _MAX_SPREAD:
        return None
    # a noisy ground is even, too: what is near it may be farther away
    tolerance = min(_EVEN, _LEAST_EVEN + 2 * spread)
    if not plane[1:].any():
        return plane[0], tolerance
    slope_across = np.outer(np.arange(across, dtype=np.float32) / across - 0.5, plane[1])
    slope_down = np.outer(np.arange(down, dtype=np.float32) / down - 0.5, plane[2])
    return plane[0] + slope_across[None] + slope_down[:, None], tolerance


def _enclosed(mask: Mask) -> Mask:
    """The mask with what it surrounds on three sides or four: a white thing on white shows its
    outline only.
    """
    sides = (
        np.logical_or.accumulate(mask, axis=0).astype(np.int8)
        + np.logical_or.accumulate(mask[::-1], axis=0)[::-1]
        + np.logical_or.accumulate(mask, axis=1)
        + np.logical_or.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    )
    filled: Mask = mask | (sides >= 3)
    return filled
