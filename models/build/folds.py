"""Cross-validation by instance: what is measured was fitted to other products, brands, cloths and
originals.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from models.build.pictures import Row

FOLDS = 5
NONE = -1
"""A fold that no picture is in: fitting on everything, as what ships."""


def key(row: Row) -> str:
    """Return what must not be split: the garment in all its colours, the product, brand, cloth or
    original, else the picture.
    """
    if row.set == "shop_luma":
        return "luma-" + (row.note("product") or row.instance)
    if row.set == "edited_copies":
        return row.instance
    return (
        f"{row.set}-{row.instance}"
        if row.instance
        else f"{row.set}/{row.path.parent.name}/{row.path.name}"
    )


def folds(rows: list[Row]) -> NDArray[np.int64]:
    """Return the fold of each row, int64 [n]."""
    return np.array([zlib.crc32(key(row).encode()) % FOLDS for row in rows], np.int64)
