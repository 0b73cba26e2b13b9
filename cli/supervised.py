"""Background threads that nothing ends: what a step raises is logged, seen in the health of the
process, and followed by another try after a growing pause.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Final

from chalicelib.health import Health

_log = logging.getLogger(__name__)

LONGEST_S: Final = 300.0
"""Of the pauses after failures."""


class Supervised:
    """One loop in a thread of its own."""

    def __init__(
        self,
        name: str,
        step: Callable[[], object],
        *,
        every_s: float,
        health: Health,
        ended: threading.Event,
    ) -> None:
        """`step` is done every `every_s` seconds, for the first time after them, until `ended` is
        set.
        """
        self._name, self._step, self._every_s = name, step, every_s
        self._health, self._ended = health, ended
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begins; returns at once."""
        self._thread.start()

    def join(self) -> None:
        """Waits for the step under way. Set `ended` before."""
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        pause_s = self._every_s
        while not self._ended.wait(pause_s):
            try:
                self._step()
            # nothing may end the loop, SystemExit of a library neither
            except BaseException as error:  # noqa: BLE001
                pause_s = self._after(error)
            else:
                self._health.well(self._name)
                pause_s = self._every_s

    def _after(self, error: BaseException) -> float:
        """Writes the failure down; seconds until the next try: they double from failure to failure,
        half of them by chance, so that loops which failed together do not come back together.
        """
        failures = self._health.failed(self._name, f"{type(error).__name__}: {error}")
        longest = max(self._every_s, min(LONGEST_S, max(self._every_s, 0.5) * 2.0**failures))
        pause_s = max(self._every_s, longest * random.uniform(0.5, 1.0))  # noqa: S311  # no secret
        _log.warning(
            "%s failed %d times in a row, tried again in %.0f s",
            self._name,
            failures,
            pause_s,
            exc_info=error,
        )
        return pause_s
