"""Worker processes for imports and exports on this machine; on AWS, Lambda runs the same code from
SQS.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Final, Self

from chalicelib.config import Settings
from chalicelib.errors import LookalikeError
from chalicelib.storage.queue import FolderQueue
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import build_deployment, local_queue

_log = logging.getLogger(__name__)

LEASE_S: Final = 900.0
_LOOK_S: Final = 0.2
_IDLE_S: Final = 15.0
"""Without work for this long, a worker ends and gives its memory back."""
_RECOVER_S: Final = 300.0
_FEW: Final = 2
"""Messages that are not worth a process: a start costs a second or two of CPU, a message of 32
pictures about one.
"""
_PATIENCE_S: Final = 20.0
"""For a worker to finish the pictures in its hands when it is told to stop."""

Build = Callable[[Settings], Deployment]


class ImportWorkers:
    """A context in which worker processes take what comes into this machine's queue. They start
    with the first message, not before.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        count: int | None = None,
        build: Build = build_deployment,
        deployment: Deployment | None = None,
    ) -> None:
        """`build` makes the deployment of each worker; it is called there, so it must be a function
        of a module.

        `deployment`, where this process has its models loaded anyway, does what is too little to
        start a process for.
        """
        self._deployment = deployment
        self._settings = settings
        self._count = count or max(1, settings.import_workers)
        self._build = build
        self._queue = local_queue(settings)
        self._ended = threading.Event()
        self._spawn = multiprocessing.get_context("spawn")
        self._processes: list[BaseProcess] = []
        self._thread = threading.Thread(target=self._supervise, name="import workers", daemon=True)

    def __enter__(self) -> Self:
        """Begins to watch the queue."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Lets the workers finish the pictures in their hands; what they have not begun stays in
        the queue.
        """
        self._ended.set()
        self._thread.join()
        for process in self._processes:
            process.terminate()
        until = time.monotonic() + _PATIENCE_S
        for process in self._processes:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    @property
    def pids(self) -> list[int]:
        """Of the workers that run now."""
        return [process.pid for process in self._processes if process.pid and process.is_alive()]

    def _supervise(self) -> None:
        recovered = time.monotonic()
        while not self._ended.wait(_LOOK_S):
            self._processes = [process for process in self._processes if process.is_alive()]
            pending = self._queue.pending()
            if self._deployment and not self._processes and 0 < pending <= _FEW:
                while (
                    work_one(self._deployment, self._queue, over=self._ended.is_set)
                    and self._queue.pending() <= _FEW
                ):
                    pass
                continue
            wanted = min(self._count, pending)
            while len(self._processes) < wanted and self._queue.due():
                process = self._spawn.Process(
                    target=run, args=(self._settings, self._build, os.getpid()), daemon=True
                )
                process.start()
                self._processes.append(process)
            if time.monotonic() - recovered > _RECOVER_S:
                recovered = time.monotonic()
                self._recover()

    def _recover(self) -> None:
        from chalicelib.gateway.import_events import on_schedule

        try:
            on_schedule(replace(self._build(self._settings), queue=self._queue))
        except LookalikeError:
            _log.exception(
                "looking after unfinished jobs failed; it is tried again in %d s", _RECOVER_S
            )


def run(settings: Settings, build: Build, parent: int) -> None:
    """A worker process: takes messages until it is told to stop, its parent is gone, or there has
    been nothing to do for a while.
    """
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C goes to the whole group; the parent decides
    # One thread of the models per process: several workers use several cores better than several
    # threads of one do.
    settings = replace(settings, threads=1)
    queue = local_queue(settings)
    deployment = replace(build(settings), queue=queue)
    idle_since = time.monotonic()
    while not stopping.is_set() and os.getppid() == parent:
        if work_one(deployment, queue, over=lambda: stopping.is_set() or os.getppid() != parent):
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > _IDLE_S:
            return
        else:
            time.sleep(_LOOK_S / 2)


def work_one(deployment: Deployment, queue: FolderQueue, *, over: Callable[[], bool]) -> bool:
    """Takes a message and does it; whether there was one. `over` says that time is up: the rest is
    handed on.
    """
    from chalicelib.gateway.import_events import on_message

    delivery = queue.receive(lease_s=LEASE_S)
    if delivery is None:
        return False
    until = time.monotonic() + LEASE_S

    def remaining_s() -> float:
        return 0.0 if over() else until - time.monotonic()

    try:
        on_message(delivery.body, deployment, remaining_s=remaining_s, receives=delivery.receives)
    except LookalikeError:
        _log.exception("a message of the import queue failed and will be delivered again")
        queue.release(delivery)
        time.sleep(1.0)
    else:
        queue.delete(delivery)
    return True
