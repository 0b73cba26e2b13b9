"""The kinds of search a collection can offer."""

from __future__ import annotations

from enum import IntEnum

OTHERS = 88888888
"""The category of everything that product search does not name, and of every other service
(CONTRACT §2.2).
"""

MAX_PICTURE_BYTES = 4 * 1024 * 1024
"""Largest picture before encoding (CONTRACT §1.4)."""


class Service(IntEnum):
    """Service type; the value is the contract's ServiceType (CONTRACT §2.2)."""

    PRODUCT = 0
    GENERIC = 1
    FABRIC = 2
    TRADEMARK = 3

    @property
    def min_side(self) -> int:
        """Shortest side accepted, pixels."""
        return {Service.FABRIC: 448, Service.TRADEMARK: 200}.get(self, 100)

    @property
    def max_side(self) -> int:
        """Longest side accepted, pixels. A trademark's side is below 4096, every other's at most
        4096.
        """
        return 4095 if self is Service.TRADEMARK else 4096

    @property
    def has_categories(self) -> bool:
        """Whether records have a category other than OTHERS."""
        return self is Service.PRODUCT

    @property
    def finds_subject(self) -> bool:
        """Whether Crop and Region are honoured; cloth is always taken whole."""
        return self is not Service.FABRIC

    @classmethod
    def named(cls, name: str) -> Service:
        """The service called `name` in any case. Raises KeyError for a name that is none of the
        four.
        """
        return cls[name.upper()]
