"""Which actions there are. A version's rooms are loaded when it is first spoken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Final

from chalicelib.gateway.actions.declaration import (
    CONSOLE,
    UPLOADS,
    V2018,
    V2019,
    V2020,
    Action,
)

ROOMS: Final[Mapping[str, tuple[str, ...]]] = {
    V2020: (
        "actions.pictures",
        "actions.searches",
        "actions.collections",
        "actions.imports",
        "actions.exports",
    ),
    V2019: ("versions.v2019",),
    V2018: ("versions.v2018",),
    UPLOADS: ("uploads.receive",),
    CONSOLE: ("console.actions",),
}
"""Version to the modules of the gateway that declare its ACTIONS; docs and /openapi.json have the
same order.
"""
PREFIXES: Final[Mapping[str, str]] = {"/v2/": V2019, "/item/": V2018}
"""Beginning of a path to the version whose paths name the action."""


class Registry:
    """Actions by version and name, and by path."""

    def __init__(self, further: Iterable[Action] = ()) -> None:
        """`further`: actions beside those of ROOMS."""
        self._further = tuple(further)
        self._known: dict[str, Mapping[str, Action]] = {}

    def of(self, version: str) -> Mapping[str, Action]:
        """Name to action of `version`; empty for one that is not spoken."""
        known = self._known.get(version)
        if known is None:
            known = {action.name: action for action in self._declared(version)}
            if known:
                self._known[version] = known
        return known

    def _declared(self, version: str) -> Iterator[Action]:
        for room in ROOMS.get(version, ()):
            yield from import_module(f"chalicelib.gateway.{room}").ACTIONS
        yield from (action for action in self._further if action.version == version)

    def at(self, path: str) -> Action | None:
        """The action that `path` names; None where it names none."""
        version = next((PREFIXES[start] for start in PREFIXES if path.startswith(start)), None)
        if version is None:
            return None
        return next((action for action in self.of(version).values() if action.path == path), None)

    def everything(self) -> Iterator[Action]:
        """Every action of every version; loads all rooms."""
        for version in ROOMS:
            yield from self.of(version).values()


ACTIONS: Final = Registry()
"""What this service speaks."""
