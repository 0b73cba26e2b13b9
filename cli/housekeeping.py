"""What schedules and queues do on AWS, a local server does itself: compaction, sweeping, garbage
collection, and the work of imports.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from chalicelib.usecases.deployment import Deployment
from cli.supervised import Supervised

if TYPE_CHECKING:
    from cli.worker import Build

COMPACT_S: Final = 30.0
COLLECT_S: Final = 3600.0


class Housekeeping:
    """A context: what it does begins with it, in the background, and ends with it. Killed at any
    moment, nothing is lost. One thing that fails holds up none of the others.
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        compact_s: float = COMPACT_S,
        collect_s: float = COLLECT_S,
        build: Build | None = None,
    ) -> None:
        """`build` makes the deployment of workers (cli/workers.py); None: as wiring does."""
        self._deployment = deployment
        self._build = build
        self._ended = threading.Event()
        self._workers = ExitStack()
        self._loops = [
            Supervised(
                name,
                self._chore(step),
                every_s=every_s,
                health=deployment.health,
                ended=self._ended,
            )
            for name, step, every_s in _chores(compact_s, collect_s)
        ]

    def _chore(self, step: Callable[[Deployment], object]) -> Callable[[], object]:
        return lambda: step(self._deployment)

    def __enter__(self) -> Self:
        """Begins."""
        from chalicelib.usecases.doctor_machine import HEALTH
        from chalicelib.wiring import build_deployment, local_folder
        from cli.workers import ImportWorkers

        settings = self._deployment.settings
        self._deployment.health.keep(local_folder(settings) / HEALTH)
        # Where a queue of SQS is set, Lambda does its work; else nobody but this machine does,
        # wherever the store is.
        if self.works:
            self._workers.enter_context(
                ImportWorkers(
                    settings,
                    build=self._build or build_deployment,
                    deployment=self._deployment,
                )
            )
        for loop in self._loops:
            loop.start()
        return self

    @property
    def works(self) -> bool:
        """Whether imports and exports are done by this process and its workers."""
        return not self._deployment.settings.queue

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends; steps under way are finished."""
        self._ended.set()
        self._workers.close()
        for loop in self._loops:
            loop.join()


def _chores(
    compact_s: float, collect_s: float
) -> list[tuple[str, Callable[[Deployment], object], float]]:
    """Name, what is done, and every so many seconds."""
    from chalicelib.gateway.import_events import sweep
    from chalicelib.usecases.maintain import collect_all, compact_all
    from chalicelib.usecases.nonces import sweep_nonces
    from chalicelib.usecases.uploads import sweep_uploads

    return [
        ("compaction", compact_all, compact_s),
        ("uploads", sweep_uploads, compact_s),
        ("nonces", sweep_nonces, collect_s),
        ("garbage", collect_all, collect_s),
        ("ended jobs", sweep, collect_s),
    ]
