from __future__ import annotations

import base64
import json
import os
from urllib.parse import quote, unquote_to_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidRequest
from chalicelib.gateway.signatures.rpc import read_rpc
from chalicelib.gateway.wire.body import MAX_COMMAS, body_pairs, parse_json
from chalicelib.gateway.wire.codec import (
    decode,
    decode_base64,
    encode,
    encode_base64,
)
from chalicelib.gateway.wire.forms import FORM, LARGE, MAX_FIELDS, MAX_SMALL, parse_form, small_form
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
def test_decoding_is_the_standard_librarys(parts: list[bytes]) -> None:
    data = b"".join(parts)
    expected = unquote_to_bytes(data.replace(b"+", b" "))
    assert decode(data) == expected


PIECES = [b"%2B", b"%2f", b"/", b"+", b"A", b"zz9", b"-_", b"%0D%0A", b"%0a", b"\n", b"%41"]
PIECES += [b"data:image/png;base64,", b"data%3Aimage%2Fpng%3bbase64%2C", b"%20"]


@given(
    st.lists(st.sampled_from(PIECES), max_size=60),
    st.sampled_from([b"", b"=", b"==", b"%3D", b"%3d%3D", b"=%0A"]),
)
def test_a_pictures_spellings_are_read_and_signed_as_the_standard_library_would(
    parts: list[bytes], end: bytes
) -> None:
    data = b"".join(parts) + end
    expected = unquote_to_bytes(data.replace(b"+", b" "))
    assert decode_base64(data) == expected
    assert encode_base64(data) == quote(expected, safe="~").encode()


@pytest.mark.parametrize(
    "stray",
    [b"%", b"%25", b"%2", b"%%", b"=", b"%3D", b"\x00", b"\xff", b"*", b"%GG", b"%\n"],
)
def test_what_no_picture_holds_is_refused(stray: bytes) -> None:
    for data in (b"AAAA" + stray + b"AAAA", b"%2B" + stray + b"A"):
        with pytest.raises(InvalidRequest, match="no base64"):
            decode_base64(data)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_no_two_values_are_signed_alike(one: bytes, other: bytes) -> None:
    """What is taken as it was sent is never the string of another value."""
    try:
        signed = encode_base64(one)
    except InvalidRequest:
        return
    if signed == encode(other):
        assert decode(one) == other


def test_a_form_is_bounded_in_every_direction() -> None:
    text = b"CustomContent=" + b"%F0%9F%8E%81" * 4096
    assert parse_form(text)[0][1] == "🎁" * 4096
    for body in (
        b"a" * (LARGE * 2),
        b"&".join(b"a%d=" % i + b"%41" * (LARGE // 3) for i in range(3)),
        b"Filter=" + b"%22" * LARGE,
    ):
        with pytest.raises(InvalidRequest):
            parse_form(body)
    assert 2 * len(text) <= MAX_SMALL


def test_who_sends_a_form_is_read_without_its_pictures() -> None:
    body = b"AccessKeyId=id&PicContent=" + b"A" * (LARGE + 1)
    form = Incoming.of("POST", "/", query=(), headers=[("content-type", FORM)], body=body)
    assert small_form(form) == (("AccessKeyId", "id"),)


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


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (json.dumps({f"m{n}": n for n in range(MAX_FIELDS + 1)}), "more than 200 members"),
        ('{"a": "' + "," * (MAX_COMMAS + 1) + '"}', "more than 200 members"),
        ('{"a": [' + "1," * MAX_COMMAS + "1]}", "must be text"),
        ('{"Num": 1, "Num": 2}', "'Num' is given twice"),
        ('{"a": {"b": 1, "b": 2}}', "'b' is given twice"),
        ('{"a": ' + "9" * 5000 + "}", "not JSON"),
    ],
)
def test_json_is_bounded_too_and_says_each_thing_once(body: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        parse_json(body.encode())


def test_the_longest_texts_there_are_pass_as_json() -> None:
    texts = {"CustomContent": "," * 4096, "Filter": "," * 4096, "ProductId": "," * 512}
    assert dict(parse_json(json.dumps(texts).encode())) == texts
