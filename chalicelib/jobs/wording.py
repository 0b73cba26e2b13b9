"""How jobs speak to people and to callback addresses: the gateway lends its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.errors import LookalikeError
from chalicelib.jobs.listing import ListedJob


@dataclass(frozen=True, slots=True)
class Wording:
    """How the contract says things; the gateway knows."""

    code: Callable[[LookalikeError], str]
    """The code of an error."""
    row: Callable[[ListedJob], Mapping[str, object]]
    """A finished job, as the callback is told of it."""
