"""The client of an S3Store: what is used of botocore's, and how it is set up."""

from __future__ import annotations

from typing import Any, Protocol

from botocore.config import Config

from chalicelib.storage.clients import client


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


def connect(region: str, *, connections: int = 64, read_timeout_s: float = 15) -> S3Client:
    """A client as S3Store needs it: one attempt per call, so that a lost answer is seen and not
    repeated behind our back. `read_timeout_s` is for silence, not for the whole answer.

    AWS_ENDPOINT_URL redirects it.
    """
    config = Config(
        retries={"total_max_attempts": 1},
        max_pool_connections=connections,
        connect_timeout=3,
        read_timeout=read_timeout_s,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    found: S3Client = client("s3", region, config=config)
    return found
