"""One append: a position after all acknowledged ones, and one object in the log (docs/FORMAT.md
§4).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from chalicelib.index.format.batch import encode_batch
from chalicelib.index.format.manifest import UNCHANGED, Manifest, sealed, unsealed
from chalicelib.index.format.once_more import once_more
from chalicelib.index.format.positions import Position, next_position
from chalicelib.index.format.records import Change
from chalicelib.index.read.generation import Generation
from chalicelib.index.write.commit import put

_FRESH_S = 10
"""A manifest as old as that knows everything that was absorbed days ago."""


def append(
    generation: Generation, changes: Sequence[Change], manifest: Manifest, *, token: str | None
) -> None:
    """Writes one log object; durable when it returns. Visible if this generation is still the
    current one: the caller looks.

    Raises ValueError for changes that do not fit, OutcomeUnknown, StoreUnavailable.
    """
    tools = generation.tools
    newest = generation.log.newest()
    if newest is None:  # at the beginning, or all was absorbed days ago (erase.py)
        newest = generation.known(max_age_s=_FRESH_S).manifest.newest
    position = next_position(newest, now=tools.clock(), new_id=tools.new_id())

    def encoded(position: Position) -> bytes:
        return encode_batch(
            changes, position, shape=manifest.shape, fingerprint=manifest.fingerprint
        )

    data = encoded(position)  # before anything is written: it refuses what does not fit
    if token is not None:
        first = _first_position(generation, token, position)
        if first != position:
            position = first
            data = encoded(position)
    put(generation, f"log/{position.text()}", data)


def _first_position(generation: Generation, token: str, position: Position) -> Position:
    """The position of the first attempt with this token; `position`, if this is it."""
    path = f"tokens/{hashlib.sha256(token.encode()).hexdigest()[:32]}"
    put(generation, path, sealed({"format": UNCHANGED, "position": position.text()}))
    key = generation.folder + path
    body = once_more(lambda: unsealed(key, generation.tools.store.get(key).data))
    return Position.parse(body["position"])
