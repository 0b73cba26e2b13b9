"""Where pictures are imported from: a folder of a bucket, or a folder on this machine. Only ever
read.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from chalicelib.errors import (
    BadPicture,
    PictureFault,
    PictureNotFound,
    SourceError,
    SourceFault,
    Unsupported,
)

META: Final = "increment.meta"
"""Name of the file that lists what to import (CONTRACT §7)."""

_CHUNK: Final = 1 << 20
_ARN: Final = re.compile(r"arn:aws(-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]{1,576}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the account that owns a bucket, which lets this deployment read it."""

    arn: str
    external_id: str

    def check(self) -> None:
        """Raises SourceError(BAD_ARN) for an ARN that cannot be a role's."""
        if not _ARN.fullmatch(self.arn):
            raise SourceError(
                SourceFault.BAD_ARN,
                f"{self.arn!r} is not the ARN of a role; it must look like "
                "arn:aws:iam::123456789012:role/lookalike-reads-pictures",
            )


@dataclass(frozen=True, slots=True)
class Location:
    """A folder to import from."""

    kind: Literal["bucket", "folder"]
    bucket: str
    """Empty for a folder on this machine."""
    path: str
    """Begins with `/` and does not end with one; `/` alone is the bucket's root. For a folder: its
    absolute path.
    """
    role: Role | None = None

    def text(self) -> str:
        """`s3://bucket/path`, or the folder."""
        return f"s3://{self.bucket}{self.path}" if self.kind == "bucket" else self.path


@dataclass(frozen=True, slots=True)
class MetaFile:
    """increment.meta, opened."""

    version: str
    """Changes when the file is replaced."""
    chunks: Iterator[bytes]


class Source(Protocol):
    """A folder, opened. Nothing is contacted before the first call. `picture` may be called from
    several threads.
    """

    def check(self) -> None:
        """Raises SourceError with one of the seven faults if the import could not work; reads no
        picture.
        """
        ...

    def meta(self, *, version: str = "") -> MetaFile:
        """increment.meta from its beginning; with `version`, exactly that one.

        Raises SourceError(NO_META) if it is not there or was replaced, and the other faults;
        StoreUnavailable.
        """
        ...

    def picture(self, name: str, *, limit: int) -> bytes:
        """The picture at `name`, relative to the folder.

        Raises PictureNotFound, BadPicture(BYTES) if it has more than `limit` bytes (then it is not
        downloaded), SourceError if it may not be read, StoreUnavailable.
        """
        ...


class Sources(Protocol):
    """Opens locations."""

    def open(self, location: Location) -> Source:
        """The source at `location`. Raises SourceError(BAD_ARN) for a role that cannot be one."""
        ...


class NoSources:
    """For a deployment that imports nothing."""

    def open(self, location: Location) -> Source:
        """Raises Unsupported."""
        raise Unsupported(
            f"this process cannot read {location.text()}: it was started without import sources"
        )


