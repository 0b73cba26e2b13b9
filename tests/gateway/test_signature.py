"""Every captured request verifies; every tampered one does not."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from chalicelib.errors import AuthFault, Unauthenticated
from chalicelib.gateway.signatures.acs3 import read_acs3
from chalicelib.gateway.signatures.claim import Claim
from chalicelib.gateway.signatures.rpc import read_rpc
from chalicelib.gateway.signatures.schemes import read_claim
from chalicelib.gateway.wire.body import body_pairs
from chalicelib.gateway.wire.incoming import Incoming
from tests.gateway.captures import Capture, captured, load


def claim_of(
    capture: Capture, incoming: Incoming | None = None, *, hosts: tuple[str, ...] = ()
) -> Claim:
    incoming = incoming or capture.incoming
    claim = read_claim(
        incoming, body_pairs(incoming), hosts=hosts, unsigned_bodies=capture.unsigned_body
    )
    assert claim is not None
    return claim


def refused(capture: Capture, incoming: Incoming) -> bool:
    try:
        return not claim_of(capture, incoming).matches(capture.secret)
    except Unauthenticated:
        return True


@captured()
def test_a_genuine_request_verifies_and_says_what_it_is(name: str) -> None:
    capture = load(name)
    claim = claim_of(capture)
    assert claim.matches(capture.secret)
    assert not claim.matches("wrong")
    assert (claim.key_id, claim.action, claim.version) == (
        capture.key_id,
        capture.action,
        capture.version,
    )
    assert claim.temporary == name.endswith("_sts")


@captured()
def test_a_changed_request_does_not_verify(name: str) -> None:
    capture = load(name)
    original = capture.incoming
    assert refused(capture, replace(original, query=(*original.query, ("Extra", "1"))))
    assert refused(capture, replace(original, method="PUT"))
    if original.body and not capture.unsigned_body:
        assert refused(capture, replace(original, body=original.body + b"&Extra=1"))
    if not capture.scheme.startswith("RPC"):
        # RPC v1 signs neither headers nor path; its action comes from the signed parameters alone
        assert refused(capture, replace(original, path=original.path + "x"))
        assert refused(
            capture, replace(original, headers={**original.headers, "x-acs-action": ("Detailed",)})
        )
        assert refused(
            capture, replace(original, headers={**original.headers, "x-acs-stray": ("1",)})
        )


@captured("acs3")
def test_a_host_that_a_proxy_replaced_is_found_among_the_configured_ones(name: str) -> None:
    capture = load(name)
    behind = replace(
        capture.incoming, headers={**capture.incoming.headers, "host": ("origin.internal",)}
    )
    assert refused(capture, behind)
    assert claim_of(capture, behind, hosts=("other.example", capture.incoming.host)).matches(
        capture.secret
    )


@captured("roa1_")
def test_roa_without_a_body_digest_is_refused_unless_the_deployment_accepts_it(name: str) -> None:
    incoming = load(name).incoming
    with pytest.raises(Unauthenticated, match="does not cover the body") as caught:
        read_claim(incoming, body_pairs(incoming), hosts=(), unsigned_bodies=False)
    assert caught.value.fault is AuthFault.INCOMPLETE


def test_a_body_digest_that_a_gateway_renamed_is_found() -> None:
    capture = load("roa1core_2019-03-25_DeleteImage")
    headers = dict(capture.incoming.headers)
    headers["x-amzn-remapped-content-md5"] = headers.pop("content-md5")
    assert claim_of(capture, replace(capture.incoming, headers=headers)).matches(capture.secret)


def test_the_published_acs3_example() -> None:
    query = [
        ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"),
        ("RegionId", "cn-shanghai"),
    ]
    signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
    headers = [
        ("host", "ecs.cn-shanghai.aliyuncs.com"),
        ("x-acs-action", "RunInstances"),
        ("x-acs-content-sha256", hashlib.sha256(b"").hexdigest()),
        ("x-acs-date", "2023-10-26T10:22:32Z"),
        ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
        ("x-acs-version", "2014-05-26"),
        (
            "Authorization",
            (
                "ACS3-HMAC-SHA256 "
                f"Credential=YourAccessKeyId,SignedHeaders={names},Signature={signature}"
            ),
        ),
    ]
    claim = read_acs3(Incoming.of("POST", "/", query=query, headers=headers, body=b""))
    assert claim.matches("YourAccessKeySecret")


def test_the_published_rpc_example() -> None:
    query = [
        ("AccessKeyId", "testid"),
        ("Action", "DescribeRegions"),
        ("Format", "XML"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"),
        ("SignatureVersion", "1.0"),
        ("Timestamp", "2016-02-23T12:46:24Z"),
        ("Version", "2014-05-26"),
        ("Signature", "OLeaidS1JvxuMvnyHOwuJ+uX5qY="),
    ]
    incoming = Incoming.of("GET", "/", query=query, headers=[], body=b"")
    assert read_rpc(incoming, ()).matches("testsecret")


ACS3 = "ACS3-HMAC-SHA256 Credential=id,SignedHeaders={names},Signature=" + "0" * 64
GOOD = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-version"


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (
            "ACS3-RSA-SHA256 Credential=id,SignedHeaders=host,Signature=00",
            "must read ACS3-HMAC-SHA256",
        ),
        ("ACS3-HMAC-SHA256 Credential=id", "must read ACS3-HMAC-SHA256"),
        (ACS3.format(names="host;x-acs-date"), "must be signed: x-acs-action"),
        (ACS3.format(names=GOOD + ";host"), "sorted"),
        (ACS3.format(names="absent;" + GOOD), "did not arrive: absent"),
        (ACS3.format(names=GOOD), "every x-acs- header must be signed, these are not: x-acs-stray"),
    ],
)
def test_an_incomplete_acs3_signature_is_refused_with_what_is_missing(
    authorization: str, message: str
) -> None:
    names = (*GOOD.split(";"), "x-acs-stray")
    headers = [
        ("Authorization", authorization),
        *((name, "2026-11-22T09:53:38Z") for name in names),
    ]
    with pytest.raises(Unauthenticated, match=message) as caught:
        read_acs3(Incoming.of("POST", "/", query=[], headers=headers, body=b""))
    assert caught.value.fault is AuthFault.INCOMPLETE


@pytest.mark.parametrize(
    "absent",
    [
        "AccessKeyId",
        "Action",
        "Version",
        "Timestamp",
        "SignatureNonce",
        "SignatureMethod",
        "SignatureVersion",
    ],
)
def test_an_rpc_signature_needs_all_its_parameters(absent: str) -> None:
    params = {
        "AccessKeyId": "id",
        "Action": "Detail",
        "Version": "2020-12-14",
        "Timestamp": "2026-11-22T09:53:38Z",
        "SignatureNonce": "n",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "Signature": "x",
    }
    del params[absent]
    with pytest.raises(Unauthenticated) as caught:
        read_rpc(Incoming.of("GET", "/", query=params.items(), headers=[], body=b""), ())
    assert caught.value.fault is AuthFault.INCOMPLETE


@pytest.mark.parametrize("stamp", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-22 09:53:38"])
def test_a_time_stamp_that_is_none_is_refused(stamp: str) -> None:
    headers = [
        ("Authorization", ACS3.format(names=GOOD)),
        *((name, stamp) for name in GOOD.split(";")),
    ]
    incoming = Incoming.of("POST", "/", query=[], headers=headers, body=b"")
    incoming = replace(
        incoming,
        headers={**incoming.headers, "x-acs-content-sha256": (hashlib.sha256(b"").hexdigest(),)},
    )
    with pytest.raises(Unauthenticated, match="time stamp") as caught:
        read_acs3(incoming)
    assert caught.value.fault is AuthFault.INCOMPLETE


def test_an_unsigned_request_has_no_claim() -> None:
    incoming = Incoming.of("POST", "/", query=[("Action", "Detail")], headers=[], body=b"")
    assert read_claim(incoming, (), hosts=(), unsigned_bodies=False) is None


def test_a_claim_does_not_show_what_it_was_made_of() -> None:
    query = [
        ("Signature", "s3cret"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("AccessKeyId", "id"),
        ("Action", "a"),
    ]
    query += [
        ("Version", "v"),
        ("Timestamp", "2026-11-22T09:53:38Z"),
        ("SignatureNonce", "n"),
        ("StrAttr", "private"),
    ]
    text = repr(read_rpc(Incoming.of("GET", "/", query=query, headers=[], body=b""), ()))
    assert "s3cret" not in text
    assert "private" not in text
