"""A folder of an S3 bucket as a source of pictures, with a GET that costs little CPU."""

from __future__ import annotations

import contextlib
import http.client
import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import quote, urlsplit

from chalicelib.errors import PictureNotFound, SourceError, SourceFault, StoreUnavailable
from chalicelib.storage.clients import Credentials as Lent
from chalicelib.storage.clients import client
from chalicelib.storage.source import (
    META,
    FolderSource,
    Location,
    MetaFile,
    Role,
    Source,
    other_region,
    too_large,
)

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_CHUNK: Final = 1 << 20
_TRIES: Final = 4
_ROLE_VALID_S: Final = 3600
_ROLE_SPARE_S: Final = 1200
"""A slice may take 15 minutes; its credentials must last longer."""
_TIMEOUT_S: Final = 20.0
_KEPT: Final = 4
"""Opened buckets."""


class AwsSources:
    """Buckets of this deployment's region, read with its own role or with one that a bucket's owner
    lends.

    Opened buckets are kept, a few of them, so that a worker's next slice finds clients and
    connections ready.
    """

    def __init__(
        self,
        region: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._region = region
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._open: dict[Location, tuple[BucketSource, float]] = {}

    def open(self, location: Location) -> Source:
        """See Sources.open. Raises SourceError(NO_ROLE, NO_PERMISSION) too: a role is assumed here."""
        if location.kind == "folder":
            return FolderSource(Path(location.path), named=location.path)
        with self._lock:
            source, until = self._open.pop(location, (None, 0.0))
            if source is None or until < self._clock():
                until = self._clock() + _ROLE_VALID_S - _ROLE_SPARE_S
                source = self._make(location)
            self._open[location] = (source, until)
            while len(self._open) > _KEPT:
                self._open.pop(next(iter(self._open)))[0].close()
        return source

    def close(self) -> None:
        """Closes what is kept."""
        with self._lock:
            while self._open:
                self._open.popitem()[1][0].close()

    def _make(self, location: Location) -> BucketSource:
        import botocore.session
        from botocore.config import Config
        from botocore.credentials import Credentials

        config = Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=_TIMEOUT_S)
        if location.role:
            lent = self._assume(location.role)
            made = client("s3", self._region, config=config, credentials=lent)
            return BucketSource(
                location,
                self._region,
                made,
                Credentials(lent.key, lent.secret, lent.token),
                sleep=self._sleep,
            )
        own = botocore.session.Session().get_credentials()
        if own is None:
            raise SourceError(
                SourceFault.NO_PERMISSION,
                f"bucket {location.bucket!r} cannot be read: this process has no AWS credentials; run `aws configure` or set AWS_PROFILE",
            )
        return BucketSource(
            location,
            self._region,
            client("s3", self._region, config=config),
            own,
            sleep=self._sleep,
        )

    def _assume(self, role: Role) -> Lent:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        role.check()
        sts = client("sts", self._region)
        try:
            answer = sts.assume_role(
                RoleArn=role.arn,
                RoleSessionName="lookalike-import",
                ExternalId=role.external_id,
                DurationSeconds=_ROLE_VALID_S,
            )["Credentials"]
        except ClientError as error:
            if _code(error) in ("AccessDenied", "NoSuchEntity", "ValidationError"):
                raise SourceError(
                    SourceFault.NO_ROLE,
                    f"the role {role.arn} cannot be assumed. Check that it exists, that its trust policy names the account of this "
                    f"deployment and the external id {role.external_id!r}, and that this deployment may call sts:AssumeRole on it: "
                    f"deploy with ImportRoles={role.arn} (docs/IMPORTS.md)",
                ) from error
            if _status(error) == 403:
                raise SourceError(
                    SourceFault.NO_PERMISSION,
                    f"AWS does not accept the credentials with which the role {role.arn} was to be assumed ({_code(error)}); "
                    "renew them: `aws sts get-caller-identity` says whether they are good",
                ) from error
            raise StoreUnavailable(
                f"AWS did not answer for the role {role.arn}: {_code(error)}; repeat later"
            ) from error
        except NoCredentialsError as error:
            raise SourceError(
                SourceFault.NO_PERMISSION,
                f"the role {role.arn} is assumed with AWS credentials; none found",
            ) from error
        except BotoCoreError as error:
            raise StoreUnavailable(
                f"AWS did not answer for the role {role.arn}: {error}; repeat later"
            ) from error
        finally:
            sts.close()
        return Lent(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


class BucketSource:
    """One folder of one bucket."""

    def __init__(
        self,
        location: Location,
        region: str,
        s3: Any,
        credentials: Credentials,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = s3
        self._bucket = location.bucket
        self._prefix = location.path.strip("/") + "/" if location.path.strip("/") else ""
        self._named = location.text()
        self._role = location.role
        self._region = region
        self._getter = _Getter(self._client, location.bucket, credentials, region)
        self._sleep = sleep

    def close(self) -> None:
        """Lets connections go."""
        self._getter.close()
        self._client.close()

    def check(self) -> None:
        """See Source.check."""
        self._check_region()
        with self._faults(META):
            try:
                self._client.head_object(Bucket=self._bucket, Key=self._prefix + META)
            except self._client.exceptions.ClientError as error:
                if _status(error) != 404:
                    raise
                self._no_meta(error)

    def _check_region(self) -> None:
        with self._faults(""):
            try:
                headers = self._client.head_bucket(Bucket=self._bucket)["ResponseMetadata"][
                    "HTTPHeaders"
                ]
            except self._client.exceptions.ClientError as error:
                headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
                if _status(error) == 404:
                    raise SourceError(
                        SourceFault.NO_BUCKET,
                        f"there is no bucket {self._bucket!r}; check the spelling, and that it was not deleted",
                    ) from error
                if _status(error) not in (301, 400, 403):
                    raise
        region = headers.get("x-amz-bucket-region", self._region)
        if region != self._region:
            raise other_region(self._bucket, region, self._region)

    def _no_meta(self, error: Exception) -> NoReturn:
        listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        if listed.get("KeyCount"):
            raise SourceError(
                SourceFault.NO_META,
                f"there is no {META} in {self._named}; put one next to the pictures (docs/IMPORTS.md says how)",
            ) from error
        raise SourceError(
            SourceFault.NO_PATH,
            f"there is nothing under {self._named}; check the path's spelling, upper and lower case count",
        ) from error

    @contextlib.contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if _status(error) == 403:
                raise self._denied(name) from error
            raise StoreUnavailable(
                f"{self._named} could not be read: {_code(error)}; repeat later"
            ) from error
        except BotoCoreError as error:
            raise StoreUnavailable(
                f"{self._named} could not be read: {error}; repeat later"
            ) from error

    def _denied(self, name: str) -> SourceError:
        what = (
            f"{self._prefix + name!r} in bucket {self._bucket!r}"
            if name
            else f"bucket {self._bucket!r}"
        )
        needs = f"s3:GetObject on arn:aws:s3:::{self._bucket}/{self._prefix}* and s3:ListBucket on arn:aws:s3:::{self._bucket}"
        if self._role:
            how = f"The role {self._role.arn}, which reads it, needs {needs}: its owner adds them to its permissions (docs/IMPORTS.md)"
        else:
            how = (
                f"Whoever reads it needs {needs}: deploy with ImportBuckets=arn:aws:s3:::{self._bucket}, and see that no policy of the "
                "bucket denies either. A bucket of another account is read by a role of that account (docs/IMPORTS.md)"
            )
        return SourceError(SourceFault.NO_PERMISSION, f"{what} may not be read. {how}")

    def meta(self, *, version: str = "") -> MetaFile:
        """See Source.meta."""
        condition = {"IfMatch": version} if version else {}
        with self._faults(META):
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._prefix + META, **condition
                )
            except self._client.exceptions.ClientError as error:
                if _status(error) == 404:
                    self._no_meta(error)
                if _status(error) == 412:
                    raise SourceError(
                        SourceFault.NO_META,
                        f"{META} in {self._named} was replaced while it was being read; start the import again",
                    ) from error
                raise
        return MetaFile(answer["ETag"], self._chunks(answer["Body"]))

    def _chunks(self, body: Any) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError

        try:
            yield from body.iter_chunks(_CHUNK)
        except BotoCoreError as error:
            raise StoreUnavailable(
                f"reading {META} in {self._named} broke off: {error}; repeat"
            ) from error
        finally:
            body.close()

    def picture(self, name: str, *, limit: int) -> bytes:
        """See Source.picture."""
        for attempt in range(_TRIES):
            if attempt:
                self._sleep(0.2 * 2**attempt)
            try:
                answer = self._getter.get(self._prefix + name, limit)
            except (OSError, http.client.HTTPException):
                continue
            if answer.status == 200:
                if answer.size > limit:
                    raise too_large(name, answer.size, limit)
                return answer.data
            if answer.status == 404:
                raise PictureNotFound(
                    f"there is no object {self._prefix + name!r} in bucket {self._bucket!r}; upper and lower case count"
                )
            if answer.status == 403:
                raise self._denied(name)
            if answer.status < 500 and answer.status != 429:
                break
        raise StoreUnavailable(f"{name!r} in {self._named} could not be read; repeat later")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    size: int
    data: bytes


class _Getter:
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

    def get(self, key: str, limit: int) -> _Answer:
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
            size = int(answer.headers.get("Content-Length", 0))
            if answer.status == 200 and size > limit:
                connection.close()
                return _Answer(200, size, b"")
            data = answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)
        return _Answer(answer.status, len(data), data)

    def _sign(self, path: str) -> Mapping[str, str]:
        from botocore.awsrequest import AWSRequest

        request = AWSRequest("GET", self._base + path)
        self._auth.add_auth(request)
        return dict(request.headers.items())

    def _take(self) -> http.client.HTTPConnection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            if self._tls:
                return http.client.HTTPSConnection(
                    self._host, timeout=_TIMEOUT_S, context=self._tls
                )
            return http.client.HTTPConnection(self._host, timeout=_TIMEOUT_S)

    def close(self) -> None:
        """Closes kept connections."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


def _ask(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    connection.request("GET", path, headers=dict(headers))
    return connection.getresponse()


def _tls() -> ssl.SSLContext:
    from botocore.httpsession import get_cert_path

    return ssl.create_default_context(cafile=get_cert_path(True))


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
