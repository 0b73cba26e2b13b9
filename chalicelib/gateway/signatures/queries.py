"""A query as signatures write it."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.gateway.wire.incoming import Pairs


def queries(query: Pairs, write: Callable[[str], str]) -> list[str]:
    """Sorted by name; two ways where a value is empty, as SDKs differ: `k=` and `k`."""
    pairs = sorted(query)
    full = "&".join(f"{write(name)}={write(value)}" for name, value in pairs)
    bare = "&".join(
        f"{write(name)}={write(value)}" if value else write(name) for name, value in pairs
    )
    return [full] if full == bare else [full, bare]
