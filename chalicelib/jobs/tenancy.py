"""A bucket's folder belongs to one collection: nobody else imports from it, or reads pictures of it
from the folder above.
"""

from __future__ import annotations

from chalicelib.errors import Forbidden, PictureNotFound
from chalicelib.jobs.bindings import Binding, bindings, holder
from chalicelib.jobs.records import Job
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.source import Location, MetaFile, Source, Sources


def reachable(
    bucket: str, path: str, collection: str, store: ObjectStore, *, unbound: bool
) -> Location:
    """The folder, to be read by the role of its binding if it has one, else by our own.

    `unbound`: whether the caller may have folders that belong to nobody: whoever may write in all
    collections. Raises Forbidden, which never says whose a folder is; StorageError.
    """
    binding = holder(bucket, path, bindings(store))
    if binding is None and not unbound:
        raise Forbidden(
            f"s3://{bucket}{path} is bound to no collection; whoever deployed this can bind it: "
            f"lookalike bind s3://{bucket}{path} --collection {collection}"
        )
    _check(binding, bucket, path, collection)
    return Location("bucket", bucket, path, binding.role if binding else None)


def open_source(job: Job, location: Location, sources: Sources, store: ObjectStore) -> Source:
    """Where `job` reads, without what belongs to other collections by now. Raises Forbidden,
    SourceError, StorageError.
    """
    if location.kind != "bucket":
        return sources.open(location)
    known = [each for each in bindings(store) if each.bucket == location.bucket]
    _check(
        holder(location.bucket, location.path, known),
        location.bucket,
        location.path,
        job.collection,
    )
    source = sources.open(location)
    below = location.path.rstrip("/") + "/"
    foreign = [
        each for each in known if each.collection != job.collection and each.path.startswith(below)
    ]
    return _Fenced(source, location, job.collection, known) if foreign else source


def _check(binding: Binding | None, bucket: str, path: str, collection: str) -> None:
    if binding is not None and binding.collection != collection:
        raise Forbidden(
            f"s3://{bucket}{path} is bound to another collection than {collection}; one folder "
            "belongs to one collection"
        )


class _Fenced:
    """A source in which folders of other collections are not there."""

    def __init__(
        self, source: Source, location: Location, collection: str, known: list[Binding]
    ) -> None:
        self._source = source
        self._location = location
        self._collection = collection
        self._known = known

    def check(self) -> None:
        """See Source.check."""
        self._source.check()

    def meta(self, *, version: str = "") -> MetaFile:
        """See Source.meta."""
        return self._source.meta(version=version)

    def picture(self, name: str, *, limit: int) -> bytes:
        """See Source.picture. One in a folder that is bound to another collection is not found."""
        folder = f"{self._location.path.rstrip('/')}/{name}".rpartition("/")[0]
        binding = holder(self._location.bucket, folder, self._known)
        if binding is not None and binding.collection != self._collection:
            raise PictureNotFound(
                f"{name!r} lies in a folder that is bound to another collection than "
                f"{self._collection}; import it there, or copy it"
            )
        return self._source.picture(name, limit=limit)
