"""A store in an S3 bucket."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
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
from chalicelib.storage.object_store import Blob, Stat, check_key, check_range, ends_early

_ATTEMPTS: Final = 4
_NOTHING_SENT = (
    EndpointConnectionError,
    ConnectTimeoutError,
    ProxyConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)
_DELETED_AT_ONCE: Final = 1000
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_Answer = TypeVar("_Answer")


class _Malformed(Exception):
    """An answer that says success and is not what the protocol promises."""


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

    def delete_objects(self, **request: object) -> dict[str, Any]:
        """See boto3."""
        ...

    def list_objects_v2(self, **request: object) -> dict[str, Any]:
        """See boto3."""
        ...


def connect(region: str, *, connections: int = 64) -> S3Client:
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
                "S3Store needs a client that makes one attempt per call; make it with "
                "storage.s3.connect"
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

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """See ObjectStore."""
        check_range(start, stop)
        if start == stop:
            return b""
        return self._repeated(key, lambda: self._get_range(key, start, stop))

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

    def delete_many(self, keys: Sequence[str]) -> None:
        """See ObjectStore."""
        failures: list[str] = []
        for start in range(0, len(keys), _DELETED_AT_ONCE):
            failures += self._delete_some(keys[start : start + _DELETED_AT_ONCE])
        if failures:
            raise StoreUnavailable(
                f"{len(failures)} of {len(keys)} objects could not be removed: {failures[0]}"
            )

    def _delete_some(self, keys: Sequence[str]) -> list[str]:
        """One request's worth of keys; what stayed, with the store's words. Those that fail for a
        passing reason are tried again. Raises StorageError when no request was answered.
        """
        left = {self._prefix + check_key(key): "the answer does not name it" for key in keys}
        for attempt in range(_ATTEMPTS):
            request = {"Objects": [{"Key": key} for key in left], "Quiet": False}
            answer = self._repeated(
                keys[0],
                lambda request=request: self._client.delete_objects(  # type: ignore[misc]
                    Bucket=self._bucket, Delete=request
                ),
            )
            for row in answer.get("Deleted", ()):
                left.pop(row.get("Key"), None)
            for row in answer.get("Errors", ()):
                if row.get("Key") in left:
                    left[row["Key"]] = f"{row.get('Code')} {row.get('Message', '')}".strip()
            if not left:
                break
            self._sleep(_pause_s(attempt))
        return [f"{key}: {words}" for key, words in left.items()]

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        """See ObjectStore."""
        request: dict[str, object] = {
            "Bucket": self._bucket,
            "Prefix": self._prefix + prefix,
            "MaxKeys": min(self._page_size, limit or self._page_size),
        }
        left = limit
        if after:
            request["StartAfter"] = self._prefix + after
        while True:
            page = self._repeated(prefix, lambda: self._client.list_objects_v2(**request))
            for row in page.get("Contents", ()):
                yield Stat(
                    row["Key"][len(self._prefix) :], row["Size"], row["LastModified"].timestamp()
                )
                if left is not None:
                    left -= 1
                    if not left:
                        return
            if not page.get("IsTruncated"):
                return
            request["ContinuationToken"] = page["NextContinuationToken"]

    def _request(self, key: str) -> dict[str, object]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _get(self, key: str, condition: dict[str, object]) -> Blob:
        answer = self._client.get_object(**self._request(key), **condition)
        return Blob(answer["Body"].read(), answer["ETag"])

    def _get_range(self, key: str, start: int, stop: int) -> bytes:
        """One ranged GET, whose answer must be exactly what was asked for. Raises ShortObject,
        _Malformed, botocore's errors.
        """
        wanted = f"bytes={start}-{stop - 1}"
        try:
            answer = self._client.get_object(**self._request(key), Range=wanted)
        except ClientError as error:
            if _status(error) == 416:
                raise ends_early(key, start, stop) from None
            raise
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        found = _CONTENT_RANGE.fullmatch(answer.get("ContentRange", ""))
        if status != 206 or found is None:
            answer["Body"].close()
            raise _Malformed(f"a GET of {wanted} was answered {status} without its range")
        first, last, size = (int(number) for number in found.groups())
        if first == start and last == size - 1 < stop - 1:
            answer["Body"].close()
            raise ends_early(key, size, stop)
        data: bytes = answer["Body"].read()
        if (first, last) != (start, stop - 1) or len(data) != stop - start:
            raise _Malformed(
                f"a GET of {wanted} was answered with {len(data)} bytes, said to be {first}-{last}"
            )
        return data

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
            except (BotoCoreError, _Malformed) as error:
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
