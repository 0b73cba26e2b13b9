"""Takes a part of the store's bucket back to how it was at a moment of the last seven days
(docs/OPERATIONS.md, restore).

    python -m tools.restore s3://BUCKET/collections/shop/ 2026-11-25T12:00:00Z [--yes]

The bucket keeps every version for a week (infra/template.yaml). Whatever was written or deleted
after the moment is undone for good; without --yes it is only counted. A collection's objects are
written in an order that leaves it whole at every moment (docs/FORMAT.md).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

KEPT: Final = timedelta(days=7)
"""How long the bucket keeps what was replaced or deleted."""
_AT_ONCE: Final = 1000
"""Versions that S3 deletes by one request."""


@dataclass(frozen=True, slots=True)
class VersionChange:
    """A write or a deletion."""

    key: str
    version: str
    deletion: bool


def since(s3: Any, bucket: str, prefix: str, moment: datetime) -> Iterator[VersionChange]:
    """What was done under `prefix` after `moment`, which S3 knows to the second."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for kind, deletion in (("Versions", False), ("DeleteMarkers", True)):
            for entry in page.get(kind, ()):
                if entry["LastModified"] > moment:
                    yield VersionChange(entry["Key"], entry["VersionId"], deletion)


def undo(s3: Any, bucket: str, changes: Sequence[VersionChange]) -> None:
    """Takes `changes` back. Raises SystemExit when S3 refuses some: repeating the command goes on
    with those.
    """
    for first in range(0, len(changes), _AT_ONCE):
        objects = [
            {"Key": change.key, "VersionId": change.version}
            for change in changes[first : first + _AT_ONCE]
        ]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for error in answer.get("Errors", ()):
            raise SystemExit(
                f"S3 refuses to take back {error['Key']}: {error.get('Code')}"
                f" {error.get('Message')}; repeat the command"
            )


def moment_of(text: str, now: datetime) -> datetime:
    """An ISO 8601 time with its zone. Raises SystemExit for another text, a time to come, or one
    that is too long ago.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise SystemExit(f"{text!r} is no time; write it as 2026-11-25T12:00:00Z") from None
    if moment.tzinfo is None:
        raise SystemExit(f"{text} has no zone; write {text}Z for UTC")
    if not now - KEPT < moment < now:
        raise SystemExit(f"{text} is not within the last {KEPT.days} days; older versions are gone")
    return moment


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description="Take a part of the store back to how it was at a moment."
    )
    parser.add_argument("place", help="s3://BUCKET/collections/NAME/")
    parser.add_argument("moment", help="as 2026-11-25T12:00:00Z")
    parser.add_argument("--yes", action="store_true", help="do it; otherwise only count")
    given = parser.parse_args(arguments)
    bucket, _, prefix = given.place.removeprefix("s3://").partition("/")
    if not given.place.startswith("s3://") or not prefix.endswith("/"):
        raise SystemExit(
            f"{given.place!r} must be s3://BUCKET/collections/NAME/, with a slash at its end"
        )
    moment = moment_of(given.moment, datetime.now(UTC))
    import boto3

    s3 = boto3.client("s3", region_name=os.environ.get("AWS_REGION"))
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        raise SystemExit(f"bucket {bucket} keeps no versions, so nothing can be taken back")
    changes = list(since(s3, bucket, prefix, moment))
    # without --yes nothing is written: this is what would be
    deletions = sum(change.deletion for change in changes)
    print(
        f"{len(changes) - deletions} writes and {deletions} deletions were made"
        f" in {given.place} after {given.moment}"
    )
    if not given.yes:
        print("Nothing was changed; the same command with --yes takes them back, for good")
        return
    undo(s3, bucket, changes)
    print("They are taken back. Check it: lookalike scrub, then lookalike doctor")


if __name__ == "__main__":
    main()
