"""Buckets on a moto server."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.storage.s3 import S3Client, connect
from tests.moto_server import locked_moto

_BUCKETS = itertools.count()


@pytest.fixture(scope="module")
def client() -> Iterator[S3Client]:
    with pytest.MonkeyPatch.context() as patch, locked_moto() as url:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_ENDPOINT_URL", url)
        yield connect("us-east-1")


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"bucket-{next(_BUCKETS)}"
    client.create_bucket(Bucket=name)
    return name
