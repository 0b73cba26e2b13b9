"""Every captured request of the official SDKs, sent to a deployment that knows its key and its
collection, at the time it was made.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from chalicelib.config import Settings
from chalicelib.contract.messages import CreateCollection
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.signatures.schemes import read_claim
from chalicelib.gateway.wire.body import body_pairs
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.service import Service
from chalicelib.usecases.keys import NewKey
from chalicelib.usecases.manage import create_collection
from tests.gateway.captures import NAMES, Capture, captured, load
from tests.gateway.client import Client, Clock, memory_deployment

ANSWERED = {
    # the upload helper's URL is of the vendor's form, not one that this service made
    "advance_3_AddImage": (400, "InvalidPicUrl"),
    "acs3_2020-12-14_Detail_sts": (400, "InvalidSecurityToken"),
    "acs3_2020-12-14_SearchImageByText": (500, "UnsupportedInstanceType"),
    "acs3_2020-12-14_UpdateImage": (400, "PicNotExist"),
    "acs3_2020-12-14_SearchImageByName": (400, "PicNotExist"),
    "acs3_2019-03-25_SearchImage_name": (400, "PicNotExist"),
    "roa1_2019-03-25_SearchImage_name": (400, "PicNotExist"),
    # jobs need a queue and buckets, which this deployment in memory has not
    "acs3_2020-12-14_IncreaseInstance": (400, "Console.BadRequest"),
    "acs3_2020-12-14_IncreaseInstance_special": (400, "Console.InstanceNotFound"),
    "acs3_2020-12-14_DumpMeta": (400, "Console.BadRequest"),
}


def deployment_for(capture: Capture, *, secret: str | None = None) -> Client:
    claim = read_claim(
        capture.incoming, body_pairs(capture.incoming), hosts=(), unsigned_bodies=True
    )
    assert claim is not None
    clock = Clock(claim.moment + 1)
    deployment = memory_deployment(Settings(unsigned_bodies=capture.unsigned_body), clock=clock)
    row = {
        "id": capture.key_id,
        "name": "",
        "access": "write",
        "collections": [],
        "created": 0,
        "bearer": False,
    }
    document = {
        "format": 1,
        "signing": "",
        "keys": [{**row, "secrets": [secret or capture.secret]}],
    }
    deployment.secrets.replace(json.dumps(document), version="")
    create_collection(CreateCollection("demoinstance1", Service.PRODUCT), deployment)
    return Client(deployment, Gateway(deployment), NewKey(capture.key_id, capture.secret), clock)


def sent(client: Client, incoming: Incoming) -> tuple[int, str]:
    answer = client.send(incoming)
    members: dict[str, Any] = json.loads(answer.body)
    return answer.status, str(members.get("Code", 0))


def test_every_sdk_is_there_and_no_key_but_the_made_up_one() -> None:
    assert len(NAMES) == 43
    schemes = {name.split("_")[0] for name in NAMES}
    assert schemes == {"acs3", "advance", "roa1", "roa1core", "rpc1", "rpc1core"}
    keys = {(capture.key_id, capture.secret) for capture in map(load, NAMES)}
    assert keys == {("testid", "testsecret")}
    hosts = {capture.incoming.host.partition(":")[0] for capture in map(load, NAMES)}
    assert hosts == {"127.0.0.1"}


@captured()
def test_a_captured_request_is_answered(name: str) -> None:
    capture = load(name)
    assert sent(deployment_for(capture), capture.incoming) == ANSWERED.get(name, (200, "0"))


@captured()
def test_tampered_with_it_is_refused_with_the_documented_code(name: str) -> None:
    capture = load(name)
    original, client = capture.incoming, deployment_for(capture)
    unsigned_header = replace(original, headers={**original.headers, "x-acs-extra": ("1",)})
    mismatch = (400, "SignatureDoesNotMatch")
    assert sent(client, replace(original, query=(*original.query, ("Extra", "1")))) == mismatch
    if original.body and not capture.unsigned_body:
        assert sent(client, replace(original, body=original.body + b"&Extra=1")) == mismatch
    if capture.scheme.startswith("ACS3"):
        assert (
            sent(client, replace(original, headers={**original.headers, "accept": ("text/xml",)}))
            == mismatch
        )
        assert sent(client, unsigned_header) == (400, "IncompleteSignature")
    elif capture.scheme.startswith("ROA"):
        assert (
            sent(client, replace(original, headers={**original.headers, "accept": ("text/xml",)}))
            == mismatch
        )
        assert sent(client, unsigned_header) == mismatch
    assert sent(deployment_for(capture, secret="wrong"), original) == mismatch
    client.later(32 * 60)
    assert sent(client, original) == (400, "InvalidTimeStamp.Expired")
    assert not client.deployment.catalog.open("demoinstance1").snapshot().stats.rows
