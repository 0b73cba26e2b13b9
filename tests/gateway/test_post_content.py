"""The body of 2018-01-20."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contract import messages as m
from chalicelib.contract import values as v
from chalicelib.errors import InvalidRequest, LookalikeError
from chalicelib.gateway.versions import v2018
from chalicelib.gateway.versions.post_content import parse_post_content
from chalicelib.gateway.versions.v2018 import Items, collection_of
from chalicelib.gateway.wire.faults import WireFault

PICTURE = base64.b64encode(b"picture").decode()
NAME = base64.b64encode(b"a.png").decode()


def add_item(collection: str, entries: dict[str, str]) -> list[m.AddPicture]:
    read: list[m.AddPicture] = v2018.ADD.read(Items(collection, entries, v2018.ADD.parameters))
    return read


def search_item(collection: str, entries: dict[str, str]) -> m.SearchByPicture:
    parameters = v2018.SEARCH.parameters
    read: m.SearchByPicture = v2018.SEARCH.read(Items(collection, entries, parameters))
    return read


def delete_item(collection: str, entries: dict[str, str]) -> list[m.DeletePictures]:
    parameters = v2018.DELETE.parameters
    read: list[m.DeletePictures] = v2018.DELETE.read(Items(collection, entries, parameters))
    return read


def build(values: dict[str, str], units: str = "utf-16") -> bytes:
    """As buildPostContent does, in Java's units or in bytes."""
    at, table = 0, []
    for name, value in values.items():
        length = len(value.encode("utf-16-le")) // 2 if units == "utf-16" else len(value.encode())
        table.append(f"{name},{at},{at + length}")
        at += length
    return ("#".join(table) + "^" + "".join(values.values())).encode()


ADD = {"item_id": "1000", "cat_id": "0", "cust_content": "k:v", NAME: PICTURE, "pic_list": NAME}


@pytest.mark.parametrize("units", ["utf-16", "bytes"])
@given(
    values=st.dictionaries(
        st.text("abcdef_", min_size=1, max_size=5), st.text(max_size=12), min_size=1, max_size=6
    )
)
def test_what_was_built_is_read_in_either_unit(units: str, values: dict[str, str]) -> None:
    text = "".join(values.values())
    wide, narrow = len(text.encode("utf-16-le")) // 2, len(text.encode())
    read = parse_post_content(build(values, units))
    if wide == narrow or units == "utf-16":
        assert read == values
    else:
        assert read == values, "bytes reach further than UTF-16 units, which tells them apart"


def test_values_may_contain_the_marks_of_the_table() -> None:
    values = {"item_id": "a^b#c,1,2", "cust_content": "^^"}
    assert parse_post_content(build(values)) == values


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"item_id,0,4", "NoCaretSeperator"),
        (b"", "NoCaretSeperator"),
        (b"^1000", "EmptyMeta"),
        (b"item_id^1000", "InvalidMetaItem"),
        (b"item_id,0^1000", "InvalidMetaItem"),
        (b"item_id,x,4^1000", "InvalidMetaItem"),
        (b"item_id,4,0^1000", "InvalidMetaItem"),
        (b"item_id,0,5^1000", "InvalidMetaItem"),
        (b"item_id,0,4#^1000", "InvalidMetaItem"),
        (b"item_id,0,4#item_id,0,4^1000", "InvalidMetaItem"),
        (b"item_id,0,99999999999999999999^1000", "InvalidMetaItem"),
        (b"item_id,0,1^\xff", "InvalidMetaItem"),
        ("item_id,0,1#x,1,3^éa".encode(), "InvalidMetaItem"),
        ("#".join(f"k{n},0,4" for n in range(65)).encode() + b"^1000", "InvalidMetaItem"),
    ],
)
def test_a_malformed_body_has_its_own_code(body: bytes, code: str) -> None:
    with pytest.raises(WireFault) as caught:
        parse_post_content(body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"item_id": ""}, "NoSpecifiedItemId"),
        ({"pic_list": None}, "NoPicList"),
        ({"pic_list": ""}, "NoSpecifiedPic"),
        ({NAME: ""}, "NoSpecifiedAddPic"),
        ({"pic_list": f"{NAME},{NAME}"}, "InvalidPicList"),
        ({"pic_list": "not-base64!"}, "InvalidPicList"),
        ({"pic_list": ",".join(f"n{i}" for i in range(21))}, "InvalidPicList"),
    ],
)
def test_an_incomplete_item_is_refused_with_the_code_of_what_is_missing(
    changes: dict[str, str | None], code: str
) -> None:
    values = {name: value for name, value in {**ADD, **changes}.items() if value is not None}
    for key in (values.get("pic_list") or "").split(","):
        values.setdefault(key, PICTURE) if key and key != NAME else None
    with pytest.raises(WireFault) as caught:
        add_item("c", values)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"s": "0", "n": "10"}, "NoPicList"),
        ({"pic_list": ""}, "InvalidPicList"),
        ({"pic_list": "YQ==,Yg==", "YQ==": PICTURE, "Yg==": PICTURE}, "InvalidPicList"),
        ({"pic_list": "YQ=="}, "NoSpecifiedSearchPic"),
    ],
)
def test_a_search_takes_exactly_one_picture(values: dict[str, str], code: str) -> None:
    with pytest.raises(WireFault) as caught:
        search_item("c", values)
    assert caught.value.code == code


def test_an_item_becomes_one_message_per_picture() -> None:
    values = {**ADD, "crop": "false", "int_attr": "7", "str_attr": "s"}
    (message,) = add_item("c", values)
    expected = v.AttributeValues(custom_content="k:v", int_attr=7, str_attr="s")
    assert message == m.AddPicture(
        "c", "1000", "a.png", b"picture", v.View(0, crop=False), expected
    )


def test_a_search_reads_paging_region_and_filter() -> None:
    values = {
        "s": "5",
        "n": "20",
        "pic_list": "c2VhcmNoUGlj",
        "c2VhcmNoUGlj": PICTURE,
        "region": "1,5,2,9",
        "filter": "int_attr=1",
    }
    message = search_item("c", values)
    assert message.page == v.Page(20, 5)
    assert message.view.region == (1, 5, 2, 9)
    assert message.narrow.filter is not None


def test_delete_without_pictures_takes_the_whole_item() -> None:
    assert delete_item("c", {"item_id": "1", "pic_list": ""}) == [m.DeletePictures("c", "1")]
    with pytest.raises(WireFault, match="item_id"):
        delete_item("c", {"pic_list": NAME})


def test_an_entry_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="'colour'"):
        add_item("c", {**ADD, "colour": "red"})


def test_the_collection_is_in_the_query() -> None:
    assert collection_of({"instanceName": "demo"}) == "demo"
    with pytest.raises(LookalikeError, match="instanceName is missing"):
        collection_of({})
