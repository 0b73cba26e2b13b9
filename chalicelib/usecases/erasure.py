"""The promise to erase: when what is left of deleted records must be rewritten, and what is overdue
(docs/adr/0019).
"""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.index.write.erase import Remnant
from chalicelib.usecases.deployment import Deployment

_DAY_S = 86_400


def promise_s(deployment: Deployment) -> float:
    """Seconds from a deletion until nothing of it is left in the store."""
    settings = deployment.settings
    return max(settings.erase_after_days * _DAY_S, 3 * settings.grace_s)


def rewrite_before(deployment: Deployment) -> float:
    """What was deleted before this time, seconds, is rewritten now. Two grace periods are left
    then: for readers and compactors of what was replaced, and for the collector to come by.
    """
    return deployment.clock() - promise_s(deployment) + 2 * deployment.settings.grace_s


def overdue(deployment: Deployment, remnants: Iterable[Remnant]) -> list[Remnant]:
    """Those that should be gone. What a version before 0.2 deleted has no known date and is
    rewritten at once, so it is not counted.
    """
    before = deployment.clock() - promise_s(deployment)
    return [remnant for remnant in remnants if 0 < remnant.since < before]
