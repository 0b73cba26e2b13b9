"""What `lookalike doctor` asks AWS about the account it runs in."""

from __future__ import annotations

from typing import Any, Protocol

from chalicelib.errors import Forbidden, StoreUnavailable
from chalicelib.storage.clients import client


class Account(Protocol):
    """The account and region of a deployment."""

    def caller(self) -> str:
        """ARN of whose credentials are used. Raises Forbidden without valid ones,
        StoreUnavailable.
        """
        ...

    def bucket_region(self, bucket: str) -> str:
        """Where `bucket` is; "" where the store does not say (not AWS). Raises Forbidden,
        StoreUnavailable.
        """
        ...

    def queue_length(self, url: str) -> int:
        """Messages waiting in the queue. Raises Forbidden, StoreUnavailable."""
        ...


class AwsAccount:
    """By the caller's own credentials."""

    def __init__(self, region: str) -> None:
        self._region = region

    def caller(self) -> str:
        """See Account."""
        return str(self._ask("sts", "get_caller_identity")["Arn"])

    def bucket_region(self, bucket: str) -> str:
        """See Account."""
        answer = self._ask("s3", "head_bucket", Bucket=bucket)
        return str(answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", ""))

    def queue_length(self, url: str) -> int:
        """See Account."""
        answer = self._ask(
            "sqs",
            "get_queue_attributes",
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def _ask(self, service: str, operation: str, **parameters: object) -> Any:
        """One call. Raises Forbidden where it or the credentials are refused, StoreUnavailable."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            NoCredentialsError,
            PartialCredentialsError,
        )

        try:
            return getattr(client(service, self._region), operation)(**parameters)
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise Forbidden(str(error)) from error
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status in (400, 401, 403):
                raise Forbidden(f"{service} refuses {operation}: {code}") from error
            raise StoreUnavailable(
                f"{service} answers {operation} with {code or status}"
            ) from error
        except BotoCoreError as error:
            raise StoreUnavailable(f"{service} cannot be reached: {error}") from error
