"""Copies a store, or a part of it: to a folder as a backup, to another region, from a laptop to AWS
(docs/OPERATIONS.md).

    python -m tools.copy_store s3://OLD s3://NEW --from-region eu-west-1 --to-region eu-central-1
    python -m tools.copy_store s3://STORE backup/monday
    python -m tools.copy_store .lookalike/data s3://STORE --prefix collections/shop/

Objects are created, never replaced, as the bucket's own policy demands; what is there already with
the same bytes is left, so a copy that was interrupted goes on by the same command. Stop writers
first: a copy of a store that changes is none.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from chalicelib.config import Settings
from chalicelib.errors import AlreadyExists, LookalikeError
from chalicelib.storage.object_store import ObjectStore
from chalicelib.wiring import open_store


def copy(source: ObjectStore, target: ObjectStore, prefix: str = "") -> tuple[int, int]:
    """Copies every object under `prefix`; how many were copied and how many were there already.

    Raises AlreadyExists where the target has other bytes under the same key, StorageError.
    """
    made = same = 0
    for stat in source.list(prefix):
        data = source.get(stat.key).data
        try:
            target.create(stat.key, data)
            made += 1
        except AlreadyExists:
            if target.get(stat.key).data != data:
                raise AlreadyExists(
                    f"{stat.key} is in the target already and differs; copy into an empty store"
                ) from None
            same += 1
    return made, same


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Copy a store, or a part of it.")
    parser.add_argument("source", help="s3://BUCKET[/PREFIX] or a folder")
    parser.add_argument("target", help="likewise; empty, or with an unfinished copy")
    parser.add_argument(
        "--prefix", default="", help="only what begins with this, such as collections/shop/"
    )
    here = os.environ.get("AWS_REGION", "local")
    parser.add_argument(
        "--from-region", default=here, help="of the source; AWS_REGION where not given"
    )
    parser.add_argument(
        "--to-region", default=here, help="of the target; AWS_REGION where not given"
    )
    given = parser.parse_args(arguments)
    try:
        source = open_store(Settings(region=given.from_region, store=given.source))
        target = open_store(Settings(region=given.to_region, store=given.target))
        made, same = copy(source, target, given.prefix)
    except (LookalikeError, ValueError) as error:
        raise SystemExit(str(error)) from None
    print(f"{made} objects copied, {same} were there already")


if __name__ == "__main__":
    main()
