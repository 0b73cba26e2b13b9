from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.wiring import open_store


@pytest.mark.parametrize("place", ["ftp://host/x", "s3://", "S3://bucket"])
def test_a_store_that_is_neither_a_folder_nor_a_bucket_is_refused_by_its_setting(
    place: str,
) -> None:
    with pytest.raises(ValueError, match=f"LOOKALIKE_STORE is {place!r}; it must be"):
        open_store(Settings(store=place))


def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be made or read: Not a directory"):
        open_store(Settings(store=str(tmp_path / "file" / "store")))
