"""increment.meta is read as a stream, line by line; what is wrong with a line is said and stops
nothing.
"""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.attributes import Attributes
from chalicelib.contract.values import AttributeValues, View
from chalicelib.errors import InvalidField, InvalidRequest, LookalikeError, MissingField
from chalicelib.index.format.records import Key
from chalicelib.index.read.query import Row
from chalicelib.jobs.increment_meta import (
    MAX_LINE_BYTES,
    Line,
    Operation,
    dump,
    dump_addition,
    dump_deletion,
    lines,
    parse,
)
from chalicelib.region import Region

# The line of CONTRACT §7.
EXAMPLE = (
    '{"OperationType":"ADD","ProductId":"1000","PicName":"girl_cloth1.jpg","CategoryId":0,'
    '"IntAttr":0,"StrAttr":"value1","CustomContent":"k1:v1","Region":"20,40,60,80"}'
)


def one(text: str) -> Operation:
    (operation,) = parse(Line(1, text))
    return operation


def test_the_contracts_example() -> None:
    assert one(EXAMPLE) == Operation(
        adds=True,
        product_id="1000",
        pic_name="girl_cloth1.jpg",
        view=View(category_id=0, region=Region(20, 40, 60, 80)),
        attributes=AttributeValues(int_attr=0, str_attr="value1", custom_content="k1:v1"),
    )


def test_every_attribute_has_its_own_place() -> None:
    members: dict[str, object] = {"OperationType": "ADD", "ProductId": "p", "PicName": "n"}
    members |= {f"IntAttr{n}": number for number, n in enumerate(("", "2", "3", "4"))}
    members |= {f"StrAttr{n}": f"s{n}" for n in ("", "2", "3", "4")}
    assert one(json.dumps(members)).attributes == AttributeValues(
        int_attr=0,
        int_attr2=1,
        int_attr3=2,
        int_attr4=3,
        str_attr="s",
        str_attr2="s2",
        str_attr3="s3",
        str_attr4="s4",
    )


def test_a_deletion_needs_only_the_identity() -> None:
    assert one(
        '{"OperationType":"DELETE","ProductId":"p","PicName":"a/b.jpg","CategoryId":"nonsense"}'
    ) == Operation(adds=False, product_id="p", pic_name="a/b.jpg")
    assert one('{"OperationType":"DELETE","ProductId":"p"}') == Operation(
        adds=False, product_id="p", pic_name=None
    )


def test_the_older_form_lists_several_pictures() -> None:
    text = (
        '{"operator":"ADD","item_id":"1000","cat_id":4,"cust_content":"k",'
        '"pic_list":["a.jpg","b/c.jpg"]}'
    )
    expected = [
        Operation(
            adds=True,
            product_id="1000",
            pic_name=name,
            view=View(4),
            attributes=AttributeValues(custom_content="k"),
        )
        for name in ("a.jpg", "b/c.jpg")
    ]
    assert list(parse(Line(1, text))) == expected
    assert parse(Line(1, '{"operator":"DELETE","item_id":"1000"}')) == (
        Operation(adds=False, product_id="1000", pic_name=None),
    )


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("{", InvalidRequest, "not a JSON object"),
        ("[1]", InvalidRequest, "another JSON value"),
        ('{"OperationType":"ADD"}{"OperationType":"ADD"}', InvalidRequest, "not a JSON object"),
        ("[" * 60_000, InvalidRequest, "nested too deeply"),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","IntAtr":1}',
            InvalidRequest,
            "unknown member 'IntAtr'",
        ),
        ('{"ProductId":"p","PicName":"n"}', MissingField, "OperationType is missing"),
        (
            '{"OperationType":"UPDATE","ProductId":"p","PicName":"n"}',
            InvalidField,
            "must be ADD or DELETE",
        ),
        ('{"OperationType":"ADD","PicName":"n"}', MissingField, "^ProductId is missing"),
        ('{"OperationType":"ADD","ProductId":"p"}', MissingField, "^PicName is missing"),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":["a","b"]}',
            InvalidField,
            "must be text",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"/a.jpg"}',
            InvalidField,
            "relative to increment.meta",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"a/"}',
            InvalidField,
            "relative to increment.meta",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"../a.jpg"}',
            InvalidField,
            "relative to increment.meta",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","CategoryId":99}',
            InvalidField,
            "CategoryId is 99",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","CategoryId":1.5}',
            InvalidField,
            "whole number",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","Region":"1,2,3"}',
            InvalidField,
            "Region '1,2,3'",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","Crop":"no"}',
            InvalidField,
            "true or false",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","IntAttr":2147483648}',
            InvalidField,
            "^IntAttr is 2147483648; .* to 2147483647",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","IntAttr":true}',
            InvalidField,
            "whole number",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","StrAttr":5}',
            InvalidField,
            "must be text",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","StrAttr":"5 %"}',
            InvalidField,
            "^StrAttr contains '%'",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","IntAttr":1,"IntAttr":2}',
            InvalidRequest,
            "'IntAttr' occurs twice",
        ),
        (
            '{"OperationType":"ADD","ProductId":"p","PicName":"n","IntAttr":' + "9" * 5000 + "}",
            InvalidRequest,
            "thousands of digits",
        ),
        ('{"operator":"ADD","item_id":"p","pic_list":[]}', MissingField, "pic_list"),
        ('{"operator":"ADD","item_id":"","pic_list":["a"]}', MissingField, "^item_id is missing"),
        ('{"operator":"ADD","item_id":"p","pic_list":[1]}', InvalidField, "list of names"),
        ("\ufffd", InvalidRequest, "UTF-8"),
    ],
)
def test_what_is_wrong_is_said(text: str, kind: type[LookalikeError], words: str) -> None:
    with pytest.raises(kind, match=words):
        parse(Line(1, text))


