"""Adds pictures to a collection: analysed, then appended; durable and searchable after that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from chalicelib.attributes import Attributes
from chalicelib.contract.messages import AddPicture
from chalicelib.contract.values import AttributeValues
from chalicelib.errors import FingerprintMismatch
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Key, Put, Record, quantise
from chalicelib.index.read.snapshot import Snapshot
from chalicelib.region import Region
from chalicelib.service import OTHERS, Service
from chalicelib.trace import stage
from chalicelib.usecases.capacity import claim
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.uploads import take
from chalicelib.vision.analysis import Analysis, PictureAnalyzer, Request


@dataclass(frozen=True, slots=True)
class Added:
    """What was seen in the picture."""

    service: Service
    category_id: int
    region: Region
    regions: tuple[Region, ...]


def add_picture(message: AddPicture, deployment: Deployment) -> Added:
    """Adds or replaces one record.

    Raises CollectionNotFound, OverCapacity, FingerprintMismatch, BadPicture, InvalidField("region",
    "picture_url"), StorageError.
    """
    return add_pictures([message], deployment)[0]


def add_pictures(messages: Sequence[AddPicture], deployment: Deployment) -> list[Added]:
    """Adds or replaces records of one collection: all of them, or none where one is refused. Raises
    as add_picture does.
    """
    collection = deployment.catalog.open(messages[0].collection)
    service = collection.info.service
    claim(collection, len(messages), deployment)
    analyzer = fitting_analyzer(collection, deployment)
    records, added = [], []
    for message in messages:
        picture = take(message.picture, deployment)
        with stage("vision"):
            analysis = analyzer.analyze(
                picture, Request(service, crop=message.view.crop, region=message.view.region)
            )
        record = record_of(
            Key(message.product_id, message.pic_name),
            analysis,
            service=service,
            category_id=message.view.category_id,
            attributes=message.attributes,
        )
        records.append(record)
        added.append(
            Added(
                service=service,
                category_id=record.category_id,
                region=analysis.region,
                regions=analysis.regions,
            )
        )
    # one object for all: whoever lists the log sees all of them or none
    with stage("append"):
        collection.append([Put(record) for record in records])
    return added


def fitting_analyzer(collection: Collection, deployment: Deployment) -> PictureAnalyzer:
    """The models, if the collection's features are theirs. Raises FingerprintMismatch."""
    analyzer = deployment.analyzer()
    # what this process remembers may be from before a rebuild; only a snapshot is sure to know
    if analyzer.fingerprint != collection.info.fingerprint:
        check_fingerprint(collection.snapshot(), analyzer, name=collection.info.name)
    return analyzer


def check_fingerprint(snapshot: Snapshot, analyzer: PictureAnalyzer, *, name: str) -> None:
    """Raises FingerprintMismatch when the snapshot's features are not of `analyzer`'s models."""
    if analyzer.fingerprint != snapshot.fingerprint:
        raise FingerprintMismatch(
            f"collection {name} was made by models {snapshot.fingerprint}, this deployment has "
            f"{analyzer.fingerprint}: import its pictures again with "
            f"`lookalike rebuild s3://BUCKET/PATH -c {name}`, or from a folder (docs/IMPORTS.md)"
        )


def record_of(
    key: Key,
    analysis: Analysis,
    *,
    service: Service,
    category_id: int | None,
    attributes: AttributeValues,
) -> Record:
    """The record of an analysed picture; `category_id` is the caller's item."""
    return Record(
        key=key,
        category_id=category_used(analysis, service=service, category_id=category_id),
        region=analysis.region,
        attributes=stored(attributes),
        vector=quantise(analysis.feature, analysis.code),
    )


def category_used(analysis: Analysis, *, service: Service, category_id: int | None) -> int:
    """The category that counts (CONTRACT §2.3): the given one, else the likeliest; OTHERS where the
    service has none.
    """
    if not service.has_categories:
        return OTHERS
    if category_id is not None:
        return category_id
    return analysis.categories[0][0] if analysis.categories else OTHERS


def stored(values: AttributeValues) -> Attributes:
    """A request's attributes as the index keeps them."""
    return Attributes(
        **{field.name: getattr(values, field.name) for field in fields(AttributeValues)}
    )
