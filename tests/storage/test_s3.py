"""The store in a bucket keeps the contract and says what became of the data when the wire fails."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from chalicelib.errors import (
    AlreadyExists,
    ObjectMissing,
    OutcomeUnknown,
    StorageError,
    StoreUnavailable,
    VersionConflict,
)
from chalicelib.storage.probe import probe
from chalicelib.storage.s3 import S3Client, S3Store
from tests.storage.contract import StoreContract


class TestS3Store(StoreContract):
    @pytest.fixture
    def store(self, client: S3Client, bucket: str) -> S3Store:
        return S3Store(client, bucket, "some/prefix", sleep=lambda _: None, page_size=7)


def test_a_client_that_repeats_by_itself_is_refused(client: S3Client) -> None:
    with pytest.raises(ValueError, match="one attempt"):
        S3Store(boto3.client("s3", region_name="us-east-1"), "bucket")


def test_a_missing_bucket_is_not_a_missing_object(client: S3Client) -> None:
    store = S3Store(client, "no-such-bucket", sleep=lambda _: None)
    for call in (
        lambda: store.get("a"),
        lambda: store.create("a", b""),
        lambda: store.replace("a", b"", version="x"),
        lambda: list(store.list("")),
    ):
        with pytest.raises(StorageError, match="no-such-bucket") as caught:
            call()
        assert not isinstance(caught.value, (ObjectMissing, VersionConflict))


class _Scripted:
    """A client that fails as told, then does as the real one does."""

    def __init__(self, client: Any, failures: list[Exception], *, landed: bool = False) -> None:
        self._client = client
        self._failures = failures
        self._landed = landed
        self.calls = 0
        self.meta = client.meta

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)

        def call(**request: object) -> Any:
            self.calls += 1
            if self._failures:
                if self._landed:
                    real(**request)
                raise self._failures.pop(0)
            return real(**request)

        return call


def _answer(status: int, code: str) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "told so"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Call")


def _scripted(
    client: Any, bucket: str, *failures: Exception, landed: bool = False
) -> tuple[S3Store, _Scripted]:
    scripted = _Scripted(client, list(failures), landed=landed)
    return S3Store(scripted, bucket, sleep=lambda _: None), scripted


def test_reads_wait_an_outage_out(client: Any, bucket: str) -> None:
    S3Store(client, bucket).create("a", b"one")
    store, _ = _scripted(
        client,
        bucket,
        _answer(503, "SlowDown"),
        ReadTimeoutError(endpoint_url="x"),
        _answer(500, "InternalError"),
    )
    assert store.get("a").data == b"one"


def test_reads_give_up_in_the_end(client: Any, bucket: str) -> None:
    store, scripted = _scripted(client, bucket, *[_answer(503, "SlowDown")] * 9)
    with pytest.raises(StoreUnavailable, match="SlowDown"):
        store.get("a")
    assert scripted.calls == 4


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionClosedError(endpoint_url="x"),
        ReadTimeoutError(endpoint_url="x"),
        _answer(500, "InternalError"),
    ],
)
@pytest.mark.parametrize("landed", [True, False])
def test_a_lost_answer_to_a_write_is_said_to_be_unknown(
    client: Any, bucket: str, failure: Exception, landed: bool
) -> None:
    store, scripted = _scripted(client, bucket, failure, landed=landed)
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        store.create("a", b"one")
    assert scripted.calls == 1
    assert [stat.key for stat in store.list("")] == (["a"] if landed else [])


def test_a_write_that_never_left_wrote_nothing(client: Any, bucket: str) -> None:
    store, _ = _scripted(client, bucket, EndpointConnectionError(endpoint_url="x"))
    with pytest.raises(StoreUnavailable):
        store.create("a", b"one")


def test_a_race_between_writers_is_repeated_since_nothing_landed(client: Any, bucket: str) -> None:
    store, _ = _scripted(
        client,
        bucket,
        _answer(409, "ConditionalRequestConflict"),
        _answer(409, "ConditionalRequestConflict"),
    )
    store.create("a", b"one")
    with pytest.raises(AlreadyExists):
        store.create("a", b"two")


def test_a_refusal_names_bucket_and_cure(client: Any, bucket: str) -> None:
    store, _ = _scripted(client, bucket, _answer(403, "AccessDenied"))
    with pytest.raises(StorageError, match=rf"{bucket}.*AccessDenied.*policy"):
        store.create("a", b"one")


def test_a_bucket_that_keeps_its_conditions_passes_the_probe(client: Any, bucket: str) -> None:
    probe(S3Store(client, bucket), f"s3://{bucket}", new_id=lambda: "0123456789abcdef")
    assert "Contents" not in client.list_objects_v2(Bucket=bucket)
