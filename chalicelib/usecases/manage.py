"""Collections and the records in them: create, describe, look up, update, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.contract.messages import (
    CreateCollection,
    DeleteByFilter,
    DeletePictures,
    Describe,
    LookUp,
    UpdatePictures,
)
from chalicelib.contract.values import AttributeValues
from chalicelib.errors import RecordNotFound
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Change, Delete, Key, Patch
from chalicelib.index.read.query import Row
from chalicelib.service import Service
from chalicelib.usecases.deployment import Deployment

_BATCH: Final = 5000
"""Changes per append, so that a log object stays small."""


@dataclass(frozen=True, slots=True)
class Described:
    """A collection."""

    name: str
    service: Service
    capacity: int
    """Records."""
    requests_per_second: int
    """0: no limit."""
    count: int
    """Records now."""
    created: float
    """Seconds since the epoch."""


def create_collection(message: CreateCollection, deployment: Deployment) -> Described:
    """Makes an empty collection for the models of this deployment. Raises AlreadyExists,
    StorageError.
    """
    analyzer = deployment.analyzer()
    collection = deployment.catalog.create(
        message.collection,
        message.service,
        fingerprint=analyzer.fingerprint,
        dimension=analyzer.dimension,
        bits=analyzer.bits,
    )
    return _described(collection, deployment, count=0)


def describe(message: Describe, deployment: Deployment) -> Described:
    """Raises CollectionNotFound, StorageError."""
    collection = deployment.catalog.open(message.collection)
    return _described(collection, deployment, count=len(collection.snapshot()))


def _described(collection: Collection, deployment: Deployment, *, count: int) -> Described:
    """A collection as lists show it."""
    return Described(
        name=collection.info.name,
        service=collection.info.service,
        capacity=deployment.settings.capacity_records,
        requests_per_second=deployment.settings.requests_per_second,
        count=count,
        created=collection.info.created,
    )


def look_up(message: LookUp, deployment: Deployment) -> Row | None:
    """The record, or None. Raises CollectionNotFound, StorageError."""
    rows = deployment.catalog.open(message.collection).snapshot().of_product(message.product_id)
    return next((row for row in rows if row.key.pic_name == message.pic_name), None)


def update(message: UpdatePictures, deployment: Deployment) -> None:
    """Changes attributes of one record, or of all of a product. Raises CollectionNotFound,
    RecordNotFound, StorageError.
    """
    collection = deployment.catalog.open(message.collection)
    keys = _keys(collection, message.product_id, message.pic_name)
    if not keys:
        wanted = (
            f"product {message.product_id!r}"
            if message.pic_name is None
            else f"picture {message.pic_name!r} of {message.product_id!r}"
        )
        raise RecordNotFound(f"collection {message.collection} has no {wanted}")
    if message.changes != AttributeValues():
        from chalicelib.usecases.add import stored

        _append(collection, [Patch(key, stored(message.changes)) for key in keys])


def delete(message: DeletePictures, deployment: Deployment) -> list[Key]:
    """Deletes one record, or all of a product; the keys that were there. Raises CollectionNotFound,
    StorageError.
    """
    collection = deployment.catalog.open(message.collection)
    keys = _keys(collection, message.product_id, message.pic_name)
    _append(collection, [Delete(key) for key in keys])
    return keys


def delete_by_filter(message: DeleteByFilter, deployment: Deployment) -> list[Key]:
    """Deletes what the filter matches; the keys. Raises CollectionNotFound, StorageError."""
    collection = deployment.catalog.open(message.collection)
    keys = [row.key for row in collection.snapshot().select(message.filter)]
    _append(collection, [Delete(key) for key in keys])
    return keys


def _keys(collection: Collection, product_id: str, pic_name: str | None) -> list[Key]:
    rows = collection.snapshot().of_product(product_id)
    return [row.key for row in rows if pic_name is None or row.key.pic_name == pic_name]


def _append(collection: Collection, changes: Sequence[Change]) -> None:
    for start in range(0, len(changes), _BATCH):
        collection.append(changes[start : start + _BATCH])
