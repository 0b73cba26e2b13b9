"""A bucket's folder belongs to one collection; the nearest binding counts."""

from __future__ import annotations

import pytest

from chalicelib.errors import NotFound
from chalicelib.jobs.bindings import Binding, bind, binding_of, bindings, located, unbind
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.source import Location, Role

ROLE = Role("arn:aws:iam::123456789012:role/reader", "id")


def test_the_longest_path_that_holds_the_folder_counts() -> None:
    store = MemoryStore()
    assert binding_of("b", "/x", store) is None
    for path, name in (("/", "all"), ("/shop", "shop"), ("/shop/sale", "sale")):
        bind(Binding("b", path, name), store)
    found = {
        path: binding.collection
        for path in ("/", "/shop", "/shop/2024", "/shop/sale/x", "/shopping")
        if (binding := binding_of("b", path, store))
    }
    assert found == {
        "/": "all",
        "/shop": "shop",
        "/shop/2024": "shop",
        "/shop/sale/x": "sale",
        "/shopping": "all",
    }
    assert binding_of("other", "/shop", store) is None


def test_binding_again_replaces_and_unbinding_removes() -> None:
    store = MemoryStore()
    bind(Binding("b", "/x", "one"), store)
    bind(Binding("b", "/x", "two", ROLE), store)
    assert bindings(store) == [Binding("b", "/x", "two", ROLE)]
    unbind("b", "/x", store)
    assert bindings(store) == []
    with pytest.raises(NotFound, match="s3://b/x"):
        unbind("b", "/x", store)


def test_a_folder_is_read_by_the_role_of_its_binding() -> None:
    store = MemoryStore()
    bind(Binding("b", "/x", "one", ROLE), store)
    assert located("b", "/x/y", store) == Location("bucket", "b", "/x/y", ROLE)
    assert located("b", "/z", store) == Location("bucket", "b", "/z", None)
