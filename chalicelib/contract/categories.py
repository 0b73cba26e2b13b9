"""The categories of product search (CONTRACT §2.3)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from chalicelib.errors import InvalidField
from chalicelib.service import OTHERS, Service

PRODUCT_CATEGORIES: Final = MappingProxyType(
    {
        0: "Tops",
        1: "Dress",
        2: "Bottoms",
        3: "Bag",
        4: "Shoes",
        5: "Accessories",
        6: "Snack",
        7: "Makeup",
        8: "Bottle",
        9: "Furniture",
        20: "Toy",
        21: "Underwear",
        22: "Digital device",
        OTHERS: "Other",
    }
)
"""Id to name, in the order in which answers list them; names as real answers of the original spell
them.
"""

_ONE: Final = MappingProxyType({OTHERS: "other"})


def categories_of(service: Service) -> MappingProxyType[int, str]:
    """Id to name of every category that records of `service` may have, in answer order."""
    return PRODUCT_CATEGORIES if service.has_categories else _ONE


def check_category(category_id: int) -> None:
    """Raises InvalidField("category_id") for an id that is not in the table."""
    if category_id not in PRODUCT_CATEGORIES:
        known = ", ".join(map(str, PRODUCT_CATEGORIES))
        raise InvalidField(
            "category_id",
            f"category_id is {category_id}; choose one of {known}, or leave it out to "
            "have it predicted",
        )
