"""Damage is believed the second time: a download may go wrong where the object is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chalicelib.errors import CorruptObject, FormatTooNew

_T = TypeVar("_T")


def once_more(read: Callable[[], _T]) -> _T:
    """What `read` returns. It fetches and verifies; where it finds damage it is called once more,
    and that verdict counts. Raises what `read` raises.
    """
    try:
        return read()
    except (CorruptObject, FormatTooNew):  # a wrong bit in the version reads like a newer format
        return read()
