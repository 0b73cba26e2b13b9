"""Erases a product, or one picture of it, at once, and says what is left and until when
(docs/adr/0019).
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.contract.messages import DeletePictures
from chalicelib.index.read.generation import Generation
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.append import append
from chalicelib.index.write.erase import forget_garbage, holding, orphans
from chalicelib.index.write.merge import rewrite
from chalicelib.storage.versions import version_days
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.maintain import steady
from chalicelib.usecases.manage import delete

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was erased, when, and what is left. Times are seconds since the epoch."""

    collection: str
    product_id: str
    pic_name: str | None
    """None: all pictures of the product."""
    erased_at: float
    records: int
    """Deleted now; others had been deleted before."""
    segments: int
    """Rewritten, because they held rows of it."""
    rows: int
    """Of these segments, which are all kept."""
    objects: int
    """Removed."""
    ids_until: float
    """When the note of the deletion, which names product and picture so that a late repetition does
    not bring them back, is gone from the store.
    """
    version_days: int | None
    """That the bucket keeps versions; 0: it keeps none; None: for ever, or it is not known."""
    last_version_expires: float | None
    """When the last version of any of it expires; None where that is not known."""
    left: tuple[str, ...]
    """Objects that still hold some of it, or may."""


def erase(message: DeletePictures, deployment: Deployment) -> Certificate:
    """Deletes the records, rewrites each segment that holds or held rows of them, and removes what
    was replaced without waiting for the grace period: a search that is under way begins anew, an
    export fails and can be repeated.

    Raises CollectionNotFound, StorageError; then it is not known what is left, and repeating it
    goes on.
    """
    deleted = delete(message, deployment)
    generation = deployment.catalog.open(message.collection).current()
    # the newest log object stays for its position: an empty one holds nothing
    append(generation, (), generation.known().manifest, token=None)
    while steady(lambda: absorb(generation)) is not None:
        continue
    segments = rows = 0
    while held := holding(generation, message.product_id, message.pic_name):
        done = steady(lambda: rewrite(generation, held[0].id))  # it is run at once
        if done is None:
            break  # others kept changing it: `left` tells
        segments, rows = segments + 1, rows + done.rows
    objects = steady(lambda: forget_garbage(generation)) or 0
    return _certificate(message, deployment, generation, len(deleted), (segments, rows, objects))


def _certificate(
    message: DeletePictures,
    deployment: Deployment,
    generation: Generation,
    records: int,
    done: tuple[int, int, int],
) -> Certificate:
    """Says what was done, after looking at what is there now."""
    now = deployment.clock()
    ids_until = now + 3 * deployment.settings.grace_s
    days = version_days(deployment.store)
    segments, rows, objects = done
    return Certificate(
        collection=message.collection,
        product_id=message.product_id,
        pic_name=message.pic_name,
        erased_at=now,
        records=records,
        segments=segments,
        rows=rows,
        objects=objects,
        ids_until=ids_until,
        version_days=days,
        # S3 counts whole days from the next midnight
        last_version_expires=None if days is None else ids_until + (days + (days > 0)) * _DAY_S,
        left=tuple(_left(message, deployment, generation)),
    )


def _left(message: DeletePictures, deployment: Deployment, generation: Generation) -> list[str]:
    """Keys of what still holds some of it, or may: segments that others kept changing, objects of
    compactors that died, generations that nobody serves.
    """
    listed = generation.listed()
    held = holding(generation, message.product_id, message.pic_name)
    found = [generation.folder + ref.body_path for ref in held]
    found += [f"{generation.folder}{garbage.key}" for garbage in listed.manifest.garbage]
    found += [generation.folder + one.path for one in listed.waiting]
    found += [generation.folder + remnant.path for remnant in orphans(generation)]
    found += [one.folder for one in deployment.catalog.unreachable(message.collection)]
    return found
