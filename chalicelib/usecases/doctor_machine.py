"""What on this machine stands behind imports and housekeeping: its queue, the loops of its server,
its clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chalicelib.errors import StoreUnavailable
from chalicelib.health import Kept, read_health
from chalicelib.storage.folder_queue import Aside, FolderQueue, process_runs
from chalicelib.usecases.doctor import MAX_SKEW_S, Check

HEALTH: Final = "health.json"
"""Where a server on this machine keeps how its loops are, beside its queue."""
_SHOWN: Final = 120
"""Characters of a message."""


def machine_checks(folder: Path, queue: FolderQueue, *, now: float) -> Iterator[Check]:
    """Findings about the machine that keeps `folder` and `queue`. Raises nothing.

    `now`: seconds since the epoch.
    """
    try:
        yield Check("import queue", "ok", f"{queue.pending()} messages wait or are being done")
        for aside in queue.asides():
            yield _aside(aside)
        for path in queue.strays():
            yield Check("import queue", "warn", f"{path} is none of the queue's files: delete it")
    except StoreUnavailable as error:
        yield Check("import queue", "fail", f"{error}")
    kept = read_health(folder / HEALTH)
    if kept is not None:
        yield from _loops(kept, now)


def _aside(aside: Aside) -> Check:
    return Check(
        "import queue",
        "warn",
        f"a message was set aside, for {aside.reason}: {aside.body[:_SHOWN]!r}. Nothing waits for "
        f"it; its job is taken up again by itself. Delete {aside.path} and its .why, or after an "
        "upgrade move it to the folder waiting beside",
    )


def _loops(kept: Kept, now: float) -> Iterator[Check]:
    """The loops of a server that still runs, and whether it wrote that down in the future."""
    if kept.written > now + MAX_SKEW_S:
        yield Check(
            "clock",
            "warn",
            f"this machine's clock was {kept.written - now:.0f} s ahead when the server last wrote "
            "its health, and was set back since: turn time synchronisation on (chrony, ntp)",
        )
    if not process_runs(kept.pid):
        return
    failing = [loop for loop in kept.loops if loop.failures]
    for loop in failing:
        since = time.strftime("%H:%M:%S", time.localtime(loop.since))
        yield Check(
            f"background: {loop.name}",
            "fail",
            f"failed {loop.failures} times in a row since {since}, and is tried again by itself; "
            f"the last time: {loop.error}. The server's log has the details",
        )
    if kept.loops and not failing:
        yield Check("background", "ok", f"{len(kept.loops)} loops of process {kept.pid} are well")
