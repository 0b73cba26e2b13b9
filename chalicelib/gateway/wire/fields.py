"""Typed reading of a request's parameters. What an action does not know is refused by name."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from chalicelib.contract.values import (
    AttributeValues,
    Narrow,
    Page,
    Uploaded,
    View,
    parse_region,
    parse_threshold,
)
from chalicelib.errors import InvalidField, InvalidRequest
from chalicelib.gateway.wire.upload_urls import read_url
from chalicelib.service import MAX_PICTURE_BYTES

if TYPE_CHECKING:
    from chalicelib.contract.filters import Filter

Kind = Literal["text", "integer", "boolean", "picture", "filter", "region", "score"]

_URL_SAFE: Final = bytes.maketrans(b"-_", b"+/")
_MAX_ENCODED: Final = MAX_PICTURE_BYTES // 3 * 4 * 104 // 100 + 256
"""Characters of the largest picture's base64, with line breaks and data:…, around it."""
COMMON: Final = frozenset(
    {
        "AccessKeyId",
        "Action",
        "Format",
        "Product",
        "RegionId",
        "SecurityToken",
        "Signature",
        "SignatureMethod",
        "SignatureNonce",
        "SignatureType",
        "SignatureVersion",
        "Timestamp",
        "Version",
    }
)
"""Parameters of the transport, allowed with every action."""


class Parameter(NamedTuple):
    """One parameter of an action, as docs/API.md and /openapi.json describe it too."""

    name: str
    """On the wire."""
    field: str
    """In contract/messages.py; errors name it."""
    kind: Kind = "text"
    required: bool = False
    note: str = ""
    limits: Mapping[str, object] = MappingProxyType({})
    """As JSON Schema says them."""
    called: str = ""
    """What the caller knows it as, where an older version has another name for it."""

    def but(self, *, required: bool = False, note: str = "") -> Parameter:
        """The same for another action."""
        return self._replace(required=required, note=note or self.note)


def read_integer(text: str, *, name: str, field: str) -> int | None:
    """The number, or None for empty text. Raises InvalidField(`field`), which calls it `name`."""
    text = text.strip()
    if not text:
        return None
    # 18 digits are beyond every limit here; longer ones need not be computed
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise InvalidField(field, f"{name} is {text[:24]!r}; it must be a whole number")
    return int(text)


def read_boolean(text: str, *, name: str, field: str, default: bool) -> bool:
    """True or false in any case; `default` for empty text. Raises InvalidField(`field`)."""
    text = text.strip().lower()
    if text not in {"", "true", "false"}:
        raise InvalidField(field, f"{name} is {text[:24]!r}; it must be true or false")
    return default if not text else text == "true"


def read_base64(text: str, *, name: str, field: str) -> bytes:
    """A picture's bytes. Raises InvalidField(`field`), which says what is wrong with it.

    Line breaks, the URL-safe alphabet, absent padding and `data:image/png;base64,` in front are
    read, as they leave no doubt; a space is not: it may have been a plus.
    """
    if len(text) > _MAX_ENCODED:
        raise InvalidField(
            field,
            f"{name} has {len(text)} characters; a picture of {MAX_PICTURE_BYTES} bytes (4 MiB), "
            f"the largest that is taken, has {_MAX_ENCODED}: scale it down",
        )
    try:
        return _bytes_of(text.encode("ascii"))
    except UnicodeEncodeError:
        what = "it has characters outside of ASCII"
    except ValueError as error:
        what = str(error)
    raise InvalidField(field, f"{name} is not the base64 text of a picture: {what}")


def _bytes_of(data: bytes) -> bytes:
    """What `data` is the base64 of. Raises ValueError that says why it is of nothing."""
    if data[:5].lower() == b"data:":
        head, comma, data = data.partition(b",")
        if not comma or not head.lower().endswith(b";base64"):
            raise ValueError("it is a data: URL whose content is not base64")
    data = _one_alphabet(_without_space(data)).rstrip(b"=")
    if b"=" in data:
        raise ValueError("it has = in the middle, as if two texts had been joined")
    if len(data) % 4 == 1:
        raise ValueError("it is cut off: no number of bytes has so many characters")
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except binascii.Error:
        raise ValueError("it has characters that base64 has not") from None


def _without_space(data: bytes) -> bytes:
    """`data` without line breaks. Raises ValueError for spaces that may have been pluses."""
    if any(mark in data for mark in (b"\n", b"\r", b"\t")):
        data = data.translate(None, b"\r\n\t")
    if b" " in data:
        data = data.strip(b" ")
        if b" " in data or len(data) % 4:
            raise ValueError("it has spaces (a + that is not escaped as %2B arrives as a space)")
    return data


