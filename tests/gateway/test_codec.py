from __future__ import annotations

import base64
import os
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.gateway.signatures.schemes import read_rpc
from chalicelib.gateway.wire import codec
from chalicelib.gateway.wire.codec import (
    FORM,
    MAX_FIELDS,
    body_pairs,
    decode,
    encode,
    is_encoded,
    parse_form,
    parse_json,
)
from chalicelib.gateway.wire.incoming import Incoming


@given(st.binary(max_size=300))
def test_encode_is_the_standard_librarys_quote(data: bytes) -> None:
    assert encode(data).decode() == quote(data, safe="~")


@given(
    st.lists(
        st.sampled_from(
            [b"%", b"+", b"2", b"B", b"f", b"%2B", b"%2f", b"%25", b"z", b"\xff", b"%C3%A9"]
        ),
        max_size=60,
    )
)
def test_both_ways_of_decoding_are_the_standard_librarys(parts: list[bytes]) -> None:
    data = b"".join(parts)
    expected = unquote_to_bytes(data.replace(b"+", b" "))
    assert decode(data) == expected
    assert codec._decode_large(data) == expected


@given(st.binary(max_size=200))
def test_what_is_encoded_stays_as_it_is(data: bytes) -> None:
    for text in (data, encode(data)):
        if is_encoded(text):
            assert encode(unquote_to_bytes(text)) == text


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="'Num' is given twice"):
        parse_form(b"Num=1&Start=0&Num=2")


def test_a_form_of_endless_parameters_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="more than"):
        parse_form(b"&".join(b"a%d=1" % i for i in range(MAX_FIELDS + 1)))


def test_a_form_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="UTF-8"):
        parse_form(b"ProductId=%FF")


def test_json_spells_values_as_a_form_would() -> None:
    body = (
        '{"Num": 5, "Crop": false, "ProductId": "ü", "Start": null, "ScoreThreshold": 0.5}'.encode()
    )
    assert parse_json(body) == (
        ("Num", "5"),
        ("Crop", "false"),
        ("ProductId", "ü"),
        ("ScoreThreshold", "0.5"),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b'{"a": [1]}',
        b'{"a": {}}',
        b"\xff",
        b"[" * 100_000,
        b'{"a": "\\ud800"}',
        b'{"\\udfff": "a"}',
    ],
)
def test_json_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_json(body)


def test_the_fast_way_for_large_pictures_signs_what_the_plain_way_would() -> None:
    picture = base64.b64encode(os.urandom(4 * 1024 * 1024)).decode()
    query = {
        "Action": "AddImage",
        "Version": "2020-12-14",
        "Timestamp": "2026-11-22T09:53:39Z",
        "SignatureNonce": "n",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "AccessKeyId": "id",
        "Signature": "x",
    }
    body = urlencode({"PicContent": picture, "ProductId": "a b/ü"}).encode()
    incoming = Incoming.of(
        "POST", "/", query=query.items(), headers=[("Content-Type", FORM)], body=body
    )
    form = body_pairs(incoming)
    claim = read_rpc(incoming, form)
    assert dict(form) == {"PicContent": picture, "ProductId": "a b/ü"}
    params = sorted({**query, **dict(form)}.items())
    canonical = "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in params
        if name != "Signature"
    )
    assert claim.texts == (f"POST&%2F&{quote(canonical, safe='~')}".encode(),)
