"""The body of 2018-01-20, as the old SDK's buildPostContent writes it, and its way into messages
(CONTRACT §5).

    name,start,end#name,start,end#…^all values joined

Offsets are into what follows the first `^`, end exclusive, counted in the client's units of text:
UTF-16 units from Java, bytes from Python 2. Pictures stand under the base64 of their names;
pic_list names them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from chalicelib.contract import filters
from chalicelib.contract import messages as m
from chalicelib.contract import values as v
from chalicelib.errors import InvalidRequest, MissingField
from chalicelib.gateway.wire.faults import WireFault
from chalicelib.gateway.wire.fields import read_base64, read_boolean, read_integer

MAX_PICTURES: Final = 20
MAX_ITEMS: Final = 64
_ITEM: Final = re.compile(r"([^,#^]+),(\d{1,9}),(\d{1,9})", re.ASCII)
_ADD: Final = frozenset(
    {"item_id", "cat_id", "cust_content", "pic_list", "crop", "region", "int_attr", "str_attr"}
)
_SEARCH: Final = frozenset({"s", "n", "cat_id", "pic_list", "crop", "region", "filter"})
_DELETE: Final = frozenset({"item_id", "pic_list"})


def parse_post_content(body: bytes) -> dict[str, str]:
    """Key to value. Raises WireFault with the codes of this format."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise WireFault("InvalidMetaItem", "the body is not UTF-8 text") from None
    meta, caret, content = text.partition("^")
    if not caret:
        raise WireFault("NoCaretSeperator", "the body has no ^ between its table and its values")
    if not meta:
        raise WireFault("EmptyMeta", "the table before the ^ is empty")
    items = meta.split("#", MAX_ITEMS)
    if len(items) > MAX_ITEMS:
        # each may name the whole body, so their number bounds the work
        raise WireFault("InvalidMetaItem", f"the table has more than {MAX_ITEMS} items")
    spans = [_span(item) for item in items]
    names = [name for name, _, _ in spans]
    if len(set(names)) < len(names):
        raise WireFault("InvalidMetaItem", "a name occurs twice in the table")
    last = max(end for _, _, end in spans)
    return _cut(content, spans, last)


def _span(item: str) -> tuple[str, int, int]:
    match = _ITEM.fullmatch(item)
    if match is None or int(match[2]) > int(match[3]):
        raise WireFault("InvalidMetaItem", f"{item[:40]!r} is not name,start,end")
    return match[1], int(match[2]), int(match[3])


def _cut(content: str, spans: list[tuple[str, int, int]], last: int) -> dict[str, str]:
    data = content.encode()
    if len(data) == len(content):
        units, width, encoding = data, 1, "utf-8"
    else:
        # UTF-16 where the last offset fits its length, else bytes
        wide = content.encode("utf-16-le")
        units, width, encoding = (
            (wide, 2, "utf-16-le")
            if last * 2 == len(wide) or last > len(data)
            else (data, 1, "utf-8")
        )
    if last * width > len(units):
        raise WireFault(
            "InvalidMetaItem",
            f"the table reaches to {last}, past the {len(units) // width} units after the ^",
        )
    try:
        return {
            name: units[start * width : end * width].decode(encoding) for name, start, end in spans
        }
    except UnicodeDecodeError:
        raise WireFault(
            "InvalidMetaItem", "an offset in the table falls inside a character"
        ) from None


def _names(values: Mapping[str, str]) -> list[str]:
    """The keys of the pictures that pic_list names; each is the base64 of a name."""
    keys = [key for key in values.get("pic_list", "").split(",") if key]
    if len(keys) > MAX_PICTURES or len(set(keys)) < len(keys):
        raise WireFault(
            "InvalidPicList", f"pic_list must name at most {MAX_PICTURES} different pictures"
        )
    return keys


def _name(key: str) -> str:
    try:
        return base64.b64decode(key, validate=True).decode()
    except (binascii.Error, ValueError):
        raise WireFault(
            "InvalidPicList", f"{key[:40]!r} in pic_list is not the base64 of a name"
        ) from None


def _picture(values: Mapping[str, str], key: str, absent: str) -> bytes:
    if not values.get(key):
        raise WireFault(absent, f"pic_list names {key[:40]!r}, but the body has no such picture")
    return read_base64(values[key], name="the picture", field="picture")


def _known(values: Mapping[str, str], known: frozenset[str], pictures: list[str]) -> None:
    unknown = sorted(set(values) - known - set(pictures))
    if unknown:
        raise InvalidRequest(
            f"the body has an entry {unknown[0][:40]!r} that this action does not know"
        )


def _integer(values: Mapping[str, str], name: str, field: str) -> int | None:
    return read_integer(values.get(name, ""), name=name, field=field)


def _view(values: Mapping[str, str]) -> v.View:
    region = values.get("region")
    return v.View(
        category_id=_integer(values, "cat_id", "category_id"),
        crop=read_boolean(values.get("crop", ""), name="crop", field="crop", default=True),
        region=v.parse_region(region) if region else None,
    )


def add_item(collection: str, values: Mapping[str, str]) -> list[m.AddPicture]:
    """AddItem: one message per picture."""
    keys = _names(values)
    _item(values)
    if "pic_list" not in values:
        raise WireFault("NoPicList", "pic_list is missing")
    if not keys:
        raise WireFault(
            "NoSpecifiedPic", "pic_list is empty; an item is added with at least one picture"
        )
    names = [_name(key) for key in keys]
    _known(values, _ADD, keys)
    attributes = v.AttributeValues(
        custom_content=values.get("cust_content"),
        int_attr=_integer(values, "int_attr", "int_attr"),
        str_attr=values.get("str_attr"),
    )
    return [
        m.AddPicture(
            collection=collection,
            product_id=values["item_id"],
            pic_name=name,
            picture=_picture(values, key, "NoSpecifiedAddPic"),
            view=_view(values),
            attributes=attributes,
        )
        for key, name in zip(keys, names, strict=True)
    ]


def _item(values: Mapping[str, str]) -> None:
    if not values.get("item_id"):
        raise WireFault("NoSpecifiedItemId", "item_id is missing")


def search_item(collection: str, values: Mapping[str, str]) -> m.SearchByPicture:
    """SearchItem."""
    keys = _names(values)
    if "pic_list" not in values:
        raise WireFault("NoPicList", "pic_list is missing")
    if len(keys) != 1:
        raise WireFault(
            "InvalidPicList", f"pic_list names {len(keys)} pictures; a search takes exactly one"
        )
    _known(values, _SEARCH, keys)
    count, start = _integer(values, "n", "count"), _integer(values, "s", "start")
    text = values.get("filter")
    return m.SearchByPicture(
        collection=collection,
        picture=_picture(values, keys[0], "NoSpecifiedSearchPic"),
        view=_view(values),
        page=v.Page(count=10 if count is None else count, start=0 if start is None else start),
        narrow=v.Narrow(filter=filters.parse(text) if text else None),
    )


def delete_item(collection: str, values: Mapping[str, str]) -> list[m.DeletePictures]:
    """DeleteItem: the pictures named, or the whole item."""
    keys = _names(values)
    _known(values, _DELETE, keys)
    _item(values)
    return [m.DeletePictures(collection, values["item_id"], _name(key)) for key in keys] or [
        m.DeletePictures(collection, values["item_id"])
    ]


def collection_of(query: Mapping[str, str]) -> str:
    """The collection's name in the query. Raises MissingField, InvalidField."""
    name = query.get("instanceName", "")
    if not name:
        raise MissingField("collection", "the query parameter instanceName is missing")
    v.check_collection(name)
    return name
