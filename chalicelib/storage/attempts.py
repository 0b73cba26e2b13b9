"""One policy for everything that is tried again: a few times, after pauses that grow and are never
the same, and not for long.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from typing import Final

from chalicelib.errors import AlreadyExists, ObjectMissing, OutcomeUnknown, StoreUnavailable
from chalicelib.storage.object_store import ObjectStore

ATTEMPTS: Final = 4
CONTENDED: Final = 12
"""Where others may win a compare-and-swap: each loss means that somebody got on."""
_FIRST_S: Final = 0.1
_CONTENDED_S: Final = 0.02
_LONGEST_S: Final = 2.0
_WITHIN_S: Final = 20.0
"""API Gateway's callers leave after 29 s; nothing is begun for those who have left."""


def attempts(
    count: int = ATTEMPTS,
    *,
    first_s: float = _FIRST_S,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[int]:
    """0, 1 … `count` - 1, with a pause before each but the first: a random part of `first_s`
    seconds, of twice that and so on, at most of 2 (full jitter: AWS Architecture Blog, "Exponential
    Backoff And Jitter", 2015). None begins later than 20 s after the first.
    """
    end = clock() + _WITHIN_S
    for number in range(count):
        if number:
            pause_s = min(_LONGEST_S, first_s * 2.0 ** (number - 1))
            sleep(random.random() * pause_s)  # noqa: S311  # spreading retries, no secret
            if clock() > end:
                return
        yield number


def tries(what: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """As `attempts`, for changing `what` by compare-and-swap while others do. Raises OutcomeUnknown
    instead of a thirteenth.
    """
    yield from attempts(CONTENDED, first_s=_CONTENDED_S, sleep=sleep)
    raise OutcomeUnknown(
        f"{what} could not be written for sure in {CONTENDED} tries; it may be there: look, and "
        "repeat later"
    )


@contextlib.contextmanager
def written_before() -> Iterator[None]:
    """Inside, a store that does not answer no longer means that nothing was written:
    StoreUnavailable becomes OutcomeUnknown.
    """
    try:
        yield
    except StoreUnavailable as error:
        raise OutcomeUnknown(
            f"it was written or may have been, and then the store did not answer: {error}"
        ) from error


def create_settled(store: ObjectStore, key: str, data: bytes) -> None:
    """Creates an object; a lost answer is asked for again.

    Raises AlreadyExists (what is there may be what an earlier attempt of this call wrote),
    OutcomeUnknown, StoreUnavailable: nothing was written.
    """
    unknown: OutcomeUnknown | None = None
    for _ in attempts():
        try:
            if unknown is None:
                store.create(key, data)
            else:
                with written_before():
                    store.create(key, data)
        except OutcomeUnknown as error:
            unknown = error
        else:
            return
    raise unknown or StoreUnavailable(f"there was no time to write {key}; nothing was written")


def create_once(store: ObjectStore, key: str, data: bytes) -> None:
    """Creates an object; the same bytes a second time are no error, whoever wrote them.

    Raises AlreadyExists for other bytes, OutcomeUnknown, StoreUnavailable: nothing was written.
    """
    try:
        create_settled(store, key, data)
    except AlreadyExists:
        try:
            with written_before():
                found = store.get(key).data
        except ObjectMissing:  # it was removed since
            create_once(store, key, data)
            return
        if found != data:
            raise
