"""The zip that is deployed, unpacked into an empty folder and run as Lambda runs it, against S3,
SQS and Secrets Manager on moto.
"""

from __future__ import annotations

import base64
import fnmatch
import io
import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chalicelib.index.format.records import quantise
from chalicelib.index.read.fan_out import split
from chalicelib.index.read.query import Query
from chalicelib.service import Service
from chalicelib.usecases import fan_out
from chalicelib.usecases.keys import NewKey
from chalicelib.usecases.maintain import compact
from chalicelib.vision.analysis import Request as Look
from chalicelib.vision.analyze import Analyzer
from tests.gateway.client import acs3, picture
from tests.gateway.test_uploads import form
from tests.imports.aws import REGION
from tests.infra.account import PICTURES, TRANSIT
from tests.infra.deployed import HOST, Stack
from tests.infra.events import gateway_event
from tests.infra.runtime import EVENT_LIMIT, FunctionFailed
from tools.package import Order, package

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FORM = "application/x-www-form-urlencoded"
EVENT = {
    "version": "0",
    "id": "1",
    "account": "123456789012",
    "time": "2026-01-01T00:00:00Z",
    "region": REGION,
    "source": "aws.events",
    "detail-type": "Scheduled Event",
    "resources": [],
    "detail": {},
}


def big_picture(target: int) -> bytes:
    """A picture of about `target` bytes: noise does not compress."""
    side = int((target / 3) ** 0.5)
    buffer = io.BytesIO()
    Image.fromarray(
        np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    ).save(buffer, "BMP")
    return buffer.getvalue()


def query_of(data: bytes) -> Query:
    """What a search by the picture `data` asks."""
    analysis = Analyzer().analyze(data, Look(Service.GENERIC))
    return Query(quantise(analysis.feature, analysis.code), 10)


def fields_of(name: str, data: bytes) -> dict[str, str]:
    return {
        "InstanceName": "shop",
        "ProductId": name,
        "PicName": f"{name}.png",
        "PicContent": base64.b64encode(data).decode(),
    }


def test_the_package_holds_what_is_needed_and_no_secrets_of_its_builder(
    artefact: Path,
) -> None:
    names = {
        path.relative_to(artefact).as_posix() for path in artefact.rglob("*") if path.is_file()
    }
    assert {"app.py", "models/cards.json", "chalicelib/gateway/console/static/index.html"} <= names
    for pattern in ("tests/*", "tools/*", "models/build*", "boto3/*", "*.pyi"):
        assert fnmatch.filter(names, pattern) == []
    compiled = fnmatch.filter(names, "chalicelib/*.pyc")
    assert len(compiled) == len(fnmatch.filter(names, "chalicelib/*.py"))


@pytest.mark.parametrize("as_url", [False, True], ids=["api-gateway", "function-url"])
def test_add_and_search(stack: Stack, as_url: bool) -> None:
    name = f"one-{as_url}"
    status, added = stack.call("AddImage", fields_of(name, picture(3, (300, 200))), as_url=as_url)
    assert (status, added["Success"]) == (200, True), added
    status, found = stack.call(
        "SearchImageByPic",
        {"InstanceName": "shop", "PicContent": fields_of("", picture(3, (300, 200)))["PicContent"]},
    )
    assert status == 200, found
    assert name in {row["ProductId"] for row in found["Auctions"]}
    assert found["Auctions"][0]["Score"] == 1


def test_a_picture_of_4_mib_passes_through_api_gateway_as_text(stack: Stack) -> None:
    data = big_picture(4 * 1024 * 1024 - 4096)
    status, added = stack.call("AddImage", fields_of("big", data))
    assert (status, added["Success"]) == (200, True), added


def test_through_the_function_url_base64_around_the_form_makes_it_too_large_for_lambda(
    stack: Stack,
) -> None:
    with pytest.raises(AssertionError, match="Lambda refuses"):
        stack.call("AddImage", fields_of("big", big_picture(4 * 1024 * 1024 - 4096)), as_url=True)
    status, added = stack.call(
        "AddImage", fields_of("smaller", big_picture(3_200_000)), as_url=True
    )
    assert (status, added["Success"]) == (200, True), added
    assert EVENT_LIMIT == 6_291_456


def test_a_file_sent_ahead_travels_in_base64_and_is_added(stack: Stack) -> None:
    asked = acs3(
        stack.key,
        "AuthorizeFileUpload",
        "2019-12-19",
        now=time.time(),
        method="GET",
        query={"Product": "ImageSearch"},
        host=HOST,
    )
    grant = json.loads(stack["app"].invoke(gateway_event(asked, b""))["body"])
    sent = form(grant, picture(8))
    assert gateway_event(sent, sent.body)["isBase64Encoded"]
    assert stack["app"].invoke(gateway_event(sent, sent.body))["statusCode"] == 201
    place = {"PicContent": f"http://{grant['Bucket']}.{grant['Endpoint']}/{grant['ObjectKey']}"}
    status, added = stack.call("AddImage", fields_of("ahead", b"") | place)
    assert (status, added["Success"]) == (200, True), added
    assert not stack.cloud.root("s3").list_objects_v2(Bucket=TRANSIT).get("Contents"), (
        "a picture stayed behind"
    )


