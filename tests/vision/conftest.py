"""One analyzer for all tests of this room: loading it takes longer than a test."""

from __future__ import annotations

import pytest

from chalicelib.vision.analyze import Analyzer


@pytest.fixture(scope="session")
def analyzer() -> Analyzer:
    return Analyzer(threads=1)
