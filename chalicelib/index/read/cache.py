"""Opened objects kept in memory, the least recently used leaving first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


class Cache:
    """By key, bounded by bytes. The newest entry stays even if it alone is larger than the
    bound.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, tuple[object, int]] = OrderedDict()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    def get(self, key: str, load: Callable[[], tuple[_T, int]]) -> _T:
        """The entry of `key`; `load` makes it, with its size in bytes, outside of any lock."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
                return found[0]  # type: ignore[return-value]  # a key has entries of one type only
        made, size = load()
        with self._lock:
            if (
                key in self._entries
            ):  # another thread was first; keep its one, with what it has verified
                return self._entries[key][0]  # type: ignore[return-value]  # as above
            self._entries[key] = (made, size)
            self._add(size)
        return made

    def grow(self, key: str, by: int) -> None:
        """The entry of `key` has become larger; nothing happens if it was dropped meanwhile."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries[key] = (found[0], found[1] + by)
                self._entries.move_to_end(key)
                self._add(by)

    def _add(self, size: int) -> None:
        """Counts `size` bytes, and drops what was not used for longest until all fits."""
        self._size += size
        while self._size > self.capacity and len(self._entries) > 1:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._size -= dropped

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def drop(self, key: str) -> None:
        """Forgets the entry of `key`."""
        with self._lock:
            _, size = self._entries.pop(key, (None, 0))
            self._size -= size

    def drop_under(self, prefix: str) -> None:
        """Forgets every entry whose key begins with `prefix`."""
        with self._lock:
            for key in [key for key in self._entries if key.startswith(prefix)]:
                self._size -= self._entries.pop(key)[1]
