"""From evidence to boxes: the pieces that a subject falls into, and the regions to report. Pure
arrays.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.vision.evidence import GRID, MAP_CELL, Evidence, Map, Mask
from chalicelib.vision.picture import Area, Picture, margins, placed

_MEMBER = 0.3
"""Share of the heaviest piece's weight from which a piece is a subject of its own."""
_PART = 0.05
"""Share from which a piece still belongs to the group, where the evidence is exact: a lamp's foot,
the letters under a symbol.
"""
_AREA_WEIGHT = 0.2
"""What a cell counts beside its saliency."""
_MIN_SIDE = 8
"""Pixels; a smaller box says that nothing was found."""
_NEARLY_ALL = 0.92
"""A box of this share of the picture's area is the picture."""
_MAX_PIECES = 8
"""Subjects reported at most."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A connected part of a mask: cells x1…x2, y1…y2 (exclusive ends), and its weight."""

    x1: int
    y1: int
    x2: int
    y2: int
    weight: float

    def joined(self, other: _Piece) -> _Piece:
        """The smallest piece around both."""
        x1, y1, x2, y2 = (
            min(self.x1, other.x1),
            min(self.y1, other.y1),
            max(self.x2, other.x2),
            max(self.y2, other.y2),
        )
        return _Piece(x1, y1, x2, y2, self.weight + other.weight)

    def scaled(self, step: int) -> _Piece:
        """The piece on a grid that is `step` times as fine."""
        return (
            self
            if step == 1
            else _Piece(
                self.x1 * step,
                self.y1 * step,
                self.x2 * step,
                self.y2 * step,
                self.weight * step * step,
            )
        )

    def within(self, other: _Piece) -> bool:
        """Whether the other's box holds this one's."""
        return (
            other.x1 <= self.x1
            and self.x2 <= other.x2
            and other.y1 <= self.y1
            and self.y2 <= other.y2
        )


def find(picture: Picture, evidence: Evidence, service: Service) -> tuple[Region, ...]:
    """The subjects of a picture, the one to use first: a group before its members, then by weight.

    At least one region; the whole picture where nothing stands out. Two shoes are a group and two
    members, so that a caller may search for either; a trade mark is always one.
    """
    area = margins(picture.width, picture.height, GRID)
    # The map's cells are several of the grid's, all alike.
    step = 1 if evidence.exact else MAP_CELL
    pieces = [
        piece.scaled(step)
        for piece in _pieces(
            evidence.mask[::step, ::step], evidence.weights[::step, ::step] + _AREA_WEIGHT
        )
    ]
    chosen = _chosen(pieces, _PART if evidence.exact else _MEMBER)
    if service is Service.TRADEMARK:
        chosen = chosen[:1]
    regions = [_region(piece, picture, area) for piece in chosen]
    usable = [region for region in regions if min(region.width, region.height) >= _MIN_SIDE]
    return tuple(dict.fromkeys(usable)) or (picture.region,)


def _pieces(mask: Mask, weights: Map) -> list[_Piece]:
    """The 8-connected parts of the mask, heaviest first: runs of each row, united with those they
    touch in the row above.
    """
    sums = np.pad(weights, ((0, 0), (1, 0))).cumsum(axis=1)
    runs: list[_Piece] = []
    parents: list[int] = []

    def root(index: int) -> int:
        while parents[index] != index:
            index = parents[index]
        return index

    changes = np.diff(np.pad(mask, ((0, 0), (1, 1))), axis=1)
    above: list[int] = []
    for y in range(len(mask)):
        edges = np.flatnonzero(changes[y]).tolist()
        current = []
        for x1, x2 in zip(edges[::2], edges[1::2], strict=True):
            index = len(runs)
            runs.append(_Piece(x1, y, x2, y + 1, float(sums[y, x2] - sums[y, x1])))
            parents.append(index)
            for other in above:
                # at most a corner apart: 8-connected
                if runs[other].x1 <= x2 and x1 <= runs[other].x2:
                    parents[root(other)] = index
            current.append(index)
        above = current
    pieces: dict[int, _Piece] = {}
    for index, run in enumerate(runs):
        at = root(index)
        pieces[at] = pieces[at].joined(run) if at in pieces else run
    return sorted(pieces.values(), key=lambda piece: -piece.weight)


def _chosen(pieces: list[_Piece], part: float) -> list[_Piece]:
    """The group of all pieces that count, and its members if it has several; a piece inside another
    is part of that.
    """
    kept = [piece for piece in pieces if piece.weight >= part * pieces[0].weight]
    apart = [piece for piece in kept if not _inside(piece, kept)]
    if not apart:
        return []
    group = functools.reduce(_Piece.joined, apart)
    members = [piece for piece in apart if piece.weight >= _MEMBER * apart[0].weight][:_MAX_PIECES]
    return [group, *members] if len(members) > 1 else [group]


def _inside(piece: _Piece, others: list[_Piece]) -> bool:
    """Whether the piece's box lies within that of another."""
    return any(piece is not other and piece.within(other) for other in others)


def _region(piece: _Piece, picture: Picture, area: Area) -> Region:
    """The piece with some air around it, in the picture's pixels; the whole picture for a piece
    that is nearly all of it.
    """
    region = placed((piece.x1, piece.y1, piece.x2, piece.y2), area, picture.region)
    return (
        picture.region
        if region.width * region.height >= _NEARLY_ALL * picture.width * picture.height
        else region
    )
