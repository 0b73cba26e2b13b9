"""A folder of an S3 bucket as a source of pictures."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, NoReturn

from chalicelib.errors import PictureNotFound, SourceError, SourceFault, StoreUnavailable
from chalicelib.storage.light_get import LightGet
from chalicelib.storage.refusals import code, status
from chalicelib.storage.s3_answers import Malformed, check_empty, page_of, version_of
from chalicelib.storage.source import META, Location, MetaFile, other_region, too_large

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_CHUNK: Final = 1 << 20
_TRIES: Final = 4


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
        self._getter = LightGet(self._client, location.bucket, credentials, region)
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
                if status(error) != 404:
                    raise
                self._no_meta(error)

    def _check_region(self) -> None:
        """Raises SourceError(NO_BUCKET, OTHER_REGION), StoreUnavailable."""
        with self._faults(""):
            try:
                headers = self._client.head_bucket(Bucket=self._bucket)["ResponseMetadata"][
                    "HTTPHeaders"
                ]
            except self._client.exceptions.ClientError as error:
                headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
                if status(error) == 404:
                    raise SourceError(
                        SourceFault.NO_BUCKET,
                        f"there is no bucket {self._bucket!r}; check the spelling, and that it was "
                        "not deleted",
                    ) from error
                if status(error) not in (301, 400, 403):
                    raise
        region = headers.get("x-amz-bucket-region", self._region)
        if region != self._region:
            raise other_region(self._bucket, region, self._region)

    def _no_meta(self, error: Exception) -> NoReturn:
        """Raises SourceError: NO_META where the folder holds something, else NO_PATH."""
        listed = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        if page_of(listed, self._prefix, ""):
            raise SourceError(
                SourceFault.NO_META,
                f"there is no {META} in {self._named}; put one next to the pictures "
                "(docs/IMPORTS.md says how)",
            ) from error
        raise SourceError(
            SourceFault.NO_PATH,
            f"there is nothing under {self._named}; check the path's spelling, upper and lower "
            "case count",
        ) from error

    @contextlib.contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        """Botocore's errors inside become SourceError(NO_PERMISSION) of `name` ("": the bucket
        itself) or StoreUnavailable.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            yield
        except ClientError as error:
            if status(error) == 403:
                raise self._denied(name) from error
            raise StoreUnavailable(
                f"{self._named} could not be read: {code(error)}; repeat later"
            ) from error
        except (BotoCoreError, ResponseParserError, Malformed) as error:
            raise StoreUnavailable(
                f"{self._named} could not be read: {error}; repeat later"
            ) from error

    def _denied(self, name: str) -> SourceError:
        """Says which right is missing on what, and who can give it."""
        what = (
            f"{self._prefix + name!r} in bucket {self._bucket!r}"
            if name
            else f"bucket {self._bucket!r}"
        )
        arn = f"arn:aws:s3:::{self._bucket}"
        needs = f"s3:GetObject on {arn}/{self._prefix}* and s3:ListBucket on {arn}"
        if self._role:
            how = (
                f"The role {self._role.arn}, which reads it, needs {needs}: its owner adds them to "
                "its permissions (docs/IMPORTS.md)"
            )
        else:
            how = (
                f"Whoever reads it needs {needs}: deploy with ImportBuckets={arn}, and see that no "
                "policy of the bucket denies either. A bucket of another account is read by a role "
                "of that account (docs/IMPORTS.md)"
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
                if status(error) == 404:
                    self._no_meta(error)
                if status(error) == 412:
                    raise SourceError(
                        SourceFault.NO_META,
                        f"{META} in {self._named} was replaced while it was being read; start the "
                        "import again",
                    ) from error
                raise
            found = version_of(answer)
            encryption = answer.get("ServerSideEncryption", "")
            check_empty(answer.get("ContentLength", 0), found, encryption)
        return MetaFile(found, self._chunks(answer["Body"]))

    def _chunks(self, body: Any) -> Iterator[bytes]:
        """A body of boto3's, piece by piece, closed in any case. Raises StoreUnavailable."""
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
                    f"there is no object {self._prefix + name!r} in bucket {self._bucket!r}; upper "
                    "and lower case count"
                )
            if answer.status == 403:
                raise self._denied(name)
            # a redirect or a refusal would be the same at the next try
            if answer.status < 500 and answer.status != 429:
                break
        raise StoreUnavailable(f"{name!r} in {self._named} could not be read; repeat later")
