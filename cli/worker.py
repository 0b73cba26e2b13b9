"""One worker of this machine: takes messages from the queue and does them."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from chalicelib.config import Settings
from chalicelib.errors import OutcomeUnknown, StoreUnavailable, VersionConflict
from chalicelib.jobs.run_task import TRIES
from chalicelib.storage.folder_queue import Delivery, FolderQueue
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import local_queue

_log = logging.getLogger(__name__)

LEASE_S: Final = 900.0
LOOK_S: Final = 0.2
_IDLE_S: Final = 15.0
"""Without work for this long, a worker ends and gives its memory back."""
_LONGEST_PAUSE_S: Final = 60.0
_PASSING: Final = (StoreUnavailable, OutcomeUnknown, VersionConflict)
"""What ends by itself, a full disk too once somebody makes room."""

Build = Callable[[Settings], Deployment]


def run(settings: Settings, build: Build, parent: int) -> None:
    """A worker process: takes messages until it is told to stop, its parent is gone, or there has
    been nothing to do for a while.
    """
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    # Ctrl-C goes to the whole group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    # One thread of the models per process: several workers use several cores better than several
    # threads of one do.
    settings = replace(settings, threads=1)
    queue = local_queue(settings)
    deployment = replace(build(settings), queue=queue)

    def over() -> bool:
        return stopping.is_set() or os.getppid() != parent

    idle_since = time.monotonic()
    while not over():
        if work_one(deployment, queue, over=over):
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since > _IDLE_S:
            return
        else:
            time.sleep(LOOK_S / 2)


def work_one(deployment: Deployment, queue: FolderQueue, *, over: Callable[[], bool]) -> bool:
    """Takes a message and does it; whether there was one. `over` says that time is up: the rest is
    handed on. Raises StoreUnavailable where the queue itself fails.

    A message that fails waits, longer from try to try, and what stands behind it comes first. One
    that would fail for ever is set aside after TRIES deliveries.
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
    except _PASSING as error:
        _log.warning("a message of the import queue waits: %s", error)
        _put_off(queue, delivery)
    except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the worker
        if delivery.receives >= TRIES:
            _log.exception("a message of the import queue is set aside; lookalike doctor names it")
            queue.set_aside(delivery, f"{type(error).__name__}: {error}")
        else:
            _log.exception("a message of the import queue failed and will be delivered again")
            _put_off(queue, delivery)
    else:
        queue.delete(delivery)
    return True


def _put_off(queue: FolderQueue, delivery: Delivery) -> None:
    queue.release(delivery, delay_s=min(_LONGEST_PAUSE_S, 0.5 * 2.0 ** min(delivery.receives, 10)))
