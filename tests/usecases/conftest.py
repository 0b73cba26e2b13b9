from __future__ import annotations

import pytest

from chalicelib.index.collection import Collection
from chalicelib.usecases.deployment import Deployment
from tests.gateway.client import Client
from tests.usecases.parts import eight_segments


@pytest.fixture
def client() -> Client:
    """A fresh deployment in memory with one collection per service type."""
    return Client.new()


@pytest.fixture(scope="module")
def setting() -> tuple[Deployment, Collection]:
    """See eight_segments."""
    return eight_segments()
