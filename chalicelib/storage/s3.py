"""A store in an S3 bucket."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
)
from botocore.parsers import ResponseParserError

from chalicelib.errors import (
    AlreadyExists,
    ObjectMissing,
    OutcomeUnknown,
    StorageError,
    StoreUnavailable,
    VersionConflict,
)
from chalicelib.storage.attempts import attempts
from chalicelib.storage.object_store import Blob, Stat, check_key, check_range
from chalicelib.storage.refusals import code, status, words
from chalicelib.storage.s3_answers import (
    CHECKSUM,
    Malformed,
    blob_of,
    check_deleted,
    checksum,
    page_of,
    past_the_end,
    range_of,
    version_of,
)
from chalicelib.storage.s3_client import S3Client, connect

__all__ = ["S3Client", "S3Store", "connect"]

_NOTHING_SENT: Final = (
    EndpointConnectionError,
    ConnectTimeoutError,
    ProxyConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)
_LOST: Final = (BotoCoreError, ResponseParserError, Malformed)
"""The answer did not come, or is none."""
_REFUSED_UNREAD: Final = frozenset({"SlowDown", "RequestTimeout"})
"""S3 says so before it does anything; any other 5xx may come from something in between."""
_DELETED_AT_ONCE: Final = 1000
"""API Reference, DeleteObjects."""
_Answer = TypeVar("_Answer")


class S3Store:
    """Objects `{prefix}{key}` of one bucket. Reads, listings and deletions are repeated here;
    conditional writes only where they were refused before anything was written.
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

    def pages_of(self, count: int) -> S3Store:
        """The same store, listed in pages of `count` keys."""
        made = copy.copy(self)
        made._page_size = count
        return made

    @property
    def place(self) -> tuple[Any, str, str]:
        """Client, bucket and prefix, for what only S3 has."""
        return self._client, self._bucket, self._prefix

    def get(self, key: str) -> Blob:
        """See ObjectStore."""
        request = self._request(key)
        return self._repeated(key, lambda: blob_of(self._client.get_object(**request)))

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        """See ObjectStore."""
        request = {**self._request(key), "IfNoneMatch": version}

        def read() -> Blob | None:
            try:
                return blob_of(self._client.get_object(**request))
            except ClientError as error:
                if status(error) != 304:
                    raise
                headers = error.response["ResponseMetadata"]["HTTPHeaders"]
                if headers.get("etag", version) != version:
                    raise Malformed("304 of another version than the one that was named") from None
                return None

        return self._repeated(key, read)

    def view(self, key: str) -> memoryview:
        """See ObjectStore. Its checksum is not looked at: what is immutable and large carries
        hashes of its own.
        """
        request = self._request(key)
        blob = self._repeated(
            key, lambda: blob_of(self._client.get_object(**request), verify=False)
        )
        return memoryview(blob.data)

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """See ObjectStore."""
        check_range(start, stop)
        if start == stop:
            return b""
        request = {**self._request(key), "Range": f"bytes={start}-{stop - 1}"}

        def read() -> bytes:
            try:
                return range_of(self._client.get_object(**request), key, start, stop)
            except ClientError as error:
                if status(error) == 416:
                    raise past_the_end(key, start, stop) from None
                raise

        return self._repeated(key, read)

    def create(self, key: str, data: bytes) -> str:
        """See ObjectStore."""
        refused = AlreadyExists(f"an object {key} is there already")
        return self._put(key, data, {"IfNoneMatch": "*"}, refused)

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        """See ObjectStore."""
        refused = VersionConflict(f"{key} was replaced or deleted meanwhile; nothing was written")
        return self._put(key, data, {"IfMatch": version}, refused)

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        request = self._request(key)
        self._repeated(key, lambda: check_deleted(self._client.delete_object(**request)))

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
        """One request's worth of keys; what stayed, with the store's words. What the answer does
        not name as deleted is tried again. Raises StorageError when no request was answered.
        """
        left = {self._prefix + check_key(key): "the answer does not name it" for key in keys}
        for _ in attempts(sleep=self._sleep):
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
        return [f"{key}: {what}" for key, what in left.items()]

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        """See ObjectStore."""
        wanted = self._prefix + prefix
        last = self._prefix + after if after else ""
        left = limit
        request: dict[str, object] = {"Bucket": self._bucket, "Prefix": wanted}
        if after:
            request["StartAfter"] = last
        while True:
            request["MaxKeys"] = self._page_size if left is None else min(self._page_size, left)
            page, token = self._repeated(prefix, partial(self._page, request, wanted, last))
            for stat in page:
                yield Stat(stat.key[len(self._prefix) :], stat.size, stat.modified)
            left = None if left is None else left - len(page)
            if token is None or left == 0:
                return
            request["ContinuationToken"], last = token, page[-1].key

    def _page(
        self, request: dict[str, object], wanted: str, last: str
    ) -> tuple[Sequence[Stat], str | None]:
        """A page's rows, whole keys, and the token of the next one. Raises Malformed."""
        answer = self._client.list_objects_v2(**request)
        page = page_of(answer, wanted, last)
        return page, answer["NextContinuationToken"] if answer["IsTruncated"] else None

    def _request(self, key: str) -> dict[str, object]:
        return {"Bucket": self._bucket, "Key": self._prefix + check_key(key)}

    def _put(self, key: str, data: bytes, condition: dict[str, object], refused: Exception) -> str:
        """A conditional write; the new version. Raises `refused` where the condition does not hold,
        OutcomeUnknown, StoreUnavailable (nothing was written), StorageError.
        """
        metadata = {CHECKSUM: checksum(data)}
        request = {**self._request(key), "Body": data, "Metadata": metadata, **condition}
        for _ in attempts(sleep=self._sleep):
            try:
                return version_of(self._client.put_object(**request))
            except ClientError as error:
                # an If-Match on what somebody deleted meanwhile is answered with 404
                gone = status(error) == 404 and code(error) != "NoSuchBucket"
                if status(error) == 412 or (gone and "IfMatch" in condition):
                    raise refused from None
                if not _refused_unread(error):
                    raise self._failed_write(key, error) from error
            except _NOTHING_SENT as error:
                raise StoreUnavailable(f"the store could not be reached: {error}") from error
            except _LOST as error:
                raise OutcomeUnknown(
                    f"writing {key}: {error}; it may or may not be there"
                ) from error
        raise StoreUnavailable(
            f"the store kept refusing to write {key} because it is busy; nothing was written"
        )

    def _failed_write(self, key: str, error: ClientError) -> StorageError:
        """What a write that was answered with an error comes to."""
        if status(error) >= 500:
            return OutcomeUnknown(f"writing {key}: {words(error)}; it may or may not be there")
        return StorageError(self._refusal(key, error))

    def _repeated(self, key: str, call: Callable[[], _Answer]) -> _Answer:
        """`call`'s answer; outages are waited out, within about a second. Raises ObjectMissing,
        StoreUnavailable, StorageError.
        """
        failure: Exception | None = None
        for _ in attempts(sleep=self._sleep):
            try:
                return call()
            except ClientError as error:
                if status(error) == 404 and code(error) != "NoSuchBucket":
                    raise ObjectMissing(key) from None
                if status(error) < 500 and not _refused_unread(error):
                    raise StorageError(self._refusal(key, error)) from error
                failure = error
            except (NoCredentialsError, PartialCredentialsError) as error:
                raise StoreUnavailable(f"no AWS credentials: {error}") from error
            except _LOST as error:
                failure = error
        raise StoreUnavailable(f"the store did not answer for {key}: {failure}") from failure

    def _refusal(self, key: str, error: ClientError) -> str:
        hint = (
            "check the role's policy"
            if status(error) == 403
            else "check the bucket's name and region"
        )
        return f"the bucket {self._bucket} refused {key}: {words(error)}; {hint}"


def _refused_unread(error: ClientError) -> bool:
    """Whether the request was turned away before anything was done, and may be sent again: another
    write of the key was under way, or there were too many requests.
    """
    return status(error) in {409, 429} or code(error) in _REFUSED_UNREAD
