"""The words of what AWS refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


def status(error: ClientError) -> int:
    """The HTTP status; 0 where the error has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: ClientError) -> str:
    """Such as NoSuchBucket; "" where the answer had no body."""
    return str(error.response.get("Error", {}).get("Code", ""))


def words(error: ClientError) -> str:
    """Code and message, for people."""
    return f"{code(error)} {error.response.get('Error', {}).get('Message', '')}".strip()
