"""Where the labelled pictures lie, if they are there: beside the repository, in ../shared."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(part: str) -> Path:
    """`../shared/<part>`; skips the calling test where it is absent."""
    path = SHARED / part
    if not path.exists():
        pytest.skip(f"needs ../shared/{part}, which is not part of the repository")
    return path