def test_a_wrong_signature_is_refused_in_the_contracts_form(stack: Stack) -> None:
    wrong = NewKey(stack.key.key_id, "x" * 40)
    stack.key, right = wrong, stack.key
    try:
        status, answer = stack.call("Detail", {"InstanceName": "shop"})
    finally:
        stack.key = right
    assert status == 400
    assert answer["Code"].startswith("SignatureDoesNotMatch")
    assert {"RequestId", "HostId", "Code", "Message"} <= answer.keys()


def test_an_import_runs_from_eventbridge_through_sqs(stack: Stack) -> None:
    s3, sqs, url = (
        stack.cloud.root("s3"),
        stack.cloud.root("sqs"),
        stack.cloud.values["ImportQueue"],
    )
    lines = [
        json.dumps({"OperationType": "ADD", "ProductId": f"imported-{at}", "PicName": f"{at}.png"})
        for at in range(5)
    ]
    for at in range(5):
        s3.put_object(Bucket=PICTURES, Key=f"spring/{at}.png", Body=picture(100 + at, (200, 200)))
    s3.put_object(Bucket=PICTURES, Key="spring/increment.meta", Body="\n".join(lines).encode())
    detail = {
        "bucket": {"name": PICTURES},
        "object": {"key": "spring/increment.meta", "etag": "e", "sequencer": "1"},
    }
    stack["import_event"].invoke(
        EVENT | {"detail-type": "Object Created", "source": "aws.s3", "detail": detail}
    )
    delivered = 0
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            record = {
                "messageId": "1",
                "receiptHandle": "r",
                "body": message["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            record |= {"eventSource": "aws:sqs", "awsRegion": REGION, "messageAttributes": {}}
            stack["import_slice"].invoke({"Records": [record]})
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            delivered += 1
    assert delivered >= 1
    status, found = stack.call(
        "CheckImageExists", {"InstanceName": "shop", "ProductId": "imported-4", "PicName": "4.png"}
    )
    assert (status, found["Success"]) == (200, True), found
    stack["recover_imports"].invoke(EVENT)


def test_the_schedules_compact_and_collect(stack: Stack) -> None:
    for handler in ("compact", "collect"):
        stack[handler].invoke(EVENT)
        (line,) = [
            json.loads(text)
            for text in stack[handler].output().splitlines()
            if text.startswith('{"time"')
        ]
        assert (line["action"], line["status"]) == (handler, 200)
        watched = {
            metric["Name"]
            for directive in line["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        }
        assert watched == (
            {"LogObjects", "OldestLogSeconds", "OverdueDeletions"}
            if handler == "compact"
            else set()
        )


def test_a_part_of_a_spread_search_is_answered(stack: Stack) -> None:
    with stack.cloud.acting_as_owner() as deployment:
        status, added = stack.call("AddImage", fields_of("part", picture(3, (300, 200))))
        assert status == 200, added
        compact(deployment, "shop")
        (part,) = split(deployment.catalog.open("shop").snapshot(), 1)
        question = fan_out.encode_question("shop", part, query_of(picture(3, (300, 200))))
        answer = stack["search_part"].invoke(json.loads(question))
        here = json.loads(fan_out.answer_part(question, deployment))
    assert answer == here
    assert fan_out.decode_answer(json.dumps(answer).encode(), question)


def test_a_question_that_is_none_fails_the_function_so_that_the_api_asks_again(
    stack: Stack,
) -> None:
    with pytest.raises(FunctionFailed):
        stack["search_part"].invoke({"collection": "nothing"})


def test_the_console_is_served(stack: Stack) -> None:
    event = gateway_event(acs3(stack.key, "x", "x", now=0), b"") | {
        "httpMethod": "GET",
        "path": "/console/",
        "resource": "/console",
    }
    event["requestContext"] |= {
        "httpMethod": "GET",
        "resourcePath": "/console",
        "path": "/console/",
    }
    answer = stack["app"].invoke(event)
    assert answer["statusCode"] == 200
    assert "text/html" in str(answer)


def test_nothing_was_written_into_the_package_and_no_secret_into_the_logs(
    stack: Stack, artefact: Path
) -> None:
    assert not list(artefact.glob(".lookalike"))
    for running in stack.running.values():
        assert stack.key.secret not in running.output()
        assert "Traceback" not in running.output() or "search_part" in running.output()


def test_the_package_is_the_same_byte_for_byte_when_made_again(folder: Path) -> None:
    names = ("deployment.zip", "template.json")
    first = [(folder / name).read_bytes() for name in names]
    _, python, arch = folder.name.split("-")
    again = package(Order(python=python.removeprefix("py"), arch=arch))
    assert [(again / name).read_bytes() for name in names] == first
