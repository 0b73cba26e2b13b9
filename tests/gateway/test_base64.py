"""Pictures in base64 as programs really write it: read where there is no doubt, else refused with
what it is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidField
from chalicelib.gateway.actions.pictures import ADD
from chalicelib.gateway.wire.fields import Fields, read_base64
from chalicelib.gateway.wire.forms import LARGE, parse_form
from chalicelib.service import MAX_PICTURE_BYTES
from tests.gateway.client import Client, b64, picture


def read(text: str) -> bytes:
    return read_base64(text, name="PicContent", field="picture")


def lines(data: bytes, end: str) -> str:
    return base64.encodebytes(data).decode().replace("\n", end)


SPELLINGS: dict[str, Callable[[bytes], str]] = {
    "plain": b64,
    "`base64 file`, encodebytes": lambda data: lines(data, "\n"),
    "MIME": lambda data: lines(data, "\r\n"),
    "Android's default": lambda data: b64(data) + "\n",
    "indented": lambda data: "\t" + lines(data, "\n\t"),
    "URL-safe": lambda data: base64.urlsafe_b64encode(data).decode(),
    "no padding": lambda data: b64(data).rstrip("="),
    "URL-safe, no padding": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "canvas": lambda data: "data:image/png;base64," + b64(data),
    "data: in capitals": lambda data: "DATA:image/JPEG;BASE64," + b64(data),
    "data: with a charset": lambda data: "data:image/png;charset=utf-8;base64," + b64(data),
    "data: without a type": lambda data: "data:;base64," + lines(data, "\n"),
    "spaces around": lambda data: f" {b64(data)}  ",
}


@pytest.mark.parametrize("spelling", list(SPELLINGS))
@given(data=st.binary(min_size=1, max_size=200))
def test_what_is_beyond_doubt_is_read(spelling: str, data: bytes) -> None:
    assert read(SPELLINGS[spelling](data)) == data


@pytest.mark.parametrize("spelling", [name for name in SPELLINGS if name != "spaces around"])
def test_in_a_form_too_however_large(spelling: str) -> None:
    data = picture(1, (400, 300), format="BMP")
    text = SPELLINGS[spelling](data)
    assert len(text) > LARGE
    ((_, sent),) = parse_form(f"PicContent={quote_plus(text)}".encode())
    assert read(sent) == data


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("not base64!", "escaped as %2B"),
        ("AAAA AAA", "escaped as %2B"),
        ("AA A", "escaped as %2B"),
        ("AAAAA", "cut off"),
        ("AA+_", "two alphabets"),
        ("AA-/", "two alphabets"),
        ("AA==AA==", "joined"),
        ("AAAA=AAA", "joined"),
        ("AA!A", "characters that base64 has not"),
        ("AA%2BA", "characters that base64 has not"),
        ("data:image/png,rawbytes", "data: URL whose content is not base64"),
        ("data:image/png;base64", "data: URL whose content is not base64"),
        ("data:image/svg+xml;utf8,<svg>", "data: URL"),
        ("é" * 4, "outside of ASCII"),
    ],
)
def test_what_is_not_is_refused_with_what_it_is(text: str, hint: str) -> None:
    with pytest.raises(InvalidField, match=hint) as caught:
        Fields({"PicContent": text}, ADD.parameters, hosts=()).picture("PicContent")
    assert caught.value.field == "picture"
    assert str(caught.value).startswith("PicContent is not the base64 text of a picture")


@given(st.text(st.sampled_from("AQ+/-_= \n\r%,:;"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        data = read(text)
    except InvalidField:
        return
    plain = "".join(text.split()).replace("-", "+").replace("_", "/").rstrip("=")
    assert b64(data).rstrip("=")[:-1] == plain[:-1]


def test_a_picture_that_is_too_large_is_refused_before_it_is_decoded(client: Client) -> None:
    largest = b64(bytes(MAX_PICTURE_BYTES))
    assert len(read("data:image/png;base64," + lines(bytes(MAX_PICTURE_BYTES), "\r\n"))) == (
        MAX_PICTURE_BYTES
    )
    with pytest.raises(InvalidField, match="4 MiB"):
        read("!" * (len(largest) * 11 // 10))
    named = {"InstanceName": "product", "ProductId": "p", "PicName": "n"}
    content = b64(bytes(MAX_PICTURE_BYTES * 11 // 10))
    assert client.code("AddImage", {**named, "PicContent": content}) == (400, "InvalidPicContent")


def test_a_picture_is_added_in_each_spelling_and_is_the_same(client: Client) -> None:
    data = picture(3)
    for name, spelling in SPELLINGS.items():
        sent = {"InstanceName": "generic", "ProductId": "p", "PicName": name}
        client.ok("AddImage", {**sent, "PicContent": spelling(data)})
    found = client.ok(
        "SearchImageByPic", {"InstanceName": "generic", "PicContent": b64(data), "Num": 50}
    )
    assert {row["PicName"] for row in found["Auctions"] if row["Score"] == 1} == set(SPELLINGS)