class FolderSource:
    """A folder on this machine."""

    def __init__(self, root: Path, *, named: str) -> None:
        try:
            self._root = root.resolve()
        except RuntimeError:  # pathlib's, for links that lead to themselves
            raise SourceError(
                SourceFault.NO_PATH, f"{named} is a link that leads to itself"
            ) from None
        self._named = named

    def check(self) -> None:
        """See Source.check."""
        with self._translated():
            if not self._root.is_dir():
                raise SourceError(SourceFault.NO_PATH, f"there is no folder {self._named}")
            if not (self._root / META).is_file():
                raise SourceError(
                    SourceFault.NO_META,
                    f"there is no {META} in {self._named}; put one next to the pictures "
                    "(docs/IMPORTS.md)",
                )

    def meta(self, *, version: str = "") -> MetaFile:
        """See Source.meta."""
        self.check()
        with self._translated():
            stat = (self._root / META).stat()
        found = f"{stat.st_mtime_ns}-{stat.st_size}"
        if version and version != found:
            raise SourceError(
                SourceFault.NO_META,
                f"{META} in {self._named} was replaced while it was being read; start the import "
                "again",
            )
        return MetaFile(found, self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        with self._translated(), (self._root / META).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def picture(self, name: str, *, limit: int) -> bytes:
        """See Source.picture. A name that leads out of the folder, also by a link, is not found."""
        try:
            path = (self._root / name).resolve()
            if not path.is_relative_to(self._root) or not path.is_file():
                raise PictureNotFound(
                    f"there is no file {name!r} in {self._named}; upper and lower case count"
                )
            with path.open("rb") as file:
                data = file.read(limit + 1)
                size = os.fstat(file.fileno()).st_size
        except (OSError, RuntimeError, ValueError) as error:
            raise self._refusal(name, error) from error
        if len(data) > limit:
            raise too_large(name, size, limit)
        return data

    def _refusal(self, name: str, error: Exception) -> PictureNotFound | SourceError:
        """What is wrong with a name for which the file system had an error, not an answer.

        RuntimeError is pathlib's for links that lead to themselves (until Python 3.12), ValueError
        its word for a NUL or a lone surrogate.
        """
        shown = f"the file {name[:80]!r} in {self._named}"
        number = error.errno if isinstance(error, OSError) else None
        if number == errno.ENAMETOOLONG:
            return PictureNotFound(
                f"there cannot be {shown}: a part of its name is longer than the file system "
                "takes (255 bytes, and letters beyond ASCII have two to four); shorten it"
            )
        if number == errno.ELOOP or isinstance(error, RuntimeError):
            return PictureNotFound(f"{shown} is a link that leads to itself; put the file there")
        if number in {errno.ENOENT, errno.ENOTDIR} or isinstance(error, ValueError):
            return PictureNotFound(f"there is not {shown} any more, or there cannot be")
        return SourceError(
            SourceFault.NO_PERMISSION, f"{shown} may not be read: {os.strerror(number or 0)}"
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of the file system with the folder and increment.meta, as a job has them."""
        try:
            yield
        except OSError as error:
            fault = SourceFault.NO_PERMISSION
            if error.errno in {errno.ENAMETOOLONG, errno.ELOOP, errno.ENOENT, errno.ENOTDIR}:
                fault = SourceFault.NO_PATH
            raise SourceError(
                fault, f"{self._named} cannot be read: {os.strerror(error.errno or 0)}"
            ) from error


def too_large(name: str, size: int, limit: int) -> BadPicture:
    """The refusal of a picture of `size` bytes."""
    return BadPicture(
        PictureFault.BYTES, f"{name!r} has {size} bytes; at most {limit} are allowed: scale it down"
    )


def other_region(bucket: str, region: str, ours: str) -> SourceError:
    """The refusal of a bucket that is not in our region."""
    return SourceError(
        SourceFault.OTHER_REGION,
        f"bucket {bucket!r} is in {region}, this deployment in {ours}, and pictures are only read "
        "within a region. "
        f"Either copy the folder to a bucket in {ours} (aws s3 sync), or deploy Lookalike in "
        f"{region}",
    )


class LocalSources:
    """Folders of this machine; a bucket is a folder under `buckets`, so that imports can be tried
    without AWS.
    """

    def __init__(self, buckets: Path) -> None:
        self._buckets = buckets

    def open(self, location: Location) -> Source:
        """See Sources.open. Raises SourceError(NO_BUCKET, NO_PATH)."""
        if location.kind == "folder":
            return FolderSource(Path(location.path), named=location.path)
        bucket = self._buckets / location.bucket
        if not bucket.is_dir():
            raise SourceError(
                SourceFault.NO_BUCKET,
                f"there is no bucket {location.bucket!r}. On this machine a bucket is a folder: "
                f"make {self._buckets}/{location.bucket}, "
                "or set AWS_REGION to read buckets of Amazon S3",
            )
        folder = bucket / location.path.lstrip("/")
        if not folder.resolve().is_relative_to(
            bucket.resolve()
        ):  # a caller of the API must not read this machine's other folders
            raise SourceError(
                SourceFault.NO_PATH,
                f"there is nothing under {location.text()}: the path leads out of the bucket",
            )
        return FolderSource(folder, named=location.text())
