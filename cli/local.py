"""Opening the deployment that the environment names, and reading pictures and attributes from a
command line.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.config import Settings
from chalicelib.contract.values import AttributeValues
from chalicelib.errors import InvalidField, MissingField
from chalicelib.service import MAX_PICTURE_BYTES, Service

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment

ROOT = Path(__file__).resolve().parents[1]
"""Where app.py lies."""

_INTS = frozenset(("int_attr", "int_attr2", "int_attr3", "int_attr4"))
_STRS = frozenset(("str_attr", "str_attr2", "str_attr3", "str_attr4", "custom_content"))


def settings() -> Settings:
    """The settings of the environment. Raises InvalidField for one that cannot be read."""
    try:
        return Settings.read(os.environ)
    except ValueError as error:
        raise InvalidField("settings", str(error)) from error


def open_deployment() -> Deployment:
    """The deployment of this process. Raises InvalidField for settings that make none."""
    settings()
    from chalicelib.wiring import deployment

    try:
        return deployment()
    except ValueError as error:
        raise InvalidField("settings", str(error)) from error


def service_named(text: str) -> Service:
    """The kind of search called `text`. Raises InvalidField."""
    try:
        return Service.named(text)
    except KeyError:
        names = ", ".join(service.name.lower() for service in Service)
        raise InvalidField(
            "type", f"{text!r} is no type of collection; choose one of {names}"
        ) from None


def read_picture(path: str) -> bytes:
    """The bytes of a file, or of standard input for `-`. Raises MissingField, InvalidField for what
    is no picture by its size.
    """
    if path == "-":
        return sys.stdin.buffer.read(MAX_PICTURE_BYTES + 1)
    file = Path(path)
    if file.is_dir():
        raise InvalidField(
            "picture",
            f"{path} is a folder; `lookalike import {shlex.quote(path)} -c COLLECTION` takes"
            " all pictures in it",
        )
    if not file.is_file():
        raise MissingField("picture", f"there is no file {path}")
    if file.stat().st_size > MAX_PICTURE_BYTES:
        raise InvalidField(
            "picture",
            f"{path} has {file.stat().st_size:,} bytes;"
            f" at most {MAX_PICTURE_BYTES:,} are allowed: scale it down",
        )
    return file.read_bytes()


def attributes(pairs: list[str]) -> AttributeValues:
    """`name=value` pairs as attributes. Raises InvalidField for a name or number that is none."""
    given: dict[str, str | int] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or name not in _INTS | _STRS:
            raise InvalidField(
                "attribute",
                f"{pair!r} is not NAME=VALUE with NAME one of {', '.join(sorted(_INTS | _STRS))}",
            )
        if name in _INTS:
            try:
                given[name] = int(value)
            except ValueError:
                raise InvalidField(
                    name, f"{name} is {value!r}; it must be a whole number"
                ) from None
        else:
            given[name] = value
    # each value was read as its field's own type
    return AttributeValues(**given)  # type: ignore[arg-type]


def chosen_collection(name: str | None, deployment: Deployment) -> str:
    """`name`, or the only collection there is. Raises MissingField where there are none or
    several.
    """
    if name is not None:
        return name
    names = deployment.catalog.names()
    if len(names) == 1:
        return names[0]
    if not names:
        raise MissingField(
            "collection",
            f"there is no collection in {deployment.settings.store} yet; make one:"
            " lookalike collections create NAME --type product",
        )
    raise MissingField(
        "collection", f"choose a collection with --collection: {', '.join(sorted(names)[:20])}"
    )
