"""The store in memory keeps the contract."""

from __future__ import annotations

import pytest

from chalicelib.storage.memory import MemoryStore
from tests.storage.contract import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
