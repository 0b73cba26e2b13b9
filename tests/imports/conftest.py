"""What every test of imports may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.storage.sources import AwsSources
from tests.imports.aws import REGION, Aws, aws
from tests.imports.stack import Stack, stack_on
from tests.moto_server import locked_moto


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with locked_moto() as url:
        yield url


@pytest.fixture
def cloud(moto: str) -> Iterator[Aws]:
    with aws(moto) as found:
        yield found


@pytest.fixture
def sources() -> Iterator[AwsSources]:
    made = AwsSources(REGION, sleep=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def stack(cloud: Aws, sources: AwsSources, tmp_path: Path) -> Stack:
    return stack_on(cloud, sources, tmp_path)
