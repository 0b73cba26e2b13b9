"""What a store must be able to do. No write is unconditional, so none is called by mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.errors import ShortObject

_PART = re.compile(r"[!-.0-~](?:[ -.0-~]{0,254})")


@dataclass(frozen=True, slots=True)
class Blob:
    """An object's bytes and the version they were read at."""

    data: bytes
    version: str
    """Opaque; an ETag on S3. Compare only for equality, within one key. The same bytes may have the
    same version.
    """


@dataclass(frozen=True, slots=True)
class Stat:
    """One row of a listing."""

    key: str
    size: int
    """Bytes."""
    modified: float
    """Seconds since the epoch, by the store's clock."""


class ObjectStore(Protocol):
    """Keys are `/`-separated printable ASCII, no part empty, `.`, `..` or over 255 characters, and
    no key lies "inside" another.

    All methods may be called from several threads. A malformed key is a ValueError: keys are made
    by this program.
    """

    def get(self, key: str) -> Blob:
        """The object. Raises ObjectMissing, StoreUnavailable."""
        ...

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        """The object, or None while it is still at `version`. Raises ObjectMissing,
        StoreUnavailable.
        """
        ...

    def view(self, key: str) -> memoryview:
        """The object's bytes without a copy where the store can (a folder maps the file);
        read-only, valid while it is referenced.

        Meant for immutable objects. Raises ObjectMissing, StoreUnavailable.
        """
        ...

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Bytes `start` to `stop` (exclusive) of the object, never fewer; an empty range is
        answered without asking. Several ranges of one object: storage.ranges.

        Meant for immutable objects: two reads may see two versions. Raises ObjectMissing,
        ShortObject (it ends before `stop`), StoreUnavailable, ValueError unless
        0 <= start <= stop.
        """
        ...

    def create(self, key: str, data: bytes) -> str:
        """Writes an object that does not exist and returns its version; durable when it returns.

        Raises AlreadyExists (nothing written), OutcomeUnknown (asking is up to the caller),
        StoreUnavailable.
        """
        ...

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        """Overwrites the object if it is still at `version`; returns the new version; durable when
        it returns.

        Raises VersionConflict (also when it is gone), OutcomeUnknown, StoreUnavailable.
        """
        ...

    def delete(self, key: str) -> None:
        """Removes the object; one that is not there is no error. Raises StoreUnavailable."""
        ...

    def delete_many(self, keys: Sequence[str]) -> None:
        """Removes the objects, in any order; on S3 a thousand a request. Those that are not there
        are no error. Raises StorageError when some could not be removed, after all have been tried;
        repeating it is safe.
        """
        ...

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        """Objects whose key starts with `prefix` and sorts after `after`, in key order (ASCII);
        with `limit` (at least 1) no more than so many, and no more asked for. Raises
        StoreUnavailable.

        Read lazily: who stops early saves the rest. Objects created or deleted while it is read may
        or may not be in it.
        """
        ...


def check_key(key: str) -> str:
    """`key`, if it is one (see ObjectStore). Raises ValueError."""
    if len(key) > 900 or not all(
        _PART.fullmatch(part) and part not in {".", ".."} for part in key.split("/")
    ):
        raise ValueError(
            f"{key!r} is not an object key: parts of printable ASCII joined by single slashes"
        )
    return key


def check_range(start: int, stop: int) -> None:
    """Raises ValueError unless 0 <= `start` <= `stop`."""
    if not 0 <= start <= stop:
        raise ValueError(f"{start} to {stop} is not a range of bytes")


def ends_early(key: str, size: int, stop: int) -> ShortObject:
    """The error for an object of `size` bytes of which byte `stop` - 1 was asked for."""
    return ShortObject(
        key, f"it ends after {size} of at least {stop} bytes; restore it from a backup"
    )
