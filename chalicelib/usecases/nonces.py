"""Remembers what was used once: strict protection against a request that is sent again by somebody
who overheard it.
"""

from __future__ import annotations

import hashlib
from typing import Final

from chalicelib.errors import AlreadyExists, AuthFault, Unauthenticated
from chalicelib.usecases.deployment import Deployment

PREFIX: Final = "nonces/"
_HOUR_S: Final = 3600


def spend(key_id: str, nonce: str, *, moment: float, deployment: Deployment) -> None:
    """Marks (key id, nonce) as used, create-only, so of two copies at once one fails. Raises
    Unauthenticated(REPLAYED), StorageError.

    Filed under the hour of the signed `moment`, which a copy cannot change, so that old hours can
    be forgotten as a whole.
    """
    name = hashlib.sha256(f"{key_id}\n{nonce}".encode()).hexdigest()
    try:
        deployment.store.create(f"{PREFIX}{int(moment // _HOUR_S):08d}/{name}", b"used")
    except AlreadyExists as error:
        raise Unauthenticated(
            AuthFault.REPLAYED,
            "this request was received before: sign every request anew, with a nonce of its own",
        ) from error


def sweep_nonces(deployment: Deployment) -> int:
    """Forgets what no time window reaches any more (two hours); how many."""
    oldest = f"{PREFIX}{int(deployment.clock() // _HOUR_S) - 2:08d}/"
    stale = []
    for stat in deployment.store.list(PREFIX):
        if stat.key >= oldest:
            break
        stale.append(stat.key)
    deployment.store.delete_many(stale)
    return len(stale)
