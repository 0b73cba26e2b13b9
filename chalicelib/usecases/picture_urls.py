"""Where a collection's pictures can be seen. Lookalike keeps none; their owner may say at which URL
each one lies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from chalicelib.errors import (
    AlreadyExists,
    Conflict,
    CorruptObject,
    InvalidField,
    ObjectMissing,
    VersionConflict,
)
from chalicelib.storage.attempts import CONTENDED, attempts
from chalicelib.usecases.deployment import Deployment

KEY: Final = "console/picture_urls.json"
"""One small object for all collections: showing the list of them takes one read."""
_MAX: Final = 1000
_TEMPLATE: Final = re.compile(r"(https?://[^\s<>\"'\\]+|/[^\s<>\"'\\]*)")


def picture_urls(deployment: Deployment) -> Mapping[str, str]:
    """Collection to URL template with `{PicName}` and `{ProductId}` in it, of those that have one.
    Raises StorageError.
    """
    return _read(deployment)[0]


def set_picture_url(collection: str, template: str | None, deployment: Deployment) -> None:
    """Sets the template of a collection, or removes it. Raises CollectionNotFound,
    InvalidField("picture_url"), StorageError.
    """
    if template is not None:
        deployment.catalog.open(collection)
        _check(template)
    for _ in attempts(CONTENDED):
        templates, version = _read(deployment)
        changed = {name: text for name, text in templates.items() if name != collection}
        if template is not None:
            changed[collection] = template
        if changed == dict(templates):
            return
        data = json.dumps(changed, sort_keys=True).encode()
        try:
            if version is None:
                deployment.store.create(KEY, data)
            else:
                deployment.store.replace(KEY, data, version=version)
        except (AlreadyExists, VersionConflict):
            continue
        return
    raise Conflict("the picture URLs keep being changed by others; try again")


def _check(template: str) -> None:
    """Raises InvalidField for a template that could not be a picture's URL."""
    if len(template) > _MAX or not _TEMPLATE.fullmatch(template) or template.startswith("//"):
        raise InvalidField(
            "picture_url",
            (
                f"{template[:80]!r} must be an https:// URL or a path on this host, at most "
                f"{_MAX} characters"
            ),
        )
    if "{PicName}" not in template and "{ProductId}" not in template:
        raise InvalidField(
            "picture_url",
            (
                "the picture URL must name {PicName} or {ProductId}, or every picture would be "
                "the same one"
            ),
        )


def _read(deployment: Deployment) -> tuple[Mapping[str, str], str | None]:
    """Every collection's template by name, and the version read; None where none was ever set."""
    try:
        blob = deployment.store.get(KEY)
    except ObjectMissing:
        return {}, None
    try:
        value = json.loads(blob.data)
    except ValueError as error:
        raise CorruptObject(KEY, "it is not JSON; remove it to start anew") from error
    return {str(name): str(text) for name, text in value.items()}, blob.version
