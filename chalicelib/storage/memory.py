"""A store in memory, for tests: the reference that the others must agree with."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from chalicelib.errors import AlreadyExists, ObjectMissing, VersionConflict
from chalicelib.storage.object_store import Blob, Stat, check_key, check_range, ends_early


class MemoryStore:
    """Linearizable: one lock around every call. Versions are never used twice."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._versions = itertools.count(1)
        self._objects: dict[str, tuple[Blob, float]] = {}

    def get(self, key: str) -> Blob:
        """See ObjectStore."""
        with self._lock:
            if check_key(key) not in self._objects:
                raise ObjectMissing(key)
            return self._objects[key][0]

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        """See ObjectStore."""
        blob = self.get(key)
        return None if blob.version == version else blob

    def view(self, key: str) -> memoryview:
        """See ObjectStore."""
        return memoryview(self.get(key).data)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """See ObjectStore."""
        check_range(start, stop)
        if start == stop:
            return b""
        data = self.get(key).data
        if len(data) < stop:
            raise ends_early(key, len(data), stop)
        return data[start:stop]

    def create(self, key: str, data: bytes) -> str:
        """See ObjectStore."""
        with self._lock:
            if check_key(key) in self._objects:
                raise AlreadyExists(f"an object {key} is there already")
            return self._put(key, data)

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        """See ObjectStore."""
        with self._lock:
            found = self._objects.get(check_key(key))
            if found is None or found[0].version != version:
                raise VersionConflict(
                    f"{key} was replaced or deleted meanwhile; nothing was written"
                )
            return self._put(key, data)

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        with self._lock:
            self._objects.pop(check_key(key), None)

    def delete_many(self, keys: Sequence[str]) -> None:
        """See ObjectStore."""
        for key in keys:
            self.delete(key)

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        """See ObjectStore."""
        with self._lock:
            found = [
                Stat(key, len(self._objects[key][0].data), self._objects[key][1])
                for key in sorted(self._objects)
                if key.startswith(prefix) and key > after
            ]
        return iter(found[:limit])

    def _put(self, key: str, data: bytes) -> str:
        version = f"v{next(self._versions)}"
        self._objects[key] = (Blob(bytes(data), version), self._clock())
        return version
