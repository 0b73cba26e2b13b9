"""The log of a generation: what lies in it, opened, and the newest put of each key
(docs/FORMAT.md §4).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.index.format.batch import Batch, decode_batch
from chalicelib.index.format.manifest import Manifest
from chalicelib.index.format.once_more import once_more
from chalicelib.index.format.positions import Position
from chalicelib.index.read.puts import Puts, newest_puts, puts_of
from chalicelib.index.read.tools import Tools


@dataclass(frozen=True, slots=True)
class LogObject:
    """One append, as a listing shows it."""

    name: str
    position: Position
    size: int
    """Bytes."""

    @property
    def path(self) -> str:
        """Within the generation's folder."""
        return f"log/{self.name}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A listing of the log and the manifest read right after it."""

    log: tuple[LogObject, ...]
    """The newest first."""
    manifest: Manifest

    @property
    def waiting(self) -> list[LogObject]:
        """Those that are not absorbed."""
        absorbed = set(self.manifest.absorbed)
        return [found for found in self.log if found.name not in absorbed]

    @property
    def absorbed(self) -> list[LogObject]:
        """Those that are, and may go but for the newest of the log."""
        absorbed = set(self.manifest.absorbed)
        return [found for found in self.log if found.name in absorbed]


class Log:
    """Keeps what it has opened until it leaves the log. May be used from several threads."""

    def __init__(self, tools: Tools, folder: str) -> None:
        self._tools = tools
        self._prefix = folder + "log/"
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}
        self._puts: tuple[frozenset[str], Puts | None] = (frozenset(), None)

    def objects(self) -> Iterator[LogObject]:
        """The newest first; absorbed ones may be among them. What somebody else left in the folder
        is passed over: `strays` lists it. Raises StorageError.
        """
        for stat in self._tools.store.list(self._prefix):
            name = stat.key.removeprefix(self._prefix)
            position = _position(name)
            if position is not None:
                yield LogObject(name, position, stat.size)

    def newest(self) -> Position | None:
        """The latest position in the log: a listing of one key, unless that is a stray. Raises
        StorageError.
        """
        head = next(self._tools.store.list(self._prefix, limit=1), None)
        if head is None:
            return None
        position = _position(head.key.removeprefix(self._prefix))
        return position or next((found.position for found in self.objects()), None)

    def strays(self) -> list[str]:
        """Keys in the log's folder that are no log objects. Raises StorageError."""
        keys = [stat.key for stat in self._tools.store.list(self._prefix)]
        return [key for key in keys if _position(key.removeprefix(self._prefix)) is None]

    def batches(self, names: Sequence[str], manifest: Manifest) -> list[Batch]:
        """Those log objects, read in parallel. Raises ObjectMissing, CorruptObject."""
        with self._lock:
            known = dict(self._batches)
        wanted = [name for name in names if name not in known]

        def load(name: str) -> Batch:
            key, store = self._prefix + name, self._tools.store
            shape, fingerprint = manifest.shape, manifest.fingerprint
            return once_more(
                lambda: decode_batch(key, store.view(key), shape=shape, fingerprint=fingerprint)
            )

        loaded = (
            list(self._tools.pool().map(load, wanted))
            if len(wanted) > 1
            else [load(name) for name in wanted]
        )
        known.update(zip(wanted, loaded, strict=True))
        return [known[name] for name in names]

    def keep(self, names: Sequence[str], batches: Sequence[Batch]) -> None:
        """Keeps these, which are the log now, and forgets all others."""
        with self._lock:
            self._batches = dict(zip(names, batches, strict=True))

    def newest_puts(
        self, names: Sequence[str], batches: Sequence[Batch], manifest: Manifest
    ) -> Puts:
        """The newest put of each key among `batches`, which are called `names`: those of the last
        call joined with what came since, which is little.
        """
        known, puts = self._puts
        joined = [puts] if puts is not None and known <= set(names) else []
        joined += [
            puts_of(batch)
            for name, batch in zip(names, batches, strict=True)
            if not joined or name not in known
        ]
        unchanged = len(joined) == 1 and joined[0] is puts
        found = joined[0] if unchanged else newest_puts(joined, manifest.shape)
        self._puts = (frozenset(names), found)
        return found


def _position(name: str) -> Position | None:
    try:
        return Position.parse(name)
    except ValueError:
        return None
