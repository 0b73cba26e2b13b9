"""Buckets to import from, opened with the deployment's own role or with one that an owner lends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chalicelib.errors import SourceError, SourceFault, StoreUnavailable
from chalicelib.storage.bucket import BucketSource
from chalicelib.storage.clients import Credentials as Lent
from chalicelib.storage.clients import client
from chalicelib.storage.light_get import TIMEOUT_S
from chalicelib.storage.refusals import code, status
from chalicelib.storage.source import FolderSource, Location, Role, Source

_ROLE_VALID_S: Final = 3600
_ROLE_SPARE_S: Final = 1200
"""A slice may take 15 minutes; its credentials must last longer."""
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
        """See Sources.open. Raises SourceError(NO_ROLE, NO_PERMISSION) too."""
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
        """A bucket with clients of its own. Raises SourceError(NO_ROLE, NO_PERMISSION),
        StoreUnavailable.
        """
        import botocore.session
        from botocore.config import Config
        from botocore.credentials import Credentials

        config = Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=TIMEOUT_S)
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
                f"bucket {location.bucket!r} cannot be read: this process has no AWS credentials; "
                "run `aws configure` or set AWS_PROFILE",
            )
        return BucketSource(
            location,
            self._region,
            client("s3", self._region, config=config),
            own,
            sleep=self._sleep,
        )

    def _assume(self, role: Role) -> Lent:
        """Credentials for an hour, for which the owner's external id is shown. Raises
        SourceError(NO_ROLE, NO_PERMISSION), StoreUnavailable.
        """
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
            if code(error) in ("AccessDenied", "NoSuchEntity", "ValidationError"):
                raise SourceError(
                    SourceFault.NO_ROLE,
                    f"the role {role.arn} cannot be assumed. Check that it exists, that its trust "
                    "policy names the account of this "
                    f"deployment and the external id {role.external_id!r}, and that this "
                    "deployment may call sts:AssumeRole on it: "
                    f"deploy with ImportRoles={role.arn} (docs/IMPORTS.md)",
                ) from error
            if status(error) == 403:
                raise SourceError(
                    SourceFault.NO_PERMISSION,
                    f"AWS does not accept the credentials with which the role {role.arn} was to be "
                    f"assumed ({code(error)}); "
                    "renew them: `aws sts get-caller-identity` says whether they are good",
                ) from error
            raise StoreUnavailable(
                f"AWS did not answer for the role {role.arn}: {code(error)}; repeat later"
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
