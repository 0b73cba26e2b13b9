"""Requests per second and collection, as far as one process can know."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from chalicelib.errors import Throttled


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

    def admit(self, collection: str, *, now: float) -> None:
        """Takes a token. Raises Throttled with the time until the next one. `now`: seconds."""
        if not self._rate:
            return
        with self._lock:
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
