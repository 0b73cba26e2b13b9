"""A folder store whose disk can be made full or read-only, and a clock that can be set, by files
beside it: for servers in processes of their own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from chalicelib.storage.files import FileStore

FULL, READ_ONLY, CLOCK = "full", "read-only", "clock"


class TroubledStore(FileStore):
    """While a file `full` or `read-only` lies in `switches`, writes fail as the kernel says it."""

    def __init__(self, root: Path, switches: Path) -> None:
        super().__init__(root)
        self._switches = switches

    @contextlib.contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        for name, number in ((FULL, errno.ENOSPC), (READ_ONLY, errno.EROFS)):
            if (self._switches / name).exists():
                raise OSError(number, os.strerror(number))
        with super()._written(data) as path:
            yield path


def offset_s(switches: Path) -> float:
    """By how much the clock was set, seconds."""
    try:
        return float((switches / CLOCK).read_text() or 0.0)
    except (FileNotFoundError, ValueError):
        return 0.0


def clock(switches: Path) -> float:
    """The clock as it was set."""
    return time.time() + offset_s(switches)
