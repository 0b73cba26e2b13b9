"""Reading the picture sets of ../shared/data, and bringing a picture to the network's input."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
FILL = (124, 116, 104)
OPEN_SETS = (
    *(
        "abo_sample",
        "caltech_objects",
        "caltech_photos",
        "cloth_patches",
        "clothing",
        "edited_copies",
        "grocery",
        "logos",
    ),
    *("scene_pairs", "shop_devices", "shop_luma", "shop_variants", "tile_patterns"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled picture of a set."""

    set: str
    path: Path
    split: str
    label: str
    category: str
    instance: str
    notes: str

    def note(self, key: str) -> str:
        """Return the value of `key=` in the notes, or an empty string."""
        for part in self.notes.split(";"):
            name, _, value = part.partition("=")
            if name == key:
                return value
        return ""


def rows(name: str, data: Path = DATA) -> list[Row]:
    """Return the labelled pictures of set `name`, in the file's order."""
    folder = data / name
    with (folder / "labels.csv").open(encoding="utf-8") as file:
        return [
            Row(
                name,
                folder / r["path"],
                r["split"],
                r["label"],
                r["category"],
                r["instance"],
                r["notes"],
            )
            for r in csv.DictReader(file)
        ]


def training_rows(name: str) -> list[Row]:
    """Return the rows of a set that may be trained on.

    Raises: ValueError for a set that is not marked open.
    """
    if name not in OPEN_SETS:
        raise ValueError(f"{name} is not marked open: it may only be evaluated on")
    return rows(name)


def read(path: Path) -> Image.Image:
    """Return the picture as RGB on white."""
    with Image.open(path) as image:
        if image.mode in ("P", "LA", "RGBA"):
            rgba = image.convert("RGBA")
            ground = Image.new("RGBA", rgba.size, "white")
            ground.alpha_composite(rgba)
            return ground.convert("RGB")
        return image.convert("RGB")


def letterbox(image: Image.Image, side: int = 224) -> NDArray[np.uint8]:
    """Return the picture scaled to fit a square on the fill colour, uint8 [side, side, 3]."""
    width, height = image.size
    scale = side / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = Image.new("RGB", (side, side), FILL)
    square.paste(
        image.resize(size, Image.Resampling.BICUBIC, reducing_gap=1.4),
        ((side - size[0]) // 2, (side - size[1]) // 2),
    )
    return np.asarray(square)
