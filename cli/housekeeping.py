"""What runs beside the local server."""

from __future__ import annotations

from types import TracebackType

from chalicelib.usecases.house import House


class Housekeeping:
    """A context: what it does begins with it and ends with it."""

    def __init__(self, house: House) -> None:
        self._house = house

    def __enter__(self) -> None:
        """Begins."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends."""
