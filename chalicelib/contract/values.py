"""The values that requests are made of, and their limits (CONTRACT §1.4), which are checked as a
value is built.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from chalicelib.attributes import Attributes
from chalicelib.contract.categories import check_category
from chalicelib.errors import InvalidField, MissingField, OverLimit
from chalicelib.region import Region
from chalicelib.service import MAX_PICTURE_BYTES

if TYPE_CHECKING:
    from chalicelib.contract.filters import Filter

MAX_COLLECTION: Final = 20
MAX_ID: Final = 512
MAX_CUSTOM_CONTENT: Final = 4096
MAX_STR_ATTR: Final = 128
MAX_COUNT: Final = 100
MAX_START: Final = 499
MAX_REACH: Final = 500
"""start + count at most."""
MAX_PAGE: Final = 500
_INT32: Final = range(-(2**31), 2**31)
_CONTROL: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_COLLECTION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
_UNWANTED: Final = re.compile(r"[\\¥$&%]")


def check_collection(name: str) -> None:
    """Raises MissingField or InvalidField("collection")."""
    if not name:
        raise MissingField("collection", "collection is missing")
    if len(name) > MAX_COLLECTION or not _COLLECTION.fullmatch(name):
        raise InvalidField(
            "collection",
            f"collection {name[:40]!r} cannot be a collection: names are 1 to 20 letters, digits, "
            "_ . - and "
            "begin with a letter or digit",
        )


def check_id(field: str, value: str) -> None:
    """Raises MissingField or InvalidField for `value` of the identity `field`, product_id or
    pic_name.
    """
    if not value:
        raise MissingField(field, f"{field} is missing")
    if len(value) > MAX_ID:
        raise InvalidField(
            field, f"{field} has {len(value)} characters; at most {MAX_ID} are allowed"
        )
    if _CONTROL.search(value):
        raise InvalidField(field, f"{field} contains control characters")


def check_picture(field: str, picture: bytes | Uploaded) -> None:
    """Raises MissingField or InvalidField for `picture` of the field of that name."""
    if isinstance(picture, Uploaded):
        return
    if not picture:
        raise MissingField(field, f"{field} is missing")
    if len(picture) > MAX_PICTURE_BYTES:
        raise InvalidField(
            field,
            f"{field} has {len(picture)} bytes; at most {MAX_PICTURE_BYTES} (4 MiB) are allowed: "
            "scale it down",
        )


def parse_region(text: str) -> Region:
    """`x1,x2,y1,y2` (CONTRACT §2.4). Raises InvalidField("region")."""
    match = re.fullmatch(
        r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", text, re.ASCII
    )
    region = Region(*map(int, match.groups())) if match else None
    if region is None or region.width <= 0 or region.height <= 0:
        raise InvalidField(
            "region", f"region {text[:40]!r} is not x1,x2,y1,y2 in pixels with x1 < x2 and y1 < y2"
        )
    return region


def parse_threshold(text: str) -> float:
    """ScoreThreshold, 0.00 to 1.00. Raises InvalidField("min_score")."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= 1.0:
        raise InvalidField(
            "min_score", f"min_score {text[:20]!r} is not a number from 0.00 to 1.00"
        )
    return value


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A picture that was sent ahead through the upload helper; used once, then deleted."""

    owner: str
    """Key id that was allowed to upload it."""
    object_id: str


@dataclass(frozen=True, slots=True)
class AttributeValues(Attributes):
    """Attributes as a request gives them, within their limits. None: not given."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, int) and value not in _INT32:
                raise InvalidField(
                    field.name,
                    f"{field.name} is {value}; it must be a 32-bit number, {_INT32.start} to "
                    f"{_INT32.stop - 1}",
                )
            if isinstance(value, str):
                _check_text(field.name, value)


def _check_text(field: str, value: str) -> None:
    """Raises InvalidField for a text that the attribute `field` cannot hold."""
    limit = MAX_CUSTOM_CONTENT if field == "custom_content" else MAX_STR_ATTR
    if len(value) > limit:
        raise InvalidField(
            field, f"{field} has {len(value)} characters; at most {limit} are allowed"
        )
    if re.search("[\x00\ud800-\udfff]", value):
        raise InvalidField(field, f"{field} contains characters that are no text")
    if field != "custom_content" and (bad := _UNWANTED.search(value)):
        raise InvalidField(
            field, f"{field} contains {bad[0]!r}; the characters \\ ¥ $ & % are not allowed in it"
        )


@dataclass(frozen=True, slots=True)
class View:
    """How to look at a picture."""

    category_id: int | None = None
    """Given: used and reported. None: predicted. Without meaning where the service has no
    categories.
    """
    crop: bool = True
    """Find the subject, or take `region`; False: the whole picture."""
    region: Region | None = None

    def __post_init__(self) -> None:
        if self.category_id is not None:
            check_category(self.category_id)


@dataclass(frozen=True, slots=True)
class Page:
    """Which results are wanted."""

    count: int = 10
    start: int = 0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InvalidField("count", f"count is {self.count}; it must be 1 to {MAX_COUNT}")
        if self.count > MAX_COUNT:
            raise OverLimit("count", f"count is {self.count}; it must be 1 to {MAX_COUNT}")
        if not 0 <= self.start <= MAX_START:
            raise InvalidField("start", f"start is {self.start}; it must be 0 to {MAX_START}")
        if self.start + self.count > MAX_REACH:
            raise OverLimit(
                "start",
                f"start {self.start} + {self.count} results reach past {MAX_REACH}; narrow the "
                "search with a filter",
            )


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which records may be found."""

    filter: Filter | None = None
    distinct: bool = False
    """At most one result, the best, per product."""
    min_score: float = 0.0
    """Only results whose Score is at least this."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_score <= 1.0:
            raise InvalidField(
                "min_score", f"min_score is {self.min_score}; it must be 0.00 to 1.00"
            )


@dataclass(frozen=True, slots=True)
class JobsPage:
    """Which jobs are wanted, newest first."""

    number: int = 1
    """From 1."""
    size: int = 10

    def __post_init__(self) -> None:
        for field, value in (("page_number", self.number), ("page_size", self.size)):
            if not 1 <= value <= MAX_PAGE:
                raise InvalidField(field, f"{field} is {value}; it must be 1 to {MAX_PAGE}")
