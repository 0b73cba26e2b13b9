"""How many records a collection may hold."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

from chalicelib.errors import OverCapacity
from chalicelib.index.collection import Collection
from chalicelib.usecases.deployment import Deployment

_NEAR: Final = 1000
"""Records below the limit from which every add looks at the collection itself."""
_FRESH_S: Final = 60.0
"""Seconds for which a count is good enough further away."""


@dataclass(slots=True)
class _Count:
    looked: float
    records: int


_counts: WeakKeyDictionary[Collection, _Count] = WeakKeyDictionary()
_lock = threading.Lock()


def claim(collection: Collection, records: int, deployment: Deployment) -> None:
    """Raises OverCapacity if `records` more would not fit.

    An add costs one write and must not cost a listing too, so far from the limit a count up to a
    minute old plus what this process added since decides. Near it the collection is read, and
    replacing a record may be refused: a full collection takes nothing.
    """
    limit = deployment.settings.capacity_records
    with _lock:
        count = _counts.get(collection)
        if (
            count is None
            or deployment.clock() - count.looked > _FRESH_S
            or count.records + records > limit - _NEAR
        ):
            count = _Count(deployment.clock(), len(collection.snapshot()))
            _counts[collection] = count
        if count.records + records > limit:
            raise OverCapacity(
                f"collection {collection.info.name} holds {count.records} of {limit} records; "
                "delete some or raise the limit"
            )
        count.records += records
