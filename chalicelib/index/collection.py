"""A collection: durable appends and snapshots, across its generations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.errors import CollectionNotFound, FingerprintMismatch
from chalicelib.index.format.manifest import Manifest
from chalicelib.index.format.records import Change, Put
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.index.write.append import append
from chalicelib.service import Service
from chalicelib.storage.attempts import written_before

_MAX_HOPS = 32
"""Generations followed from an old one; more would be a circle."""


@dataclass(frozen=True, slots=True)
class Info:
    """What a collection is."""

    name: str
    service: Service
    created: float
    """Seconds since the epoch."""
    generation: str
    fingerprint: str
    """Of the models whose features this generation holds."""
    dimension: int
    """Length of a feature."""
    bits: int
    """Length of a code."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """`collection.json`."""

    service: Service
    created: float
    generation: str
    """Current when this was read; its manifest names a successor if it is not any more."""


class Collection:
    """Made by Catalog. All methods may be called from several threads."""

    def __init__(
        self,
        name: str,
        pointer: Pointer,
        open_generation: Callable[[str], Generation],
        reload: Callable[[], Pointer] | None,
    ) -> None:
        """`reload` reads the pointer again; without it, the collection is that one generation and
        no other.
        """
        self._name = name
        self._pointer = pointer
        self._open = open_generation
        self._reload = reload
        self._generation = open_generation(pointer.generation)

    @property
    def info(self) -> Info:
        """As last seen: `snapshot` and `append` notice a switch of generations. Reads the manifest
        the first time.
        """
        generation = self._generation
        manifest = generation.known().manifest
        return Info(
            name=self._name,
            service=self._pointer.service,
            created=self._pointer.created,
            generation=generation.id,
            fingerprint=manifest.fingerprint,
            dimension=manifest.shape.dimension,
            bits=manifest.shape.bits,
        )

    @property
    def generation(self) -> Generation:
        """The current one, as last seen."""
        return self._generation

    def at(self, generation: str) -> Generation:
        """Any generation of this collection, whether or not it is there."""
        return self._open(generation)

    def current(self) -> Generation:
        """The current one, for maintenance. Raises CollectionNotFound, StorageError."""
        return self._follow()[0]

    def append(self, changes: Sequence[Change], *, token: str | None = None) -> None:
        """Makes `changes`, in their order and all at once; durable and visible to every later
        snapshot when it returns.

        `token` names this append: repeated within the grace period it happens once, at the place of
        the first attempt. Raises FingerprintMismatch where vectors do not fit or the models were
        changed meanwhile, ValueError for text that is not Unicode, OutcomeUnknown,
        StoreUnavailable, CollectionNotFound.
        """
        if not changes:
            return
        generation = self._generation
        manifest = generation.known().manifest
        fingerprint = manifest.fingerprint
        while True:
            _check_vectors(changes, manifest)
            append(generation, changes, manifest, token=token)
            with written_before():
                # after the write: it counts only if its generation was current when it landed
                current, manifest = self._follow()
            if current.id == generation.id:
                return
            generation = current
            if manifest.fingerprint != fingerprint:
                raise FingerprintMismatch(
                    f"the models of {self._name} were changed meanwhile; analyse the picture again"
                )

    def snapshot(self) -> Snapshot:
        """Sees every acknowledged append. Raises CollectionNotFound, CorruptObject, FormatTooNew,
        StoreUnavailable.
        """
        while True:
            try:
                snapshot = self._generation.snapshot()
                if snapshot.manifest.successor is None:
                    return snapshot
            except CollectionNotFound:
                pass  # dropped, or made anew under the same name
            self._follow()

    def _follow(self) -> tuple[Generation, Manifest]:
        """The current generation and its manifest. Raises CollectionNotFound."""
        generation = self._generation
        for _ in range(_MAX_HOPS):
            try:
                manifest = generation.manifest().manifest
                following = manifest.successor
            except CollectionNotFound:
                following = ""
            if following is None:
                if generation is not self._generation:
                    self._generation.forget()
                self._generation = generation
                return generation, manifest
            if self._reload is None:
                raise CollectionNotFound(
                    f"generation {generation.id} of {self._name} was switched away or dropped"
                )
            # dropped, or dropped and made anew: the pointer knows
            if not following:
                self._pointer = self._reload()
                following = self._pointer.generation
            if following == generation.id:
                break
            generation = self._open(following)
        raise CollectionNotFound(f"there is no collection {self._name} any more")


def _check_vectors(changes: Sequence[Change], manifest: Manifest) -> None:
    """Raises FingerprintMismatch for vectors that are not of the collection's shape."""
    fits = ((manifest.shape.dimension,), (manifest.shape.code_bytes,))
    vectors = [change.record.vector for change in changes if isinstance(change, Put)]
    for found in {(vector.feature.shape, vector.code.shape) for vector in vectors}:
        if found != fits:
            raise FingerprintMismatch(
                f"a feature has the shape {found[0]} and its code {found[1]} bytes, the"
                f" collection's have {fits[0]} and {fits[1]}: they are of different models;"
                " re-import the collection"
            )
