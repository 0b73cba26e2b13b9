"""What a signature does not cover does not decide what is read."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import urlencode

import pytest

from chalicelib.gateway.wire.incoming import Incoming
from tests.gateway.client import FORM, HOST, Client, acs3, picture, roa, rpc

ONE = {"InstanceName": "product", "ProductId": "p", "PicName": "1.png"}


@pytest.fixture
def shop(client: Client) -> Client:
    for name in ("1.png", "2.png"):
        client.add("product", "p", name, picture(1))
    return client


def left(client: Client) -> int:
    count: int = client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"]
    return count


def code(client: Client, incoming: Incoming) -> str:
    answer = client.send(incoming)
    return str(json.loads(answer.body).get("Code", 0))


def with_header(incoming: Incoming, name: str, *values: str) -> Incoming:
    headers = {key: value for key, value in incoming.headers.items() if key != name}
    return replace(incoming, headers={**headers, **({name: values} if values else {})})


def unsigned_type(client: Client) -> Incoming:
    """As a careless client signs: the collection and product in the query, the picture's name in
    the body, whose type is not among the signed headers.
    """
    query = {"InstanceName": "product", "ProductId": "p"}
    incoming = acs3(
        client.key,
        "DeleteImage",
        "2020-12-14",
        now=client.clock.now,
        query=query,
        body=b"PicName=1.png",
        content_type="",
    )
    return with_header(incoming, "content-type", FORM)


KINDS = [
    "application/octet-stream",
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=b",
    "",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_swapped_content_type_never_drops_what_the_body_says(shop: Client, kind: str) -> None:
    for incoming in (
        with_header(unsigned_type(shop), "content-type", *([kind] if kind else [])),
        with_header(
            rpc(shop.key, "DeleteImage", ONE, now=shop.clock.now),
            "content-type",
            *([kind] if kind else []),
        ),
        with_header(
            acs3(
                shop.key,
                "DeleteImage",
                "2020-12-14",
                now=shop.clock.now,
                query={"InstanceName": "product", "ProductId": "p"},
                body=b"PicName=1.png",
            ),
            "content-type",
            *([kind] if kind else []),
        ),
        with_header(
            roa(
                shop.key,
                "/v2/image/delete",
                now=shop.clock.now,
                query={"InstanceName": "product", "ProductId": "p"},
                body=b"PicName=1.png",
            ),
            "content-type",
            *([kind] if kind else []),
        ),
    ):
        assert shop.send(incoming).status >= 400
        assert left(shop) == 2


def test_a_type_that_is_not_signed_is_not_read_even_when_it_is_right(shop: Client) -> None:
    signed = acs3(
        shop.key,
        "DeleteImage",
        "2020-12-14",
        now=shop.clock.now,
        query={"InstanceName": "product", "ProductId": "p"},
        body=b"PicName=1.png",
    )
    names = signed.header("authorization")
    assert "content-type;" in names
    bare = with_header(signed, "authorization", names.replace("content-type;", ""))
    assert code(shop, bare) == "IncompleteSignature"


def test_a_body_that_nobody_reads_is_refused_not_dropped(shop: Client) -> None:
    """By its own signer, too: what was asked for there would be left out in silence."""
    query = {"InstanceName": "product", "ProductId": "p"}
    for kind in ("application/octet-stream", "text/plain"):
        incoming = acs3(
            shop.key,
            "DeleteImage",
            "2020-12-14",
            now=shop.clock.now,
            query=query,
            body=b"PicName=1.png",
            content_type=kind,
        )
        assert code(shop, incoming) == "UnsupportedMediaType"
    assert left(shop) == 2


def test_which_of_two_values_counts_is_never_chance(shop: Client) -> None:
    """A signature sorts them: that of a=1&a=2 is that of a=2&a=1."""
    query = {"InstanceName": "product", "ProductId": "q"}
    incoming = acs3(shop.key, "DeleteImage", "2020-12-14", now=shop.clock.now, query=query)
    for pairs in ((*incoming.query, ("ProductId", "p")), (("ProductId", "p"), *incoming.query)):
        assert code(shop, replace(incoming, query=pairs)) == "BadRequest"
    body = b'{"InstanceName": "product", "ProductId": "q", "ProductId": "p"}'
    twice = acs3(
        shop.key,
        "DeleteImage",
        "2020-12-14",
        now=shop.clock.now,
        body=body,
        content_type="application/json",
    )
    assert code(shop, twice) == "BadRequest"
    form = acs3(
        shop.key,
        "DeleteImage",
        "2020-12-14",
        now=shop.clock.now,
        body=b"InstanceName=product&ProductId=q&ProductId=p",
    )
    assert code(shop, form) == "BadRequest"
    assert left(shop) == 2


def test_a_header_that_says_what_is_meant_is_given_once(shop: Client) -> None:
    body = urlencode(ONE).encode()
    signed = acs3(shop.key, "UpdateImage", "2020-12-14", now=shop.clock.now, body=body)
    for name in ("x-acs-action", "x-acs-version", "content-type", "host", "x-acs-date"):
        for values in (("DeleteImage", signed.header(name)), (signed.header(name), "DeleteImage")):
            refused = code(shop, with_header(signed, name, *values))
            assert refused in {"IncompleteSignature", "UnsupportedMediaType"}
    assert left(shop) == 2


@pytest.mark.parametrize(
    "query",
    [
        {"InstanceName": "product&ProductId=p"},
        {"InstanceName": "product", "ProductId": "p&PicName=1.png"},
        {"InstanceName": "product", "ProductId=p": ""},
    ],
)
def test_a_value_is_not_cut_into_two_parameters(shop: Client, query: dict[str, str]) -> None:
    """ROA writes a query without escapes, so each of these is signed like other parameters."""
    incoming = roa(shop.key, "/v2/image/delete", now=shop.clock.now, query=query)
    assert code(shop, incoming) == "IncompleteSignature"
    assert left(shop) == 2


def test_rpc_is_for_the_root(shop: Client) -> None:
    incoming = rpc(shop.key, "DeleteImage", ONE, now=shop.clock.now)
    for path in ("/v2/image/delete", "/item/delete", "/other"):
        assert shop.send(replace(incoming, path=path)).status >= 400
    assert left(shop) == 2


def test_headers_that_rpc_does_not_sign_say_nothing(shop: Client) -> None:
    incoming = rpc(shop.key, "CheckImageExists", ONE, now=shop.clock.now)
    for name, value in (("x-acs-action", "DeleteImage"), ("x-acs-version", "2019-03-25")):
        answer = json.loads(shop.send(with_header(incoming, name, value)).body)
        assert answer["Exists"] is True
    assert left(shop) == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-http-method-override", "DELETE"),
        ("content-encoding", "gzip"),
        ("transfer-encoding", "chunked"),
        ("x-original-url", "/v2/image/delete"),
        ("x-forwarded-host", "elsewhere.example"),
    ],
)
def test_headers_of_proxies_change_nothing(shop: Client, name: str, value: str) -> None:
    body = urlencode(ONE).encode()
    signed = acs3(shop.key, "CheckImageExists", "2020-12-14", now=shop.clock.now, body=body)
    plain = json.loads(shop.send(signed).body)
    changed = json.loads(shop.send(with_header(signed, name, value)).body)
    assert {**plain, "RequestId": ""} == {**changed, "RequestId": ""}


@pytest.mark.parametrize("charset", ["", "; charset=UTF-8", ";charset=utf-16", "; charset=gbk"])
def test_a_charset_changes_nothing(shop: Client, charset: str) -> None:
    body = urlencode({**ONE, "ProductId": "名"}).encode()
    signed = acs3(
        shop.key,
        "CheckImageExists",
        "2020-12-14",
        now=shop.clock.now,
        body=body,
        content_type=FORM + charset,
    )
    assert json.loads(shop.send(signed).body)["Exists"] is False


def test_a_host_decides_no_links_where_the_public_one_is_known() -> None:
    from chalicelib.config import Settings

    client = Client.new(Settings(public_hosts="search.public"))
    client.add("product", "p", "1.png", picture(1))
    incoming = rpc(client.key, "Detail", {"InstanceName": "product"}, now=client.clock.now)
    answer = client.send(with_header(incoming, "host", "evil.example"))
    assert answer.status == 200
    assert HOST not in answer.body.decode()
