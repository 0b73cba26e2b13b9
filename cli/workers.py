"""Imports and exports of this machine: worker processes that start with the work and end after it;
on AWS, Lambda runs the same code from SQS.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from dataclasses import replace
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Final, Self

from chalicelib.config import Settings
from chalicelib.health import Health
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import build_deployment, local_queue
from cli.supervised import Supervised
from cli.worker import LOOK_S, Build, run, work_one

_RECOVER_S: Final = 300.0
_FEW: Final = 2
"""Messages that are not worth a process: a start costs a second or two of CPU, a message of 32
pictures about one.
"""
_LONG_S: Final = 5.0
"""What takes longer is no little work: others do not wait for it."""
_PATIENCE_S: Final = 20.0
"""For a worker to finish the pictures in its hands when it is told to stop."""
_DEATH_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 60.0

PROCESSES: Final = "worker processes"
"""Their name in the health of this process."""


class ImportWorkers:
    """A context in which worker processes take what comes into this machine's queue. They start
    with the first message, not before; one that dies is followed by another, after a pause that
    grows with every death in a row.
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
        self._settings = settings
        self._count = count or max(1, settings.import_workers)
        self._build = build
        self._queue = local_queue(settings)
        self._deployment = replace(deployment, queue=self._queue) if deployment else None
        self._ended = threading.Event()
        self._spawn = multiprocessing.get_context("spawn")
        self._processes: list[BaseProcess] = []
        self._deaths = 0
        self._not_before = 0.0
        """No process starts earlier, by the monotonic clock."""
        self._busy_since: float | None = None
        """When this process itself began a message, by the monotonic clock."""
        self._health = deployment.health if deployment else Health()
        steps = [
            ("import workers", self._look, LOOK_S),
            ("unfinished jobs", self._recover, _RECOVER_S),
        ]
        if self._deployment:
            steps.append(("small imports", self._do_few, LOOK_S))
        self._loops = [
            Supervised(name, step, every_s=every_s, health=self._health, ended=self._ended)
            for name, step, every_s in steps
        ]

    def __enter__(self) -> Self:
        """Begins to watch the queue."""
        for loop in self._loops:
            loop.start()
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
        for loop in self._loops:
            loop.join()
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

    def _look(self) -> None:
        """Starts processes for what waits, unless it is little enough to be done here."""
        self._bury()
        pending = self._queue.pending()
        if self._little(pending) and not self._stuck():
            return
        wanted = min(self._count, pending)
        while len(self._processes) < wanted and self._queue.due():
            if time.monotonic() < self._not_before:
                return
            process = self._spawn.Process(
                target=run, args=(self._settings, self._build, os.getpid()), daemon=True
            )
            process.start()
            self._processes.append(process)

    def _bury(self) -> None:
        """Takes note of processes that have ended."""
        for process in self._processes:
            if process.is_alive():
                continue
            if process.exitcode == 0:
                self._deaths = 0
                self._health.well(PROCESSES)
                continue
            self._deaths += 1
            pause_s = min(_LONGEST_PAUSE_S, _DEATH_PAUSE_S * 2.0 ** (self._deaths - 1))
            self._not_before = time.monotonic() + pause_s
            self._health.failed(PROCESSES, f"a worker process ended with {process.exitcode}")
        self._processes = [process for process in self._processes if process.is_alive()]

    def _little(self, pending: int) -> bool:
        """Whether this process does what waits. What was delivered before may have killed whoever
        had it: that is for a process of its own.
        """
        return bool(
            self._deployment and not self._processes and pending <= _FEW and self._queue.fresh()
        )

    def _stuck(self) -> bool:
        since = self._busy_since
        return since is not None and time.monotonic() - since > _LONG_S

    def _do_few(self) -> None:
        """Does little work without a process."""
        assert self._deployment is not None  # noqa: S101  # the loop is not made without it
        while (
            not self._ended.is_set() and self._queue.due() and self._little(self._queue.pending())
        ):
            self._busy_since = time.monotonic()
            try:
                work_one(self._deployment, self._queue, over=self._ended.is_set)
            finally:
                self._busy_since = None

    def _recover(self) -> None:
        """Hands out again what jobs have lost; forgets messages set aside long ago."""
        from chalicelib.gateway.import_events import on_schedule
        from chalicelib.usecases.erasure import promise_s

        deployment = self._deployment or replace(self._build(self._settings), queue=self._queue)
        self._queue.forget_asides(before=deployment.clock() - promise_s(deployment))
        on_schedule(deployment)
