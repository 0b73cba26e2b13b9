from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from demo import pictures
from tests.browser.stage import Service, Visit, browsing, chromium, serving, sign_in, visit


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    chromium()
    with serving(tmp_path_factory.mktemp("service")) as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with browsing() as opened:
        yield opened


@pytest.fixture
def signed_in(browser: Browser, service: Service) -> Iterator[Visit]:
    """A signed-in page on which nothing may go wrong unnoticed."""
    opened = visit(browser, service)
    sign_in(opened.page, service)
    yield opened
    opened.page.context.close()
    assert opened.complaints == []


@pytest.fixture
def query(tmp_path: Path) -> Path:
    sample = pictures.query()
    path = tmp_path / sample.key.pic_name
    path.write_bytes(sample.data)
    return path
