"""A store in an S3 bucket."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol, TypeVar

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
)

from chalicelib.errors import (
    AlreadyExists,
    ObjectMissing,
    OutcomeUnknown,
    StorageError,
    StoreUnavailable,
    VersionConflict,
)
from chalicelib.storage.clients import client
from chalicelib.storage.object_store import Blob, Stat, check_key

_ATTEMPTS: Final = 4
_NOTHING_SENT = (
    EndpointConnectionError,
    ConnectTimeoutError,
    ProxyConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)
_Answer = TypeVar("_Answer")


class S3Client(Protocol):
    """What is used of boto3's client."""

    @property
    def meta(self) -> Any:
        """The client's configuration."""
        ...

    def get_object(self, **request: object) -> dict[str, Any]:
        """See boto3."""
        ...

    def put_object(self, **request: object) -> dict[str, Any]:
        """See boto3."""
        ...

    def delete_object(self, **request: object) -> dict[str, Any]:
        """See boto3."""
        ...

    def list_objects_v2(self, **request: object) -> dict[str, Any]:
        """See boto3."""
        ...


def connect(region: str, *, connections: int = 32) -> S3Client:
    """A client as S3Store needs it: one attempt per call, so that a lost answer is seen and not
    repeated behind our back.

    AWS_ENDPOINT_URL redirects it.
    """
    config = Config(
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
        connect_timeout=3,
        read_timeout=30,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    found: S3Client = client("s3", region, config=config)
    return found


class S3Store:
    """Objects `{prefix}{key}` of one bucket. Reads, listings and deletions are repeated here;
    conditional writes never are.
    """

    def __init__(
        self,
        client: S3Client,
        bucket: str,
        prefix: str = "",
        *,
        sleep: Callable[[float], None] = time.sleep,
        page_size: int = 1000,
    ) -> None:
        retries = client.meta.config.retries or {}
        if retries.get("total_max_attempts") != 1:
            raise ValueError(
                "S3Store needs a client that makes one attempt per call; make it with storage.s3.connect"
            )
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._sleep = sleep
        self._page_size = page_size

    def get(self, key: str) -> Blob:
        """See ObjectStore."""
        return self._repeated(key, lambda: self._get(key, {}))

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        """See ObjectStore."""
        try:
            return self._repeated(key, lambda: self._get(key, {"IfNoneMatch": version}))
        except ClientError as error:
            if _status(error) == 304:
                return None
            raise

    def view(self, key: str) -> memoryview:
        """See ObjectStore."""
        return memoryview(self.get(key).data)

    def create(self, key: str, data: bytes) -> str:
        """See ObjectStore."""
        return self._put(
            key, data, {"IfNoneMatch": "*"}, AlreadyExists(f"an object {key} is there already")
        )

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        """See ObjectStore."""
        conflict = VersionConflict(f"{key} was replaced or deleted meanwhile; nothing was written")
        return self._put(key, data, {"IfMatch": version}, conflict)

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        request = self._request(key)
        self._repeated(key, lambda: self._client.delete_object(**request))

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stat]:
        """See ObjectStore."""
        request: dict[str, object] = {
            "Bucket": self._bucket,
            "Prefix": self._prefix + prefix,
            "MaxKeys": self._page_size,
        }
        if after:
            request["StartAfter"] = self._prefix + after
        while True:
            page = self._repeated(prefix, lambda: self._client.list_objects_v2(**request))
            for row in page.get("Contents", ()):
                yield Stat(
                    row["Key"][len(self._prefix) :], row["Size"], row["LastModified"].timestamp()
                )
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _request(self, key: str) -> dict[str, object]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _get(self, key: str, condition: dict[str, object]) -> Blob:
        answer = self._client.get_object(**self._request(key), **condition)
        return Blob(answer["Body"].read(), answer["ETag"])

    def _put(self, key: str, data: bytes, condition: dict[str, object], refused: Exception) -> str:
        request = {**self._request(key), "Body": data, **condition}
        for attempt in range(_ATTEMPTS):
            try:
                version: str = self._client.put_object(**request)["ETag"]
            except ClientError as error:
                status = _status(error)
                if status == 412 or (
                    status == 404 and "IfMatch" in condition and _code(error) != "NoSuchBucket"
                ):
                    raise refused from None
                if (
                    status in {409, 503, 429}
                    # another write was under way, or "slow down": refused before anything was written
                ):
                    self._sleep(_pause_s(attempt))
                    continue
                if status >= 500:
                    raise OutcomeUnknown(
                        f"writing {key}: {_words(error)}; it may or may not be there"
                    ) from error
                raise StorageError(self._refusal(key, error)) from error
            except _NOTHING_SENT as error:
                raise StoreUnavailable(f"the store could not be reached: {error}") from error
            except BotoCoreError as error:
                raise OutcomeUnknown(
                    f"writing {key}: {error}; it may or may not be there"
                ) from error
            return version
        raise StoreUnavailable(
            f"the store kept refusing to write {key} because it is busy; nothing was written"
        )

    def _repeated(self, key: str, call: Callable[[], _Answer]) -> _Answer:
        """`call`'s answer; outages are waited out, within about a second."""
        failure: Exception | None = None
        for attempt in range(_ATTEMPTS):
            try:
                return call()
            except ClientError as error:
                status = _status(error)
                if status == 304:
                    raise
                if status == 404 and _code(error) != "NoSuchBucket":
                    raise ObjectMissing(key) from None
                if status < 500 and status != 429:
                    raise StorageError(self._refusal(key, error)) from error
                failure = error
            except (NoCredentialsError, PartialCredentialsError) as error:
                raise StoreUnavailable(f"no AWS credentials: {error}") from error
            except BotoCoreError as error:
                failure = error
            self._sleep(_pause_s(attempt))
        raise StoreUnavailable(f"the store did not answer for {key}: {failure}") from failure

    def _refusal(self, key: str, error: ClientError) -> str:
        hint = (
            "check the role's policy"
            if _status(error) == 403
            else "check the bucket's name and region"
        )
        return f"the bucket {self._bucket} refused {key}: {_words(error)}; {hint}"


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _words(error: ClientError) -> str:
    return f"{_code(error)} {error.response.get('Error', {}).get('Message', '')}".strip()


def _pause_s(attempt: int) -> float:
    """Full jitter: 0 to 0.1, 0.2, 0.4 … seconds."""
    return random.random() * 0.1 * float(2**attempt)  # noqa: S311  # spreading retries, no secret
