"""Fills the demo collection: what is missing is added, what is there stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.contract.messages import AddPicture, AttributeValues, CreateCollection
from chalicelib.errors import AlreadyExists, LookalikeError
from chalicelib.index.records import Key
from chalicelib.service import Service
from chalicelib.usecases.add import add_picture
from chalicelib.usecases.house import House
from chalicelib.usecases.manage import create_collection
from chalicelib.usecases.picture_urls import set_picture_url
from demo import pictures
from demo.pictures import Sample

COLLECTION: Final = "demo"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The demo collection, ready."""

    added: int
    total: int
    refused: tuple[tuple[str, str], ...]
    """(picture, reason) of a folder's files that are no usable pictures."""


def is_ready(house: House, total: int) -> bool:
    """Whether the collection is there, of this deployment's models, with at least `total` records."""
    if COLLECTION not in house.catalog.names():
        return False
    collection = house.catalog.open(COLLECTION)
    return collection.info.fingerprint == house.analyzer().fingerprint and len(collection.snapshot()) >= total


def prepare(house: House, *, folder: Path | None, samples: Path | None, template: str, step: Callable[[int, int], None]) -> Prepared:
    """Adds the pictures of `folder`, or the packages' own, that are not there yet; `step(done, total)` is told of each.

    `samples` is where the collection's pictures are served from, so that the console can show them: the packages' pictures are
    copied there, a folder of the owner's is only linked.
    """
    _collection(house)
    if samples is not None:
        if folder is not None:
            _link(samples, folder)
        set_picture_url(COLLECTION, template, house)
    there = house.catalog.open(COLLECTION).snapshot()
    added, refused = 0, []
    total, source = _source(folder)
    for done, sample in enumerate(source, 1):
        if samples is not None and folder is None:
            _keep(samples, sample)
        if there.find(Key(sample.product_id, sample.pic_name)) is None:
            try:
                add_picture(_message(sample), house)
                added += 1
            except LookalikeError as error:
                if folder is None:
                    raise
                refused.append((sample.pic_name, str(error)))
        step(done, total)
    return Prepared(added, total, tuple(refused))


def _collection(house: House) -> None:
    """Makes the collection; one that other models filled is made anew, since nothing in it is worth more than its pictures."""
    if COLLECTION in house.catalog.names() and house.catalog.open(COLLECTION).info.fingerprint != house.analyzer().fingerprint:
        house.catalog.drop(COLLECTION)
    if COLLECTION not in house.catalog.names():
        try:
            create_collection(CreateCollection(COLLECTION, Service.PRODUCT), house)
        except AlreadyExists:
            return  # another first start was faster


def _source(folder: Path | None) -> tuple[int, Iterator[Sample]]:
    if folder is None:
        return pictures.count(), pictures.samples()
    paths = pictures.folder_paths(folder)
    return len(paths), (pictures.folder_sample(folder, path) for path in paths)


def _message(sample: Sample) -> AddPicture:
    attributes = AttributeValues(
        custom_content=f"{sample.title} ({sample.source})",
        int_attr=len(sample.data) // 1024,
        str_attr=sample.kind,
        str_attr2=sample.source,
    )
    return AddPicture(COLLECTION, sample.product_id, sample.pic_name, sample.data, attributes=attributes)


def _keep(samples: Path, sample: Sample) -> None:
    path = samples / COLLECTION / sample.pic_name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)


def _link(samples: Path, folder: Path) -> None:
    link = samples / COLLECTION
    if link.is_symlink():
        link.unlink()
    if not link.exists():
        samples.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder.resolve(), target_is_directory=True)
