"""Schedules and calls from within the deployment: no caller to authenticate, one log line each."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from chalicelib.gateway import log
from chalicelib.trace import note, stage

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment

Json = dict[str, object]


RESERVE_S: Final = 600.0
"""Of the 900 s that the function may run: a merge or a graph that was begun before must end in it
(a graph: 90 s, index/write/graphs.py).
"""


def compact(deployment: Deployment, context: Any) -> None:
    """Every minute: compacts each collection whose log is long or old. Raises StorageError after
    trying all of them.

    `context` is Lambda's; no merge or graph is begun in the last RESERVE_S of the function's time.
    """
    from chalicelib.usecases.maintain import compact_all

    with log.line(_id(), action="compact") as entry, stage("compact"):
        reports = compact_all(
            deployment,
            until=deployment.clock() + context.get_remaining_time_in_millis() / 1000 - RESERVE_S,
        )
        note("collections", len(reports))
        note("log_objects", max((report.log_objects for report in reports), default=0))
        note("oldest_log_s", max((report.oldest_log_s for report in reports), default=0.0))
        note("overdue_deletions", sum(report.overdue for report in reports))
        note("segments", sum(report.segments for report in reports))
        entry.outcome(200, "ok")


def collect(deployment: Deployment) -> None:
    """Every few hours: removes what nothing refers to any more. Raises StorageError after trying
    all of them.
    """
    from chalicelib.usecases.maintain import collect_all

    with log.line(_id(), action="collect") as entry, stage("collect"):
        reports = collect_all(deployment)
        note("collections", len(reports))
        note("garbage", sum(report.removed for report in reports))
        entry.outcome(200, "ok")


def search_part(event: Json, deployment: Deployment) -> Json:
    """One part of a fanned-out search; called by the API's function only. Raises whatever goes
    wrong: the caller tries once more.
    """
    from chalicelib.usecases.fan_out import answer_part

    with log.line(_id(), action="search_part") as entry, stage("search"):
        answer: Json = json.loads(answer_part(json.dumps(event).encode(), deployment))
        entry.outcome(200, "ok")
        return answer


def _id() -> str:
    return uuid.uuid4().hex
