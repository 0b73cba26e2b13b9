from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.response import StreamingBody
from botocore.session import Session
from botocore.stub import Stubber

from chalicelib.errors import StoreUnavailable
from chalicelib.storage.invoke import LambdaInvoker, patient_once

ASKED = {"FunctionName": "shop-search", "InvocationType": "RequestResponse", "Payload": b"{}"}


@pytest.fixture
def stub() -> Iterator[Stubber]:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "y"}
    with Stubber(
        Session().create_client("lambda", "eu-central-1", config=patient_once(16, 64), **keys)
    ) as made:
        yield made


def payload(data: bytes, *, length: int | None = None) -> StreamingBody:
    return StreamingBody(io.BytesIO(data), len(data) if length is None else length)


def test_an_answer_is_handed_on_as_it_came(stub: Stubber) -> None:
    stub.add_response("invoke", {"StatusCode": 200, "Payload": payload(b'{"hits":1}')}, ASKED)
    assert LambdaInvoker(stub.client, "shop-search")(b"{}") == b'{"hits":1}'


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            {"FunctionError": "Unhandled", "Payload": payload(b'{"errorMessage":"secret"}')},
            r"shop-search failed \(Unhandled\); its own log",
        ),
        (
            {"Payload": payload(b"{", length=100)},
            "broke off: ResponseStreamingError|broke off: IncompleteReadError",
        ),
    ],
)
def test_a_failed_or_broken_answer_is_none(
    stub: Stubber, answer: dict[str, Any], words: str
) -> None:
    stub.add_response("invoke", {"StatusCode": 200, **answer}, ASKED)
    with pytest.raises(StoreUnavailable, match=words) as raised:
        LambdaInvoker(stub.client, "shop-search")(b"{}")
    assert "secret" not in str(raised.value)


def test_a_call_that_is_refused_is_made_once(stub: Stubber) -> None:
    stub.add_client_error(
        "invoke", "TooManyRequestsException", "Rate Exceeded.", 429, expected_params=ASKED
    )
    with pytest.raises(StoreUnavailable, match=r"cannot invoke shop-search: .*Rate Exceeded"):
        LambdaInvoker(stub.client, "shop-search")(b"{}")
    stub.assert_no_pending_responses()
