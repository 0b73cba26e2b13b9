from __future__ import annotations

import pytest

from chalicelib.contract.categories import PRODUCT_CATEGORIES, categories_of, check_category
from chalicelib.errors import InvalidField
from chalicelib.service import OTHERS, Service


def test_the_fourteen_categories_stand_in_the_contracts_order() -> None:
    assert list(PRODUCT_CATEGORIES) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, OTHERS]


@pytest.mark.parametrize("service", [Service.GENERIC, Service.FABRIC, Service.TRADEMARK])
def test_other_services_have_one_category(service: Service) -> None:
    assert dict(categories_of(service)) == {OTHERS: "other"}


@pytest.mark.parametrize("category", [10, -1, 23, 8888888])
def test_a_category_that_does_not_exist_is_refused(category: int) -> None:
    with pytest.raises(InvalidField, match="choose one of 0, 1"):
        check_category(category)
