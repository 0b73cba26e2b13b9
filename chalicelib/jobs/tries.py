"""How often a write is tried whose answer was lost or that others were faster at."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Final

from chalicelib.errors import StoreUnavailable

TRIES: Final = 8
_PAUSE_S: Final = 0.01


def tries(what: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Numbers of tries, from 0: with full jitter, up to 0.02, 0.04 … 1.28 seconds apart, two and a
    half in all.

    Raises StoreUnavailable instead of a ninth: nobody waits for more, and where a whole store fails
    everybody's tries are part of its trouble.
    """
    for number in range(TRIES):
        if number:
            sleep(random.random() * _PAUSE_S * 2.0**number)  # noqa: S311  # spreading, no secret
        yield number
    raise StoreUnavailable(
        f"{what} could not be written for sure in {TRIES} tries; it may be there: look, and repeat "
        "later"
    )
