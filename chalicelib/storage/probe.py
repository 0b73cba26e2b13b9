"""Finds out whether a store keeps its conditions. Some S3-compatible gateways answer 200 to a write
that must fail, check first and write afterwards, or list in an order of their own, and lose data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Final, Protocol, runtime_checkable

from chalicelib.errors import (
    AlreadyExists,
    ObjectMissing,
    OutcomeUnknown,
    ShortObject,
    StorageError,
    StoreUnavailable,
    StoreUnfit,
    VersionConflict,
)
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.s3_answers import Malformed

_FIRST, _SECOND, _THIRD = b"first", b"second", b"third"
_RACERS: Final = 8
_ROUNDS: Final = 4
"""Of each race. A store that checks and then writes lets several win in most of them."""
_NAMES: Final = ("A", "Z.z", "a-b", "a.b", "a/b", "a/c", "a0", "aB", "ab", "b", "b~", "c", "z")
"""In the order of ASCII, which is no other order that servers have."""
_PAGE: Final = 5


@runtime_checkable
class Paged(Protocol):
    """A store that lists page by page."""

    def pages_of(self, count: int) -> ObjectStore:
        """The same store, with pages of `count` keys."""
        ...


def probe(store: ObjectStore, name: str, *, new_id: Callable[[], str]) -> None:
    """Tries every promise that the index relies on, on objects of its own, and removes them. `name`
    is what people call the store. About a hundred requests.

    Raises StoreUnfit saying which store it is and what it did, StorageError where it cannot be used
    at all.
    """
    folder = f"probe/{new_id()}"
    try:
        with _broken_answers():
            try:
                _conditions(store, f"{folder}/conditions")
                _ranges(store, f"{folder}/conditions")
                _races(store, f"{folder}/race")
                _order(store, f"{folder}/order/")
            finally:
                _clear(store, folder)
    except StoreUnfit as error:
        raise StoreUnfit(f"the store {name} is not fit for a collection: {error}") from None


@contextmanager
def _broken_answers() -> Iterator[None]:
    """Inside, an answer that keeps lacking what the protocol promises is a verdict, unlike one that
    does not come.
    """
    try:
        yield
    except (StoreUnavailable, OutcomeUnknown) as error:
        if isinstance(error.__cause__, Malformed):
            raise StoreUnfit(f"an answer of it cannot be relied on: {error.__cause__}") from None
        raise


def _conditions(store: ObjectStore, key: str) -> None:
    """Writes with conditions that hold and that do not, one after the other."""
    version = store.create(key, _FIRST)
    if key not in _listed(store, "probe/"):
        raise StoreUnfit(
            f"it does not list {key} right after it was written: searches would miss new records"
        )
    try:
        store.create(key, _SECOND)
    except AlreadyExists:
        _expect(store, key, _FIRST, "a refused write with If-None-Match: *")
    else:
        raise StoreUnfit(
            f"it answered success to a second write of {key} with If-None-Match: *, which must "
            "fail with 412"
        )
    try:
        newer = store.replace(key, _SECOND, version=version)
    except VersionConflict:
        raise StoreUnfit(_refused_its_own(store, key, version)) from None
    try:
        store.replace(key, _THIRD, version=version)
    except VersionConflict:
        _expect(store, key, _SECOND, "a refused write with If-Match")
    else:
        raise StoreUnfit(
            f"it answered success to a write of {key} with an If-Match of the past ({version}), "
            "which must fail with 412"
        )
    if store.get_if_changed(key, version=newer) is not None:
        raise StoreUnfit(
            f"it sent {key} again although If-None-Match named its version ({newer}), which must "
            "be answered with 304"
        )
    if store.get_if_changed(key, version=version) is None:
        raise StoreUnfit(
            f"it answered 304 for {key}, which had changed since the version that If-None-Match "
            f"named ({version}): readers would stay in the past"
        )


def _refused_its_own(store: ObjectStore, key: str, version: str) -> str:
    """What to say of a store that refuses an If-Match which must hold. Ceph RGW 16 compares the
    ETag without its quotation marks, so the header as the standard writes it (RFC 9110, 13.1.1)
    never holds there.
    """
    words = f"it refused to replace {key} with the If-Match that it gave itself ({version})"
    bare = version.strip('"')
    if bare != version:
        try:
            store.replace(key, _SECOND, version=bare)
        except StorageError:
            return words
        words += (
            f". It takes {bare} without the quotation marks, as Ceph RGW 16 does; "
            "Lookalike sends what the standard says. Upgrade the store"
        )
    return words


def _ranges(store: ObjectStore, key: str) -> None:
    """Parts of what `_conditions` left."""
    found = store.get_range(key, 1, 4)
    if found != _SECOND[1:4]:
        raise StoreUnfit(f"bytes 1 to 3 of {key} read {found!r} instead of {_SECOND[1:4]!r}")
    try:
        store.get_range(key, 2, 100)
    except ShortObject:
        return
    raise StoreUnfit(f"it gives bytes that {key} does not have")


def _races(store: ObjectStore, key: str) -> None:
    """Many write at the same moment, and one may win."""
    for number in range(_ROUNDS):
        contested = f"{key}/{number}"
        _race(
            store,
            contested,
            lambda data, key=contested: store.create(key, data),  # type: ignore[misc]
            "created with If-None-Match: *",
        )
        version = store.get(contested).version
        _race(
            store,
            contested,
            lambda data, key=contested, version=version: store.replace(  # type: ignore[misc]
                key, data, version=version
            ),
            "replaced with one If-Match",
        )


def _race(store: ObjectStore, key: str, write: Callable[[bytes], str], words: str) -> None:
    """Raises StoreUnfit unless one of several writers wins and its bytes are there; what became of
    some may be unknown.
    """
    ends = _ends(write, words)
    won = [number for number, end in enumerate(ends) if end == "won"]
    if len(won) > 1:
        raise StoreUnfit(
            f"{len(won)} of {_RACERS} that wrote {key} at the same moment were told that they had "
            f"{words}: it checks first and writes afterwards, and records would be lost"
        )
    found = store.get(key).data
    possible = won or [number for number, end in enumerate(ends) if end == "unknown"]
    if found not in [_entry(words, number) for number in possible]:
        raise StoreUnfit(
            f"of {_RACERS} that wrote {key} at the same moment, {won or 'nobody'} won, and it "
            f"reads {found!r}"
        )


def _ends(write: Callable[[bytes], str], words: str) -> list[str]:
    """How all writers at the same moment ended, in order: won, lost, or unknown."""
    start = Barrier(_RACERS)

    def run(number: int) -> str:
        start.wait(timeout=60)
        try:
            write(_entry(words, number))
        except (AlreadyExists, VersionConflict):
            return "lost"
        except OutcomeUnknown:
            return "unknown"
        return "won"

    with ThreadPoolExecutor(_RACERS) as pool:
        return list(pool.map(run, range(_RACERS)))


def _entry(words: str, number: int) -> bytes:
    """What a racer writes: the same bytes twice might be one version."""
    return f"{words} {number}".encode()


def _order(store: ObjectStore, folder: str) -> None:
    """Listings in the order of keys, whole, over several pages, from any key on."""
    keys = [folder + name for name in _NAMES]
    for key in (*keys[1::2], *keys[::2]):
        store.create(key, b"")
    paged = store.pages_of(_PAGE) if isinstance(store, Paged) else store
    for after in ("", keys[0], keys[_PAGE], keys[-1]):
        expected = [key for key in keys if key > after]
        for lister in (store, paged):
            found = [stat.key for stat in lister.list(folder, after=after)]
            if found != expected:
                raise StoreUnfit(
                    f"it lists {_short(found, folder)} where {_short(expected, folder)} are: "
                    "searches would miss records"
                )


def _short(keys: list[str], folder: str) -> str:
    return " ".join(key.removeprefix(folder) for key in keys) or "nothing"


def _clear(store: ObjectStore, folder: str) -> None:
    """Removes everything of this probe, and looks. Raises StoreUnfit."""
    store.delete(f"{folder}/conditions")
    store.delete_many(_listed(store, f"{folder}/"))
    left = _listed(store, f"{folder}/")
    if left:
        raise StoreUnfit(
            f"it lists {left[0]} after it was deleted: its listings lag behind, and searches would "
            "miss new records"
        )


def _listed(store: ObjectStore, prefix: str) -> list[str]:
    return [stat.key for stat in store.list(prefix)]


def _expect(store: ObjectStore, key: str, data: bytes, after: str) -> None:
    """Raises StoreUnfit unless `key` reads `data`."""
    try:
        found = store.get(key).data
    except ObjectMissing:
        raise StoreUnfit(f"{key} cannot be read right after it was written") from None
    if found != data:
        raise StoreUnfit(f"after {after}, {key} reads {found!r} instead of {data!r}")
