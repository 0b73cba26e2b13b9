"""The collections of a store: made, found, listed, switched to a new generation, dropped
(docs/FORMAT.md §2).
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

from chalicelib.errors import (
    AlreadyExists,
    CollectionNotFound,
    InvalidField,
    ObjectMissing,
    OutcomeUnknown,
    StorageError,
    VersionConflict,
)
from chalicelib.index.collection import Collection, Pointer
from chalicelib.index.format.manifest import UNCHANGED, Manifest, sealed, unsealed
from chalicelib.index.format.once_more import once_more
from chalicelib.index.format.table import Shape
from chalicelib.index.read.cache import Cache
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.tools import Tools
from chalicelib.index.write.commit import begin, commit
from chalicelib.service import Service
from chalicelib.storage.attempts import CONTENDED, attempts, create_settled, written_before
from chalicelib.storage.object_store import ObjectStore

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_GENERATION = re.compile(r"[0-9a-f]{16,}")
_READERS = 64
"""Objects read at once."""


class Catalog:
    """One per process. All methods may be called from several threads."""

    def __init__(
        self,
        store: ObjectStore,
        *,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        cache_bytes: int = 1 << 30,
        grace_s: float = 86_400,
    ) -> None:
        """`new_id` makes hex text of at least 16 digits that nobody else will make; `cache_bytes`
        bounds the opened objects in memory.

        `grace_s`: how long garbage, deletions and tokens are kept; longer than any request or retry
        lasts.
        """
        pool = functools.cache(lambda: ThreadPoolExecutor(_READERS, thread_name_prefix="read"))
        tasks = functools.cache(lambda: ThreadPoolExecutor(_READERS, thread_name_prefix="search"))
        self._tools = Tools(store, Cache(cache_bytes), clock, new_id, pool, tasks, grace_s)
        self._lock = threading.Lock()
        self._open: dict[str, Collection] = {}
        # as long as a collection or somebody's work holds them
        self._generations: WeakValueDictionary[tuple[str, str], Generation] = WeakValueDictionary()

    def create(
        self, name: str, service: Service, *, fingerprint: str, dimension: int, bits: int
    ) -> Collection:
        """A new, empty collection. Raises AlreadyExists, InvalidField, OutcomeUnknown,
        StoreUnavailable.
        """
        if not _NAME.fullmatch(name):
            raise InvalidField(
                "collection",
                f"{name!r} is no name for a collection: 1 to 128 of A-Z a-z 0-9 . _ -, not"
                " beginning with . or -",
            )
        if dimension <= 0 or bits <= 0:
            raise ValueError(f"dimension {dimension} and bits {bits} must be positive")
        generation = self._begin(name, fingerprint=fingerprint, shape=Shape(dimension, bits))
        pointer = Pointer(service, self._tools.clock(), generation)
        try:
            create_settled(self._tools.store, _pointer_key(name), _encode_pointer(pointer))
        except AlreadyExists:
            with written_before():
                found = self._pointer(name)
            if found.generation != generation:
                # whoever may create need not be allowed to delete; the collector is
                with contextlib.suppress(StorageError):
                    self._erase(name, generation)
                raise AlreadyExists(f"there is a collection {name} already") from None
        return self._remember(name, pointer)

    def open(self, name: str) -> Collection:
        """The collection of that name; the same object every time. Raises CollectionNotFound,
        StoreUnavailable.
        """
        with self._lock:
            known = self._open.get(name)
        return known or self._remember(name, self._pointer(name))

    def names(self) -> list[str]:
        """Of all collections, in order. Costs a listing and a read per collection."""
        found = sorted(name for name in self._folders("collections/") if self._exists(name))
        self._forget_dropped(found)
        return found

    def _exists(self, name: str) -> bool:
        try:
            self._tools.store.get(_pointer_key(name))  # on S3 a twelfth of the price of a listing
        except ObjectMissing:
            return False
        return True

    def folders(self) -> list[str]:
        """Names under which anything lies, collections or what is left of them. Costs a listing
        each.
        """
        return list(self._folders("collections/"))

    def unreachable(self, name: str) -> list[Generation]:
        """Generations under that name that no collection serves: replaced, under construction, or
        left behind. For the collector. Raises StorageError where it cannot be known which is
        served.
        """
        try:
            current = self._current(name).id
        except CollectionNotFound:
            current = ""
        return [
            Generation(self._tools, name, folder)
            for folder in self._folders(f"collections/{name}/")
            if _GENERATION.fullmatch(folder) and folder != current
        ]

    def _folders(self, prefix: str) -> Iterator[str]:
        """Names of the folders right under `prefix`: one listing each."""
        after = prefix
        while (
            found := next(self._tools.store.list(prefix, after=after, limit=1), None)
        ) is not None:
            name, slash, _ = found.key[len(prefix) :].partition("/")
            after = (
                f"{prefix}{name}0" if slash else found.key
            )  # "0" comes right after "/": the rest of the folder is skipped
            if slash:
                yield name

    def drop(self, name: str) -> None:
        """Removes the collection and everything in it, jobs included. Raises CollectionNotFound,
        StoreUnavailable.
        """
        pointer = self._pointer(name)
        keys = [stat.key for stat in self._tools.store.list(f"collections/{name}/")]
        self._tools.store.delete(_pointer_key(name))
        self._forget(name)
        self._close(
            self._generation(name, pointer.generation), successor=""
        )  # a writer under way must not be told that it is durable
        self._tools.store.delete_many(keys)
        self._erase(name, pointer.generation)
        self._forget(name)

    def begin_generation(
        self, name: str, *, fingerprint: str, dimension: int, bits: int
    ) -> Collection:
        """A fresh, empty generation that nobody sees until `switch`; `info.generation` names it.

        Raises CollectionNotFound, StoreUnavailable.
        """
        pointer = self._pointer(name)
        generation = self._begin(name, fingerprint=fingerprint, shape=Shape(dimension, bits))
        return self._tied(name, pointer, generation)

    def generation(self, name: str, generation: str) -> Collection:
        """A generation by its id, current or not. Raises CollectionNotFound when it was dropped or
        switched away, StoreUnavailable.
        """
        collection = self._tied(name, self._pointer(name), generation)
        if collection.generation.manifest().manifest.successor is not None:
            raise CollectionNotFound(
                f"generation {generation} of {name} was switched away or dropped"
            )
        return collection

    def retired(self, name: str, generation: str) -> Generation:
        """A generation by its id, also one that was switched away: its snapshot holds whatever was
        acknowledged in it.
        """
        return self._generation(name, generation)

    def switch(self, name: str, generation: str) -> None:
        """Puts `generation` in the place of the current one, in one step; twice is once. Snapshots
        taken before go on answering.

        Raises CollectionNotFound, StorageError.
        """
        self._generation(name, generation).manifest()
        for _ in attempts(CONTENDED):
            current = self._current(name)
            if current.id == generation:
                self._point_to(name, generation)
                return
            self._close(current, successor=generation)
        raise VersionConflict(
            f"the generation of {name} could not be switched because others kept changing it;"
            " try again"
        )

    def abandon(self, name: str, generation: str) -> None:
        """Removes a generation that was never switched to. Raises StoreUnavailable, ValueError for
        the current one.
        """
        if self._current(name).id == generation:
            raise ValueError(f"generation {generation} is the one that {name} serves")
        self._erase(name, generation)

    def _begin(self, name: str, *, fingerprint: str, shape: Shape) -> str:
        generation = self._tools.new_id()
        manifest = Manifest(generation=generation, fingerprint=fingerprint, shape=shape)
        begin(self._generation(name, generation), manifest)
        return generation

    def _current(self, name: str) -> Generation:
        generation = self._generation(name, self._pointer(name).generation)
        while (following := generation.manifest().manifest.successor) is not None:
            if not following:
                raise CollectionNotFound(f"there is no collection {name} any more")
            generation = self._generation(name, following)
        return generation

    def _close(self, generation: Generation, *, successor: str) -> None:
        """Names the successor in the manifest, once: who reads the manifest later goes there."""
        for _ in attempts(CONTENDED):
            try:
                found = generation.manifest()
                if found.manifest.successor is not None:
                    return
                commit(generation, found, found.manifest.next(successor=successor))
            except (VersionConflict, OutcomeUnknown):
                continue
            except CollectionNotFound:
                return
            return
        raise VersionConflict(
            f"the manifest of {generation.name} kept changing; nothing was written, try again"
        )

    def _point_to(self, name: str, generation: str) -> None:
        """Brings collection.json up to date; until then readers take one step more."""
        try:
            blob = self._tools.store.get(_pointer_key(name))
            pointer = _decode_pointer(name, blob.data)
            if pointer.generation != generation:
                new = Pointer(pointer.service, pointer.created, generation)
                self._tools.store.replace(
                    _pointer_key(name), _encode_pointer(new), version=blob.version
                )
        except (ObjectMissing, VersionConflict, OutcomeUnknown):
            return  # dropped, or somebody else is doing the same

    def _erase(self, name: str, generation: str) -> None:
        stats = self._tools.store.list(f"collections/{name}/{generation}/")
        self._tools.store.delete_many([stat.key for stat in stats])

    def _pointer(self, name: str) -> Pointer:
        """What `collection.json` says now. Raises CollectionNotFound, StorageError."""
        if not _NAME.fullmatch(name):
            raise CollectionNotFound(f"there is no collection {name!r}")
        try:
            return once_more(
                lambda: _decode_pointer(name, self._tools.store.get(_pointer_key(name)).data)
            )
        except ObjectMissing:
            raise CollectionNotFound(f"there is no collection {name}; make it first") from None

    def _remember(self, name: str, pointer: Pointer) -> Collection:
        """The one Collection of that name in this process."""
        made = Collection(
            name,
            pointer,
            lambda generation: self._generation(name, generation),
            lambda: self._reload(name),
        )
        with self._lock:
            return self._open.setdefault(name, made)

    def _reload(self, name: str) -> Pointer:
        """The pointer as it is now; without one the collection is forgotten. Raises
        CollectionNotFound, StorageError.
        """
        try:
            return self._pointer(name)
        except CollectionNotFound:
            self._forget(name)
            raise

    def _tied(self, name: str, pointer: Pointer, generation: str) -> Collection:
        tied = Pointer(pointer.service, pointer.created, generation)
        return Collection(name, tied, lambda generation: self._generation(name, generation), None)

    def _forget_dropped(self, names: list[str]) -> None:
        """Lets go of what this process remembers of collections that another one dropped. `names`:
        those that there were a moment ago; who is not among them may have been made since.
        """
        with self._lock:
            known = self._open.keys() - set(names)
        for name in known:
            if not self._exists(name):
                self._forget(name)

    def _forget(self, name: str) -> None:
        """Lets go of a collection that was dropped."""
        with self._lock:
            self._open.pop(name, None)
        self._tools.cache.drop_under(f"collections/{name}/")

    def _generation(self, name: str, generation: str) -> Generation:
        with self._lock:
            key = (name, generation)
            found = self._generations.get(key)
            if found is None:
                found = self._generations[key] = Generation(self._tools, name, generation)
            return found


def _pointer_key(name: str) -> str:
    return f"collections/{name}/collection.json"


def _encode_pointer(pointer: Pointer) -> bytes:
    """`collection.json` (docs/FORMAT.md §2)."""
    return sealed(
        {
            "format": UNCHANGED,
            "service": pointer.service.name.lower(),
            "created": pointer.created,
            "generation": pointer.generation,
        }
    )


def _decode_pointer(name: str, data: bytes) -> Pointer:
    body = unsealed(_pointer_key(name), data)
    return Pointer(Service.named(body["service"]), body["created"], body["generation"])
