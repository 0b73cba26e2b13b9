"""What schedules and queues do on AWS, a local server does itself: compaction, sweeping, garbage
collection, and the work of imports.
"""

from __future__ import annotations

import logging
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from chalicelib.errors import LookalikeError
from chalicelib.usecases.deployment import Deployment

_log = logging.getLogger(__name__)

COMPACT_S: Final = 30.0
COLLECT_S: Final = 3600.0


class Housekeeping:
    """A context: what it does begins with it, in the background, and ends with it. Killed at any
    moment, nothing is lost.
    """

    def __init__(
        self, deployment: Deployment, *, compact_s: float = COMPACT_S, collect_s: float = COLLECT_S
    ) -> None:
        self._deployment = deployment
        self._compact_s, self._collect_s = compact_s, collect_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="housekeeping", daemon=True)
        self._workers = ExitStack()

    def __enter__(self) -> Self:
        """Begins."""
        if not self._deployment.settings.store.startswith("s3://"):
            from cli.workers import ImportWorkers

            self._workers.enter_context(
                ImportWorkers(self._deployment.settings, deployment=self._deployment)
            )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends; a step under way is finished."""
        self._ended.set()
        self._workers.close()
        self._thread.join()

    def _keep(self) -> None:
        since_collected = 0.0
        while not self._ended.wait(self._compact_s):
            self._step(collect=since_collected >= self._collect_s)
            since_collected = (
                0.0 if since_collected >= self._collect_s else since_collected + self._compact_s
            )

    def _step(self, *, collect: bool) -> None:
        from chalicelib.usecases.maintain import collect_all, compact_all
        from chalicelib.usecases.nonces import sweep_nonces
        from chalicelib.usecases.uploads import sweep_uploads

        try:
            compact_all(self._deployment)
            sweep_uploads(self._deployment)
            if collect:
                sweep_nonces(self._deployment)
                collect_all(self._deployment)
        except (
            LookalikeError
        ) as error:  # the next round tries again; searches and adds do not depend on it
            _log.warning("housekeeping: %s", error)
