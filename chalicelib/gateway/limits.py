"""Requests per second and collection, as far as one process can know."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from chalicelib.errors import Throttled

_MOST: Final = 1000
"""Collections remembered before those at rest are forgotten."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float


class Limiter:
    """A token bucket per collection: `rate` a second, as many at once. Across processes, API
    Gateway's usage plan is the limit.
    """

    def __init__(self, rate: int) -> None:
        """`rate` 0: no limit."""
        self._rate = rate
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def _forget_full(self, now: float) -> None:
        """Forgets buckets that are full again, which is how a new one begins: names that nobody
        uses any more, or that there never were.
        """
        full_after_s = 1.0  # `rate` tokens at `rate` a second
        self._buckets = {
            name: bucket
            for name, bucket in self._buckets.items()
            if now - bucket.filled < full_after_s
        }

    def admit(self, collection: str, *, now: float) -> None:
        """Takes a token. Raises Throttled with the time until the next one. `now`: seconds."""
        if not self._rate:
            return
        with self._lock:
            if len(self._buckets) >= _MOST:
                self._forget_full(now)
            bucket = self._buckets.setdefault(collection, _Bucket(float(self._rate), now))
            bucket.tokens = min(
                float(self._rate), bucket.tokens + max(0.0, now - bucket.filled) * self._rate
            )
            bucket.filled = now
            if bucket.tokens < 1.0:
                wait_ms = int((1.0 - bucket.tokens) / self._rate * 1000) + 1
                raise Throttled(
                    f"collection {collection} takes {self._rate} requests a second; repeat in "
                    f"{wait_ms} ms",
                    retry_after_ms=wait_ms,
                )
            bucket.tokens -= 1.0
