"""Real pictures where ../shared/data is, drawn ones where it is not."""

from __future__ import annotations

import csv
from functools import lru_cache

from PIL import Image

from tests.imports.shop import drawn
from tests.shared import SHARED

_SETS = ("clothing", "grocery", "shop_luma", "edited_copies", "cloth_patches", "logos")


@lru_cache(maxsize=1)
def _real() -> tuple[tuple[str, str], ...]:
    found = []
    for name in _SETS:
        labels = SHARED / "data" / name / "labels.csv"
        if labels.exists():
            with labels.open(newline="") as file:
                found += [(name, row["path"]) for row in csv.DictReader(file)]
    return tuple(found)


def catalogue(count: int, *, min_side: int = 100) -> dict[str, bytes]:
    """`count` pictures by name, each with sides from `min_side` to 4096."""
    pictures: dict[str, bytes] = {}
    for name, path in _real():
        if len(pictures) == count:
            break
        file = SHARED / "data" / name / path
        with Image.open(file) as picture:
            if min(picture.size) >= min_side:
                pictures[f"{name}/{path}"] = file.read_bytes()
    for number in range(count - len(pictures)):
        pictures[f"drawn/{number}.jpg"] = drawn(number, side=max(112, min_side))
    return pictures