def _one_alphabet(data: bytes) -> bytes:
    """`data` with + and / for - and _. Raises ValueError where it has both."""
    if b"-" not in data and b"_" not in data:
        return data
    if b"+" in data or b"/" in data:
        raise ValueError("it mixes two alphabets, + and / with - and _")
    return data.translate(_URL_SAFE)


class Fields:
    """The parameters of one request. Empty text counts as absent, except in attributes, where it is
    a value.
    """

    def __init__(
        self, values: Mapping[str, str], parameters: Sequence[Parameter], *, hosts: Sequence[str]
    ) -> None:
        """Raises InvalidRequest for a parameter that is not in `parameters`. `hosts`: names under
        which uploads of ours are known.
        """
        self._values = values
        self._hosts = hosts
        self._fields = {parameter.name: parameter.field for parameter in parameters}
        self._called = {
            parameter.name: parameter.called for parameter in parameters if parameter.called
        }
        unknown = [name for name in values if name not in self._fields and name not in COMMON]
        if unknown:
            names = ", ".join(repr(name[:40]) for name in sorted(unknown)[:5])
            raise InvalidRequest(
                f"this action has no parameter {names}; it has {', '.join(self._fields)}"
            )

    @property
    def collection(self) -> str:
        """Of the request, as it was sent; empty where it names none."""
        return self.text("InstanceName")

    def text(self, name: str) -> str:
        """The value, or empty text."""
        return self._values.get(name, "") if name in self._fields else ""

    def given(self, name: str) -> str | None:
        """The value, which may be empty, or None where it is absent."""
        return self._values.get(name) if name in self._fields else None

    def _call(self, name: str) -> str:
        return self._called.get(name, name)

    def _field(self, name: str) -> str:
        # an action that does not have the parameter reads it as absent
        return self._fields.get(name, name)

    def optional(self, name: str) -> str | None:
        """The value, or None where it is absent or empty."""
        return self.text(name) or None

    def integer(self, name: str) -> int | None:
        """Raises InvalidField."""
        return read_integer(self.text(name), name=self._call(name), field=self._field(name))

    def boolean(self, name: str, *, default: bool) -> bool:
        """Raises InvalidField."""
        called, field = self._call(name), self._field(name)
        return read_boolean(self.text(name), name=called, field=field, default=default)

    def picture(self, name: str) -> bytes | Uploaded:
        """The bytes of base64, a reference to an upload, or no bytes where it is absent. Raises
        InvalidField.
        """
        text = self.text(name)
        if text.startswith(("http://", "https://")):
            return read_url(text, self._hosts)
        return read_base64(text, name=self._call(name), field=self._field(name))

    def filter(self, name: str) -> Filter | None:
        """Raises InvalidFilter."""
        text = self.optional(name)
        if text is None:
            return None
        from chalicelib.contract.filters import parse

        return parse(text)

    def view(self) -> View:
        """CategoryId, Crop, Region. Raises InvalidField."""
        region = self.optional("Region")
        return View(
            category_id=self.integer("CategoryId"),
            crop=self.boolean("Crop", default=True),
            region=None if region is None else parse_region(region),
        )

    def page(self) -> Page:
        """Num and Start. Raises InvalidField."""
        count, start = self.integer("Num"), self.integer("Start")
        return Page(count=10 if count is None else count, start=0 if start is None else start)

    def narrow(self) -> Narrow:
        """Filter, DistinctProductId and ScoreThreshold. Raises InvalidField."""
        threshold = self.optional("ScoreThreshold")
        return Narrow(
            filter=self.filter("Filter"),
            distinct=self.boolean("DistinctProductId", default=False),
            min_score=0.0 if threshold is None else parse_threshold(threshold),
        )

    def attributes(self) -> AttributeValues:
        """CustomContent, IntAttr to IntAttr4, StrAttr to StrAttr4. Raises InvalidField."""
        return AttributeValues(
            custom_content=self.given("CustomContent"),
            int_attr=self.integer("IntAttr"),
            int_attr2=self.integer("IntAttr2"),
            int_attr3=self.integer("IntAttr3"),
            int_attr4=self.integer("IntAttr4"),
            str_attr=self.given("StrAttr"),
            str_attr2=self.given("StrAttr2"),
            str_attr3=self.given("StrAttr3"),
            str_attr4=self.given("StrAttr4"),
        )
