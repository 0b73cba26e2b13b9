"""Cuts botocore's data down to the services and operations that Lookalike calls.

botocore reads a service's whole model before the first call: for S3 that is 1.9 MB of JSON, most of
it documentation.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

USED: Final[Mapping[str, frozenset[str]]] = {
    "s3": frozenset(
        {
            "GetObject",
            "HeadObject",
            "PutObject",
            "DeleteObject",
            "DeleteObjects",
            "ListObjectsV2",
            "HeadBucket",
            "GetBucketLocation",
            "GetBucketVersioning",
            "GetBucketLifecycleConfiguration",
        }
    ),
    "sqs": frozenset(
        {
            "SendMessage",
            "SendMessageBatch",
            "ReceiveMessage",
            "DeleteMessage",
            "ChangeMessageVisibility",
            "GetQueueAttributes",
        }
    ),
    "sts": frozenset({"AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity"}),
    "secretsmanager": frozenset(
        {"GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage", "DescribeSecret"}
    ),
    "lambda": frozenset({"Invoke"}),
}
"""tests/infra/test_trim.py holds this against the calls in the code."""

_NEVER_READ: Final = {"documentation", "documentationUrl", "examples"}


def prune(data: Path) -> None:
    """Rewrites botocore's data folder in place: only USED, uncompressed (the zip compresses),
    without prose.
    """
    for folder in sorted(path for path in data.iterdir() if path.is_dir()):
        if folder.name not in USED:
            _remove(folder)
            continue
        *older, newest = sorted(path for path in folder.iterdir() if path.is_dir())
        for version in older:
            _remove(version)
        for file in sorted(newest.iterdir()):
            _prune_file(file, USED[folder.name])
    _prune_endpoints(data / "endpoints.json")


def _prune_endpoints(endpoints: Path) -> None:
    """Keeps where the services of USED are."""
    content = json.loads(endpoints.read_text())
    for partition in content["partitions"]:
        partition["services"] = {
            name: value for name, value in partition["services"].items() if name in USED
        }
    _write(endpoints, content)


def needed_shapes(model: Mapping[str, Any], operations: Collection[str]) -> set[str]:
    """Names of the shapes that `operations` of a service model reach."""
    todo = [
        name for operation in operations for name in _references(model["operations"][operation])
    ]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(_references(model["shapes"][name]))
    return found


def _references(node: object) -> Iterator[str]:
    """Names of the shapes that a piece of a service model points to, at any depth."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _prune_file(file: Path, operations: frozenset[str]) -> None:
    """Keeps of one file what `operations` need; files that no call reads go. Raises ValueError."""
    kind = file.name.split(".")[0]
    if kind not in {"service-2", "endpoint-rule-set-1", "paginators-1"}:
        file.unlink()
        return
    content = json.loads(
        gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    )
    if kind == "service-2" and "operations" in content:
        missing = operations - content["operations"].keys()
        if missing:
            raise ValueError(f"{file}: botocore knows no {', '.join(sorted(missing))}")
        _prune_model(content, operations)
    if kind == "paginators-1" and "pagination" in content:
        content["pagination"] = {
            name: value for name, value in content["pagination"].items() if name in operations
        }
    file.unlink()
    _write(file.with_name(file.name.removesuffix(".gz")), content)


def _prune_model(content: dict[str, Any], operations: frozenset[str]) -> None:
    """Cuts a service model down to `operations` and the shapes they reach, in place."""
    content["operations"] = {name: content["operations"][name] for name in sorted(operations)}
    shapes = needed_shapes(content, operations)
    content["shapes"] = {name: shape for name, shape in content["shapes"].items() if name in shapes}
    for part in ("operations", "shapes"):  # botocore does read the prose of the rest
        content[part] = _without_prose(content[part])


def _without_prose(node: object) -> Any:
    """A copy of `node` without what only people read."""
    if isinstance(node, dict):
        # A structure may have a member called "documentation": its value is a dictionary, prose is
        # text.
        return {
            key: _without_prose(value)
            for key, value in node.items()
            if not (key in _NEVER_READ and isinstance(value, str))
        }
    if isinstance(node, list):
        return [_without_prose(value) for value in node]
    return node


def _write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, separators=(",", ":")))


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
    folder.rmdir()
