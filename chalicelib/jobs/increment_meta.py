"""increment.meta: one JSON object a line (CONTRACT §7). The file's own words occur here and nowhere
else below the gateway.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from chalicelib.contract.values import AttributeValues, View, check_id, parse_region
from chalicelib.errors import InvalidField, InvalidRequest, MissingField
from chalicelib.index.read.query import Row
from chalicelib.storage.source import META

MAX_LINE_BYTES: Final = 64 * 1024
"""A line with every member at its limit has under 40 KiB, even where each character is escaped."""

_ATTRIBUTES: Final = {
    "CustomContent": "custom_content",
    "IntAttr": "int_attr",
    "IntAttr2": "int_attr2",
    "IntAttr3": "int_attr3",
    "IntAttr4": "int_attr4",
    "StrAttr": "str_attr",
    "StrAttr2": "str_attr2",
    "StrAttr3": "str_attr3",
    "StrAttr4": "str_attr4",
}
_MEMBERS: Final = frozenset(
    {"OperationType", "ProductId", "PicName", "CategoryId", "Region", "Crop", *_ATTRIBUTES}
)
_OLD_MEMBERS: Final = frozenset({"operator", "item_id", "cat_id", "cust_content", "pic_list"})
_MEMBER_OF: Final = {
    "product_id": "ProductId",
    "pic_name": "PicName",
    "category_id": "CategoryId",
    "region": "Region",
    **{attribute: name for name, attribute in _ATTRIBUTES.items()},
}
"""Field of the contract → member. The contract's messages begin with the field, and whoever reads
them wrote the member.
"""
_OLD_MEMBER_OF: Final = {
    "product_id": "item_id",
    "pic_name": "pic_list",
    "category_id": "cat_id",
    "custom_content": "cust_content",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What one line wants of one picture."""

    adds: bool
    """True: add or replace; False: delete."""
    product_id: str
    pic_name: str | None
    """None only in a deletion: the whole product."""
    view: View = field(default_factory=View)
    attributes: AttributeValues = field(default_factory=AttributeValues)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file."""

    number: int
    """From 1, blank lines counted, as editors show it."""
    text: str
    """Without its end; shortened where the line is too long."""
    too_long: bool = False
    broken: bool = False
    """Not UTF-8; what is not stands in `text` as U+FFFD, which names may have, too."""


def lines(chunks: Iterable[bytes]) -> Iterator[Line]:
    """The lines of a file that arrives in `chunks`, blank ones left out. Holds one chunk and one
    line, however large the file.

    Lines that are not UTF-8 are broken, which `parse` refuses; a byte order mark at the beginning
    is dropped.
    """
    for number, (raw, too_long) in enumerate(_split(chunks), start=1):
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901  # the line without its mark
        text = raw.decode("utf-8", errors="replace").strip("\r\n\t ")
        if text:
            broken = "\ufffd" in text and not too_long and not _is_text(raw)
            yield Line(number, text, too_long, broken)


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _split(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The lines of `chunks`, without their ends, and whether each was too long and was cut."""
    rest = bytearray()
    too_long = False
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest += first
        for other in others:
            yield bytes(rest[:MAX_LINE_BYTES]), too_long or len(rest) > MAX_LINE_BYTES
            rest, too_long = bytearray(other), False
        if len(rest) > MAX_LINE_BYTES:
            del rest[MAX_LINE_BYTES:]
            too_long = True
    yield bytes(rest), too_long


def parse(line: Line) -> tuple[Operation, ...]:
    """What `line` wants: one operation, or one per picture in the older form.

    Raises InvalidRequest for what is not such a line, MissingField, InvalidField with the message's
    field.
    """
    if line.too_long:
        raise InvalidRequest(f"the line is longer than {MAX_LINE_BYTES} bytes")
    if line.broken:
        raise InvalidRequest("the line is not UTF-8; save the file as UTF-8")
    members = _object(line.text)
    older = "operator" in members or "item_id" in members
    unknown = sorted(members.keys() - (_OLD_MEMBERS if older else _MEMBERS))
    if unknown:
        raise InvalidRequest(
            f"unknown member {unknown[0]!r}; a line may have "
            f"{', '.join(sorted(_OLD_MEMBERS if older else _MEMBERS))}"
        )
    try:
        return _older(members) if older else (_current(members),)
    except (InvalidField, MissingField) as error:
        raise _in_the_files_words(error, _OLD_MEMBER_OF if older else _MEMBER_OF) from None


def _object(text: str) -> dict[str, Any]:
    """The members of a line. Raises InvalidRequest, whatever the line is."""
    try:
        members = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        hint = "; is the file saved as UTF-8?" if "\ufffd" in text else ""
        raise InvalidRequest(
            f"the line is not a JSON object: {error.msg} at character {error.colno}{hint}"
        ) from None
    except RecursionError:
        raise InvalidRequest("the line is not a JSON object: nested too deeply") from None
    except ValueError:
        raise InvalidRequest(
            "the line is not a JSON object: a number in it has thousands of digits"
        ) from None
    if not isinstance(members, dict):
        raise InvalidRequest("the line is not a JSON object in braces, but another JSON value")
    return members


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise InvalidRequest(f"member {twice!r} occurs twice; which one is meant?")
    return members


def _in_the_files_words(
    error: InvalidField | MissingField, member_of: Mapping[str, str]
) -> InvalidField | MissingField:
    """`error` with the member's name where its message begins with the field's."""
    begin, space, rest = str(error).partition(" ")
    if begin != error.field or begin not in member_of:
        return error
    return type(error)(error.field, member_of[begin] + space + rest)


