"""What can be asked, one frozen class per request. Limits are checked as a message is built
(values.py), so a message that exists is within them: InvalidField or MissingField names the field
that is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from chalicelib.contract.categories import check_category
from chalicelib.contract.values import (
    AttributeValues,
    JobsPage,
    Narrow,
    Page,
    Uploaded,
    View,
    check_collection,
    check_id,
    check_picture,
)
from chalicelib.errors import InvalidField, MissingField, OverLimit
from chalicelib.service import Service

if TYPE_CHECKING:
    from chalicelib.contract.filters import Filter

MAX_TEXT: Final = 512
_CALLBACK: Final = re.compile(r"https?://[!#-\[\]-~]{1,2000}")
"""Printable ASCII without quotes and backslashes, as URLs are."""


@dataclass(frozen=True, slots=True)
class Message:
    """A request about one collection."""

    collection: str

    def __post_init__(self) -> None:
        check_collection(self.collection)


@dataclass(frozen=True, slots=True)
class Named(Message):
    """A request about one record."""

    product_id: str
    pic_name: str

    def __post_init__(self) -> None:
        check_collection(self.collection)
        check_id("product_id", self.product_id)
        check_id("pic_name", self.pic_name)


@dataclass(frozen=True, slots=True)
class AddPicture(Named):
    """Adds a picture, or replaces the record of the same product id and picture name."""

    picture: bytes | Uploaded
    view: View = View()
    attributes: AttributeValues = AttributeValues()

    def __post_init__(self) -> None:
        Named.__post_init__(self)
        check_picture("picture", self.picture)


@dataclass(frozen=True, slots=True)
class OfProduct(Message):
    """A request about one picture of a product, or about all of them."""

    product_id: str
    pic_name: str | None = None

    def __post_init__(self) -> None:
        check_collection(self.collection)
        check_id("product_id", self.product_id)
        if self.pic_name is not None:
            check_id("pic_name", self.pic_name)


@dataclass(frozen=True, slots=True)
class DeletePictures(OfProduct):
    """Deletes. What is not there is no error."""


@dataclass(frozen=True, slots=True)
class DeleteByFilter(Message):
    """Deletes every record that the filter matches."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class UpdatePictures(OfProduct):
    """Changes attributes; those that are None stay."""

    changes: AttributeValues = AttributeValues()


@dataclass(frozen=True, slots=True)
class SearchByPicture(Message):
    """The records that look most like a picture."""

    picture: bytes | Uploaded
    view: View = View()
    page: Page = Page()
    narrow: Narrow = Narrow()

    def __post_init__(self) -> None:
        check_collection(self.collection)
        check_picture("picture", self.picture)


@dataclass(frozen=True, slots=True)
class SearchByName(Named):
    """The records that look most like a stored one."""

    category_id: int | None = None
    page: Page = Page()
    narrow: Narrow = Narrow()

    def __post_init__(self) -> None:
        Named.__post_init__(self)
        if self.category_id is not None:
            check_category(self.category_id)


@dataclass(frozen=True, slots=True)
class SearchByText(Message):
    """The records that fit a description."""

    text: str
    page: Page = Page()
    narrow: Narrow = Narrow()

    def __post_init__(self) -> None:
        check_collection(self.collection)
        if not self.text.strip():
            raise MissingField("text", "text is missing")
        if len(self.text) > MAX_TEXT:
            raise OverLimit(
                "text", f"text has {len(self.text)} characters; at most {MAX_TEXT} are allowed"
            )


@dataclass(frozen=True, slots=True)
class SearchByFilter(Message):
    """The records that a filter matches, by key."""

    filter: Filter
    page: Page = Page()


@dataclass(frozen=True, slots=True)
class LookUp(Named):
    """Is there such a record, and what does it say?"""


@dataclass(frozen=True, slots=True)
class ComparePictures(Message):
    """How alike two pictures are, by the collection's kind of search. Nothing is stored."""

    primary: bytes | Uploaded
    secondary: bytes | Uploaded

    def __post_init__(self) -> None:
        check_collection(self.collection)
        check_picture("primary_picture", self.primary)
        check_picture("secondary_picture", self.secondary)


@dataclass(frozen=True, slots=True)
class Describe(Message):
    """What a collection is and how much it holds."""


@dataclass(frozen=True, slots=True)
class CreateCollection(Message):
    """A new, empty collection."""

    service: Service


@dataclass(frozen=True, slots=True)
class StartImport(Message):
    """Imports what increment.meta in a folder of a bucket lists."""

    bucket: str
    path: str
    """Begins with / and does not end with one; / alone is the bucket's root."""
    callback: str | None = None
    """URL told of the end."""

    def __post_init__(self) -> None:
        check_collection(self.collection)
        if not self.bucket:
            raise MissingField("bucket", "bucket is missing")
        if not re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?", self.bucket, re.ASCII):
            raise InvalidField(
                "bucket",
                f"bucket {self.bucket[:64]!r} cannot be a bucket's name: at most 63 lower-case "
                "letters, "
                "digits, dots and hyphens",
            )
        if not self.path:
            raise MissingField("path", "path is missing; write / for the bucket's root")
        if (
            not self.path.startswith("/")
            or (self.path != "/" and self.path.endswith("/"))
            or len(self.path) > 1024
        ):
            raise InvalidField(
                "path",
                f"path {self.path[:64]!r} must begin with / and not end with it, in at most 1024 "
                "characters",
            )
        if self.callback is not None and not _CALLBACK.fullmatch(self.callback):
            raise InvalidField(
                "callback",
                "callback must be an http:// or https:// URL of at most 2000 characters",
            )


@dataclass(frozen=True, slots=True)
class ListImports(Message):
    """Import jobs of a collection, newest first; those that fit all that is given."""

    job_id: int | None = None
    bucket: str | None = None
    path: str | None = None
    page: JobsPage = JobsPage()


@dataclass(frozen=True, slots=True)
class StartExport(Message):
    """Writes every record's line into a file that can be imported again."""


@dataclass(frozen=True, slots=True)
class ListExports(Message):
    """Export jobs of a collection, newest first."""

    job_id: int | None = None
    page: JobsPage = JobsPage()
