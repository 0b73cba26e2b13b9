"""The shipped networks and heads, and the card that describes them (docs/MODELS.md)."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

CARDS = "cards.json"


@dataclass(frozen=True, slots=True)
class File:
    """One shipped file."""

    name: str
    sha256: str
    bytes: int
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the levels vector: numbers start … stop-1 come from one statistic of one block of
    the network.
    """

    name: str
    start: int
    stop: int

    @property
    def level(self) -> str:
        """The block of the network, without the statistic."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Card:
    """What a program must know to use the files."""

    files: dict[str, File]
    side: int
    """The network's input is a square of this many pixels."""
    fill: tuple[int, int, int]
    """The colour around a picture that is not square."""
    parts: dict[str, frozenset[str]]
    """What a pass can be asked for, in the order of the network's input `wanted`, and the levels
    that each is.
    """
    blocks: tuple[Block, ...]
    clip: float
    """Normalised numbers are cut at ± this."""
    dimension: int
    bits: int
    views: dict[str, tuple[str, ...]]
    """Service type → the parts of a picture that its feature is the mean of: "whole", "crop"."""
    levels: dict[str, frozenset[str]]
    """Service type → the levels that its projection reads."""
    category_levels: frozenset[str]
    """The levels that the category head reads."""

    def places(self, levels: frozenset[str]) -> tuple[int, ...]:
        """Where the numbers of some levels lie in the vector, rising."""
        return tuple(
            place
            for block in self.blocks
            if block.level in levels
            for place in range(block.start, block.stop)
        )

    def parts_of(self, levels: frozenset[str]) -> frozenset[str]:
        """The parts of a pass that hold some levels."""
        return frozenset(part for part, held in self.parts.items() if held & levels)

    @property
    def width(self) -> int:
        """Length of the levels vector."""
        return self.blocks[-1].stop


def path(name: str) -> Path:
    """Return where a shipped file lies."""
    return Path(str(resources.files(__name__).joinpath(name)))


@functools.cache
def card() -> Card:
    """Return the card, read once."""
    data: dict[str, Any] = json.loads(path(CARDS).read_text(encoding="utf-8"))
    network, heads = data["network"], data["heads"]
    red, green, blue = network["input"]["fill"]
    return Card(
        files={
            name: File(name, entry["sha256"], entry["bytes"], entry["source"], entry["licence"])
            for name, entry in data["files"].items()
        },
        side=network["input"]["side"],
        fill=(red, green, blue),
        parts={name: frozenset(levels) for name, levels in network["wanted"].items()},
        blocks=tuple(Block(name, start, stop) for name, start, stop in network["blocks"]),
        clip=heads["clip"],
        dimension=heads["dimension"],
        bits=heads["bits"],
        views={name: tuple(entry["views"]) for name, entry in heads["services"].items()},
        levels={name: frozenset(entry["levels"]) for name, entry in heads["services"].items()},
        category_levels=frozenset(heads["category"]["levels"]),
    )


def faults() -> list[str]:
    """Return what is wrong with the shipped files, one line each; empty when all match the card."""
    found = []
    for file in card().files.values():
        where = path(file.name)
        if not where.is_file():
            found.append(f"{file.name} is missing: run `make models`")
        elif hashlib.sha256(where.read_bytes()).hexdigest() != file.sha256:
            found.append(
                f"{file.name} differs from {CARDS}: run `make models`, or restore it from the "
                "repository"
            )
    return found