def test_lines_have_the_numbers_that_editors_show() -> None:
    data = b"\xef\xbb\xbfone\r\n\n  \nfour\n\nsix"
    assert [(line.number, line.text) for line in lines([data])] == [
        (1, "one"),
        (4, "four"),
        (6, "six"),
    ]


def test_a_line_without_end_is_cut_and_refused_and_the_next_is_read() -> None:
    chunks = [b"x" * 50_000] * 40 + [b"y\n" + EXAMPLE.encode()]
    found = list(lines(chunks))
    assert [len(line.text) for line in found] == [MAX_LINE_BYTES, len(EXAMPLE)]
    with pytest.raises(InvalidRequest, match="longer than 65536 bytes"):
        parse(found[0])
    assert parse(found[1])


def test_bytes_that_are_no_text_spoil_only_their_line() -> None:
    bad, good = lines([b'{"ProductId":"\xff"}\n' + EXAMPLE.encode() + b"\n"])
    with pytest.raises(InvalidRequest, match="UTF-8"):
        parse(bad)
    assert parse(good)


@given(
    st.lists(
        st.text(
            st.characters(
                exclude_characters="\n\ufffd", categories=("L", "M", "N", "P", "S", "Z", "Cc", "Cf")
            ),
            max_size=30,
        ),
        max_size=10,
    ),
    st.data(),
)
def test_however_the_file_is_cut_into_chunks_the_lines_are_the_same(
    texts: list[str], data: st.DataObject
) -> None:
    whole = "\n".join(texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    chunks = [whole[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert list(lines(chunks)) == list(lines([whole]))
    assert [line.number for line in lines([whole])] == [
        n
        for n, line in enumerate(whole.split(b"\n"), 1)
        if line.removeprefix(b"\xef\xbb\xbf" if n == 1 else b"").decode().strip("\r\n\t ")
    ]


@given(st.text(max_size=200))
def test_no_line_does_anything_but_parse_or_be_refused(text: str) -> None:
    for line in lines([text.encode("utf-8", "surrogatepass")]):
        with contextlib.suppress(InvalidRequest):
            assert parse(line)


_names = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/.\ufffd"),
    min_size=1,
    max_size=20,
)
_texts = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\\¥$&%\ufffd"), max_size=20
)
_ints = st.integers(-(2**31), 2**31 - 1)


@given(
    _names,
    _names,
    st.sampled_from([0, 4, 88888888]),
    st.builds(
        Attributes, *([st.none() | _texts] + [st.none() | _ints] * 4 + [st.none() | _texts] * 4)
    ),
)
def test_a_dumped_record_parses_to_itself(
    product_id: str, pic_name: str, category_id: int, attributes: Attributes
) -> None:
    row = Row(Key(product_id, pic_name), category_id, Region(1, 5, 2, 6), attributes)
    operation = one(dump(row, with_category=True))
    assert (operation.product_id, operation.pic_name) == row.key
    assert operation.view == View(category_id, region=row.region)
    assert all(
        getattr(operation.attributes, name) == getattr(attributes, name)
        for name in Attributes.__dataclass_fields__
    )
    assert one(dump_addition(*row.key)) == Operation(
        adds=True, product_id=product_id, pic_name=pic_name
    )
    assert one(dump_deletion(*row.key)) == Operation(
        adds=False, product_id=product_id, pic_name=pic_name
    )
