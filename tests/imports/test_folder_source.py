"""Folders of this machine as sources: one that plays a bucket is never left."""

from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.errors import PictureNotFound, SourceError, SourceFault
from chalicelib.storage.source import LocalSources, Location


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """`outside` beside `buckets`, which holds `pics` and a link to `photos`."""
    for folder in ("outside", "buckets/pics/shop", "photos/shop"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "increment.meta").write_text("{}")
        (tmp_path / folder / "a.jpg").write_bytes(b"picture")
    (tmp_path / "buckets" / "linked").symlink_to(tmp_path / "photos")
    (tmp_path / "buckets" / "pics" / "way").symlink_to(tmp_path / "outside")
    return tmp_path


@pytest.mark.parametrize(
    "path", ["/../../outside", "/shop/../../../outside", "/way", "/../linked/shop", "/.."]
)
def test_a_path_that_leads_out_of_the_bucket_is_not_there(home: Path, path: str) -> None:
    with pytest.raises(SourceError, match="leads out of the bucket") as caught:
        LocalSources(home / "buckets").open(Location("bucket", "pics", path))
    assert caught.value.fault is SourceFault.NO_PATH


@pytest.mark.parametrize(
    ("bucket", "path"), [("pics", "/shop"), ("linked", "/shop"), ("pics", "/shop/../shop")]
)
def test_a_folder_of_a_bucket_is_read_also_where_the_bucket_is_a_link(
    home: Path, bucket: str, path: str
) -> None:
    source = LocalSources(home / "buckets").open(Location("bucket", bucket, path))
    source.check()
    assert source.picture("a.jpg", limit=100) == b"picture"
    for name in ("../../../outside/a.jpg", "../../../../etc/passwd", "/etc/passwd"):
        with pytest.raises(PictureNotFound):
            source.picture(name, limit=10_000)
