"""What every generation of a process shares."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from chalicelib.index.read.cache import Cache
from chalicelib.storage.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class Tools:
    """The store, and what is injected so that tests decide it."""

    store: ObjectStore
    cache: Cache
    clock: Callable[[], float]
    """Seconds since the epoch."""
    new_id: Callable[[], str]
    """Hex text that nobody else will make."""
    pool: Callable[[], ThreadPoolExecutor]
    """For reading several objects at once."""
    tasks: Callable[[], ThreadPoolExecutor]
    """For searching several segments at once, whose reads wait for each other."""
    grace_s: float
    """How long what nobody needs is kept; longer than any request or retry lasts."""
