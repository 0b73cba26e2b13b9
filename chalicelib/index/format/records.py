"""What a collection holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from chalicelib.attributes import Attributes
from chalicelib.region import Region


class Key(NamedTuple):
    """Identity of a record within its collection."""

    product_id: str
    pic_name: str


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """A feature as the index keeps it."""

    code: npt.NDArray[np.uint8]
    """[bits / 8]: packed binary code, compared by Hamming distance."""
    feature: npt.NDArray[np.int8]
    """[dimension]: quantised direction."""
    scale: float
    """feature × scale is the unit-length float32 direction."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One picture's entry."""

    key: Key
    category_id: int
    region: Region
    attributes: Attributes
    vector: Vector


@dataclass(frozen=True, slots=True)
class Put:
    """Adds a record, or replaces the one of the same key."""

    record: Record
    kind: Literal["put"] = "put"


@dataclass(frozen=True, slots=True)
class Patch:
    """Changes the attributes named in `changes` of an existing record; others stay. Never creates a
    record.
    """

    key: Key
    changes: Attributes
    """Fields that are None are left as they are."""
    kind: Literal["patch"] = "patch"


@dataclass(frozen=True, slots=True)
class Delete:
    """Removes a record; one that is not there is no error."""

    key: Key
    kind: Literal["delete"] = "delete"


Change = Put | Patch | Delete


def quantise(feature: npt.NDArray[np.float32], code: npt.NDArray[np.uint8]) -> Vector:
    """The vector of a unit-length float32 `feature` [dimension] and its packed `code` [bits / 8].

    Symmetric int8 with one scale per vector (max |x| ↦ 127), which keeps recall@10 at 99 % of float
    (docs/MODELS.md).
    """
    peak = float(np.abs(feature).max())
    scale = peak / 127.0 if peak > 0 else 1.0
    return Vector(code=code, feature=np.rint(feature / scale).astype(np.int8), scale=scale)
