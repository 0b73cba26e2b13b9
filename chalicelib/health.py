"""How the background loops of this process are: kept where GET /health, doctor and the log look."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

_SHOWN: Final = 300
"""Characters kept of an error."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A background loop."""

    name: str
    failures: int
    """In a row; 0: its last step went well."""
    since: float
    """Of the last change from well to failing or back, seconds since the epoch."""
    error: str = ""
    """The last one, for the owner: it may name buckets and files, so no stranger is shown it."""


class Health:
    """The loops of one process. All methods may be called from several threads."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._loops: dict[str, Loop] = {}
        self._path: Path | None = None

    def keep(self, path: Path) -> None:
        """From now on every change is also written to `path`, for `read_health` in another process.
        One that cannot be written is passed over.
        """
        with self._lock:
            self._path = path
            self._write()

    def well(self, name: str) -> None:
        """A step of loop `name` went well."""
        with self._lock:
            known = self._loops.get(name)
            if known is None or known.failures:
                self._loops[name] = Loop(name, 0, self._clock())
                self._write()

    def failed(self, name: str, error: str) -> int:
        """A step of loop `name` failed; how many in a row now."""
        with self._lock:
            known = self._loops.get(name) or Loop(name, 0, self._clock())
            since = known.since if known.failures else self._clock()
            self._loops[name] = Loop(name, known.failures + 1, since, error[:_SHOWN])
            self._write()
            return known.failures + 1

    def loops(self) -> list[Loop]:
        """All, by name."""
        with self._lock:
            return sorted(self._loops.values(), key=lambda loop: loop.name)

    def _write(self) -> None:
        """Whole or not at all, for readers in other processes. With the lock held."""
        if self._path is None:
            return
        rows = [asdict(loop) for loop in self._loops.values()]
        text = json.dumps({"pid": os.getpid(), "written": self._clock(), "loops": rows})
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        # A disk that is full must not end the loop that reports it.
        with contextlib.suppress(OSError):
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                part.write_text(text, encoding="utf-8")
                part.replace(self._path)
            finally:
                part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Kept:
    """What another process wrote down of itself."""

    pid: int
    written: float
    """Seconds since the epoch."""
    loops: tuple[Loop, ...]


def read_health(path: Path) -> Kept | None:
    """What the process that keeps its health at `path` said last; None where there is nothing that
    can be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        loops = tuple(Loop(**row) for row in values["loops"])
        return Kept(int(values["pid"]), float(values["written"]), loops)
    except (OSError, ValueError, KeyError, TypeError):
        return None
