"""What a network does to requests and their answers, by a seeded plan."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Final

REFUSALS: Final = {
    "slow down": (503, "SlowDown"),
    "too many": (429, "TooManyRequests"),
    "internal": (500, "InternalError"),
    "conflict": (409, "ConditionalRequestConflict"),
}
"""Answered in the store's place, nothing done: status and code."""
_ANY: Final = ("slow down", "too many", "internal", "reset", "gateway", "internal after", "lost")
_ANY_SLOW: Final = ("delay", "duplicate", "empty", "silent")
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "GET": (*_ANY, *_ANY_SLOW, "emptied", "cut", "flip"),
    "LIST": (*_ANY, *_ANY_SLOW, "emptied", "cut", "cut xml"),
    "PUT": (*_ANY, *_ANY_SLOW, "conflict", "late", "lost, then busy"),
    "DELETE": (*_ANY, *_ANY_SLOW, "late"),
    "POST": (*_ANY, *_ANY_SLOW, "cut", "cut xml"),
}
"""By what is asked.

reset: the connection is closed, nothing was done · gateway, internal after, lost: it was done, and
503, 500 or nothing comes back · lost, then busy: likewise, and then the key is refused for a while
· delay · duplicate: done twice, the second answer comes back · late: done again some time later ·
empty: 200 with nothing, whether or not it was done · emptied: the true headers without the body ·
cut: the connection ends in the body · cut xml: half a body that says it is whole · flip: one wrong
byte · silent: done, and nothing happens until the client gives up.
"""
_SPOILT_AGAIN_S: Final = 5.0
"""Wrong bytes come once: the same object is not spoilt again before."""


@dataclass
class Plan:
    """Decides by the number of a request. May be used from several threads."""

    seed: int
    rate: float
    """Share of requests that something happens to."""
    kinds: frozenset[str] = frozenset()
    """Only these; empty: all."""
    verbs: frozenset[str] = frozenset()
    """Only to these; empty: to all."""
    silence_s: float = 1.2
    """Longer than the client waits."""
    _spoilt: dict[str, float] = field(default_factory=dict)
    _busy: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fate(self, number: int, verb: str, path: str) -> str:
        """What happens to request `number`; "" for nothing."""
        rng = self.rng(number)
        with self._lock:
            if self._busy.get(path):
                self._busy[path] -= 1
                return "slow down"
            possible = self._possible(verb)
            if rng.random() >= self.rate or not possible:
                return ""
            kind = rng.choice(possible)
            if kind == "silent" and rng.random() < 0.8:
                return "delay"  # a second of nothing is dear
            if kind == "lost, then busy":
                self._busy[path] = rng.randrange(30)
            return "" if self._spoilt_lately(verb, path, kind) else kind

    def _possible(self, verb: str) -> list[str]:
        """What may happen to a request of this verb."""
        if self.verbs and verb not in self.verbs:
            return []
        return [kind for kind in KINDS[verb] if not self.kinds or kind in self.kinds]

    def _spoilt_lately(self, verb: str, path: str, kind: str) -> bool:
        """Whether what is read of `path` was spoilt a moment ago; else notes that it is now."""
        if verb != "GET" or kind not in {"flip", "emptied", "empty"}:
            return False
        if time.monotonic() - self._spoilt.get(path, -1e9) < _SPOILT_AGAIN_S:
            return True
        self._spoilt[path] = time.monotonic()
        return False

    def rng(self, number: int) -> random.Random:
        """Chance for request `number`."""
        return random.Random(self.seed * 1_000_003 + number)

    def heal(self) -> None:
        """From now on nothing happens to anybody."""
        with self._lock:
            self.rate = 0.0
            self._busy.clear()
