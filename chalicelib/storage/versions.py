"""How long what was deleted lives on as a version of the bucket."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.refusals import code
from chalicelib.storage.s3 import S3Store


def version_days(store: ObjectStore) -> int | None:
    """Days that S3 keeps a version after it was deleted or replaced; 0 where none is kept. None:
    for ever, or this key may not ask.
    """
    if not isinstance(store, S3Store):
        return 0
    client, bucket, prefix = store.place
    try:
        if "Status" not in client.get_bucket_versioning(Bucket=bucket):
            return 0
        rules = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError as error:
        if code(error) in {"NoSuchLifecycleConfiguration", "AccessDenied"}:
            return None
        raise
    days = [_days(rule) for rule in rules if _covers(rule, prefix)]
    return min((found for found in days if found is not None), default=None)


def _covers(rule: dict[str, Any], prefix: str) -> bool:
    """Whether it is in force for everything under `prefix`collections/."""
    filtered = rule.get("Filter", {})
    narrow = rule.get("Prefix") or filtered.get("Prefix") or ""
    if rule.get("Status") != "Enabled" or set(filtered) - {"Prefix"}:
        return False
    return f"{prefix}collections/".startswith(narrow)


def _days(rule: dict[str, Any]) -> int | None:
    """After which it removes a version that is not the current one; None: it does not."""
    expiration = rule.get("NoncurrentVersionExpiration", {})
    if expiration.get("NewerNoncurrentVersions"):
        return None
    days: int | None = expiration.get("NoncurrentDays")
    return days
