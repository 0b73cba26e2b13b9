from __future__ import annotations

import pytest

from tests.gateway.client import Client


@pytest.fixture
def client() -> Client:
    """A fresh deployment in memory with one collection per service type."""
    return Client.new()