def _current(members: Mapping[str, Any]) -> Operation:
    """A line in the words of 2020-12-14."""
    adds = _adds(members.get("OperationType"), "OperationType")
    product_id = _text(members, "ProductId", "product_id")
    check_id("product_id", product_id)
    name = _text(members, "PicName", "pic_name")
    if not adds:
        return Operation(
            adds=False, product_id=product_id, pic_name=_identity(name) if name else None
        )
    region = _text(members, "Region", "region")
    crop = members.get("Crop", True)
    if not isinstance(crop, bool):
        raise InvalidField("crop", f"Crop is {crop!r}; it must be true or false")
    values = {
        attribute: _attribute(members[name], name)
        for name, attribute in _ATTRIBUTES.items()
        if members.get(name) is not None
    }
    return Operation(
        adds=True,
        product_id=product_id,
        # With a region it may be a record's line, as exports write it, and that has any name.
        pic_name=_identity(name) if region else _checked_name(name),
        view=View(
            _number(members.get("CategoryId"), "CategoryId", "category_id"),
            crop,
            parse_region(region) if region else None,
        ),
        attributes=AttributeValues(**values),
    )


def _older(members: Mapping[str, Any]) -> tuple[Operation, ...]:
    """A line in the words of 2018-01-20: one operation for each picture in its list."""
    adds = _adds(members.get("operator"), "operator")
    product_id = _text(members, "item_id", "product_id")
    check_id("product_id", product_id)
    names = _names(members.get("pic_list"))
    if not names:
        if adds:
            raise MissingField("pic_name", "pic_list is missing or empty")
        return (Operation(adds=False, product_id=product_id, pic_name=None),)
    view = View(_number(members.get("cat_id"), "cat_id", "category_id")) if adds else View()
    attributes = (
        AttributeValues(custom_content=_text(members, "cust_content", "custom_content") or None)
        if adds
        else AttributeValues()
    )
    return tuple(
        Operation(
            adds, product_id, _checked_name(name) if adds else _identity(name), view, attributes
        )
        for name in names
    )


def _names(value: object) -> list[str]:
    """The pictures of an older line: a list, or one text with commas."""
    names = value.split(",") if isinstance(value, str) and value else value or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidField("pic_name", "pic_list must be a list of names")
    return names


def _adds(value: object, member: str) -> bool:
    """Whether it is ADD rather than DELETE. Raises MissingField, InvalidField."""
    if value is None:
        raise MissingField("operation", f"{member} is missing; it must be ADD or DELETE")
    if not isinstance(value, str) or value.upper() not in ("ADD", "DELETE"):
        raise InvalidField(
            "operation", f"{member} is {str(value)[:40]!r}; it must be ADD or DELETE"
        )
    return value.upper() == "ADD"


def is_path(name: str) -> bool:
    """Whether a folder or bucket can be asked for a picture called so."""
    return name != META and not any(part in ("", ".", "..") for part in name.split("/"))


def _identity(name: str) -> str:
    """`name`, if a record can have it. Raises InvalidField, MissingField."""
    check_id("pic_name", name)
    return name


def _checked_name(name: str) -> str:
    """`name`, if a folder or bucket could be asked for it. Raises InvalidField, MissingField."""
    if not is_path(_identity(name)):
        raise InvalidField(
            "pic_name",
            (
                f"PicName {name[:80]!r} must be a path relative to increment.meta, without / at "
                "its ends and without . or .. in it"
            ),
        )
    return name


def _text(members: Mapping[str, Any], member: str, wanted: str) -> str:
    """A member that is text, empty where it is missing; a product id may be a number."""
    value = members.get(member)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and wanted == "product_id":
        return str(value)
    if not isinstance(value, str):
        raise InvalidField(wanted, f"{member} is {str(value)[:40]!r}; it must be text")
    return value


def _number(value: object, member: str, wanted: str) -> int | None:
    """A member that is a whole number, also one written as text; None where it is empty."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < 20:
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidField(wanted, f"{member} is {str(value)[:40]!r}; it must be a whole number")
    return value


def _attribute(value: object, member: str) -> Any:
    attribute = _ATTRIBUTES[member]
    if attribute.startswith("int_"):
        return _number(value, member, attribute)
    if not isinstance(value, str):
        raise InvalidField(attribute, f"{member} is {str(value)[:40]!r}; it must be text")
    return value


def dump(row: Row, *, with_category: bool) -> str:
    """The line that adds `row` again, without its end. `with_category`: where the service has
    categories.
    """
    members: dict[str, object] = {
        "OperationType": "ADD",
        "ProductId": row.key.product_id,
        "PicName": row.key.pic_name,
    }
    if with_category:
        members["CategoryId"] = row.category_id
    members["Region"] = row.region.text()
    values = {each.name: getattr(row.attributes, each.name) for each in fields(row.attributes)}
    members |= {
        name: values[attribute]
        for name, attribute in _ATTRIBUTES.items()
        if values[attribute] is not None
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))


def dump_addition(product_id: str, pic_name: str) -> str:
    """The line that adds a picture about which nothing else is known."""
    return json.dumps(
        {"OperationType": "ADD", "ProductId": product_id, "PicName": pic_name},
        ensure_ascii=False,
        separators=(",", ":"),
    )


def dump_deletion(product_id: str, pic_name: str) -> str:
    """The line that deletes one picture."""
    return json.dumps(
        {"OperationType": "DELETE", "ProductId": product_id, "PicName": pic_name},
        ensure_ascii=False,
        separators=(",", ":"),
    )
