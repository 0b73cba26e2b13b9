"""GETs of one bucket that cost little CPU: botocore's signature over http.client."""

from __future__ import annotations

import contextlib
import http.client
import queue
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from chalicelib.storage.s3_answers import Malformed, check_empty

if TYPE_CHECKING:
    from botocore.credentials import Credentials

TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came back."""

    status: int
    """HTTP's."""
    size: int
    """Bytes of the object; of the error's text where `status` is one."""
    data: bytes
    """Empty where the object is over the limit."""


class LightGet:
    """GETs of one bucket: botocore's signature over http.client with kept connections.

    A GET through the boto3 client costs 2.8 ms CPU, this one 0.5 (docs/adr/0041-light-get.md),
    beside 12 ms of inference.
    """

    def __init__(self, s3: Any, bucket: str, credentials: Credentials, region: str) -> None:
        from botocore.auth import S3SigV4Auth

        # The client knows where the bucket lives (virtual host, path style, AWS_ENDPOINT_URL); its
        # presigned URL tells.
        example = urlsplit(
            s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "x"})
        )
        self._host = example.netloc
        self._root = example.path[:-1]
        self._base = f"{example.scheme}://{example.netloc}"
        self._tls = _tls() if example.scheme == "https" else None
        self._auth = S3SigV4Auth(credentials, "s3", region)
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()

    def get(self, key: str, limit: int) -> Fetched:
        """The object, or its size alone if that is over `limit`. Raises OSError, HTTPException."""
        path = self._root + quote(key, safe="/-_.~")
        headers = self._sign(path)
        connection = self._take()
        try:
            try:
                answer = _ask(connection, path, headers)
            except (
                ConnectionError,
                http.client.BadStatusLine,
            ):  # the server had closed a kept connection
                connection.close()
                answer = _ask(connection, path, headers)
            size = _announced(answer)
            if answer.status == 200 and size > limit:
                connection.close()
                return Fetched(200, size, b"")
            data = answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)
        return Fetched(answer.status, len(data), data)

    def _sign(self, path: str) -> Mapping[str, str]:
        from botocore.awsrequest import AWSRequest

        request = AWSRequest("GET", self._base + path)
        self._auth.add_auth(request)
        return dict(request.headers.items())

    def _take(self) -> http.client.HTTPConnection:
        """The connection used last, else a new one; whoever is done puts it back into `_idle`."""
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            if self._tls:
                return http.client.HTTPSConnection(self._host, timeout=TIMEOUT_S, context=self._tls)
            return http.client.HTTPConnection(self._host, timeout=TIMEOUT_S)

    def close(self) -> None:
        """Closes kept connections."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


def _announced(answer: http.client.HTTPResponse) -> int:
    """The bytes of the body. Raises HTTPException for a success that does not say how many, or that
    says none where the ETag is of some.
    """
    headers = answer.headers
    try:
        size = int(headers.get("Content-Length", 0 if answer.status != 200 else ""))
        if answer.status == 200:
            encryption = headers.get("x-amz-server-side-encryption", "")
            check_empty(size, headers.get("ETag", ""), encryption)
    except (ValueError, Malformed) as error:
        raise http.client.HTTPException(f"an answer that cannot be relied on: {error}") from None
    return size


def _ask(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    connection.request("GET", path, headers=dict(headers))
    return connection.getresponse()


def _tls() -> ssl.SSLContext:
    from botocore.httpsession import get_cert_path

    return ssl.create_default_context(cafile=get_cert_path(True))
