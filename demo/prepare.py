"""Fills the demo collection: what is missing is added, what is there stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.contract.messages import AddPicture, CreateCollection
from chalicelib.contract.values import AttributeValues
from chalicelib.errors import AlreadyExists, LookalikeError
from chalicelib.service import Service
from chalicelib.usecases.add import add_picture
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.manage import create_collection
from chalicelib.usecases.picture_urls import set_picture_url
from demo.pictures import Planned, Sample
from demo.samples import OWN

COLLECTION: Final = "demo"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The demo collection, ready."""

    added: int
    total: int
    refused: tuple[tuple[str, str], ...]
    """(picture, reason) of a folder's files that are no usable pictures."""


def prepare(
    deployment: Deployment,
    planned: Sequence[Planned],
    *,
    folder: Path | None,
    samples: Path | None,
    template: str,
    step: Callable[[int, int], None],
) -> Prepared:
    """Adds the `planned` pictures that are not there yet: of `folder`, or the packages' own where
    it is None. `step(done, total)` is told of each.

    `samples` is where the collection's pictures are served from, so that the console can show them:
    the packages' pictures are copied there, a folder of the owner's is only linked.
    """
    _collection(deployment)
    if samples is not None:
        if folder is not None:
            _link(samples / OWN / COLLECTION, folder)
        set_picture_url(COLLECTION, template, deployment)
    there = deployment.catalog.open(COLLECTION).snapshot()
    added, refused = 0, []
    for done, one in enumerate(planned, 1):
        if there.find(one.key) is None:
            try:
                _add(one.load(), deployment, samples if folder is None else None)
                added += 1
            except LookalikeError as error:
                if folder is None:
                    raise
                refused.append((one.key.pic_name, str(error)))
        step(done, len(planned))
    return Prepared(added, len(planned), tuple(refused))


def _add(sample: Sample, deployment: Deployment, samples: Path | None) -> None:
    """Adds one; its picture is kept first, where pictures are kept, so that a record is never
    without.
    """
    if samples is not None:
        path = samples / COLLECTION / sample.key.pic_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sample.data)
    add_picture(_message(sample), deployment)


def _collection(deployment: Deployment) -> None:
    """Makes the collection; one that other models filled is made anew, since nothing in it is worth
    more than its pictures.
    """
    if (
        COLLECTION in deployment.catalog.names()
        and deployment.catalog.open(COLLECTION).info.fingerprint
        != deployment.analyzer().fingerprint
    ):
        deployment.catalog.drop(COLLECTION)
    if COLLECTION not in deployment.catalog.names():
        try:
            create_collection(CreateCollection(COLLECTION, Service.PRODUCT), deployment)
        except AlreadyExists:
            return  # another first start was faster


def _message(sample: Sample) -> AddPicture:
    """What adds it; the attributes give the demo's filters something to filter by."""
    attributes = AttributeValues(
        custom_content=f"{sample.title} ({sample.source})",
        int_attr=len(sample.data) // 1024,
        str_attr=sample.kind,
        str_attr2=sample.source,
    )
    return AddPicture(COLLECTION, *sample.key, sample.data, attributes=attributes)


def _link(link: Path, folder: Path) -> None:
    link.unlink(missing_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(folder.resolve(), target_is_directory=True)
