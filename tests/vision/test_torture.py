"""The most expensive files that fit into 4 MiB stay within the limits of time and memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from chalicelib.errors import BadPicture
from chalicelib.service import MAX_PICTURE_BYTES
from chalicelib.vision.decode import Limits, decode
from tests.vision import limits, torture

READ = "read"
REFUSED = "refused"

EXPECTED = {
    "jpeg ten thousand scans": REFUSED,
    "jpeg a million segments": REFUSED,
    "bmp run lengths": REFUSED,
    "bmp run lengths of 4 bits": REFUSED,
    "ppm of comments": REFUSED,
    "ppm comment in the header": REFUSED,
    "tiff tags": REFUSED,
    "tiff one tile beyond reason": REFUSED,
}
CHEAP = (
    "jpeg ten thousand scans",
    "jpeg 60 scans of a middling picture",
    "jpeg a million segments",
    "png 300,000 chunks",
    "gif comment of 4 MB",
    "ppm of comments",
    "ppm comment in the header",
    "ppm text",
    "ppm odd maximum",
    "pbm 4096² text",
    "tiff tags",
    "tiff one tile beyond reason",
    "bmp jumps",
)


def outcome(name: str, folder: Path) -> tuple[str, int]:
    data = torture.files()[name]()
    assert len(data) <= MAX_PICTURE_BYTES
    path = folder / "file"
    path.write_bytes(data)
    read, peak = limits.run("tests.vision.test_torture", str(path))
    return read, int(peak)


@pytest.mark.parametrize("name", CHEAP)
def test_a_costly_file_stays_within_limits(name: str, tmp_path: Path) -> None:
    read, peak = outcome(name, tmp_path)
    assert read == EXPECTED.get(name, READ)
    assert peak < limits.PEAK_MB


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(torture.files()) - set(CHEAP)))
def test_a_costlier_file_stays_within_limits(name: str, tmp_path: Path) -> None:
    read, peak = outcome(name, tmp_path)
    assert read == EXPECTED.get(name, READ)
    assert peak < limits.PEAK_MB


def _child(path: str) -> None:
    data = Path(path).read_bytes()
    limits.allow()
    try:
        decode(data, limits=Limits())
        print(READ)
    except BadPicture:
        print(REFUSED)
    print(limits.peak_mb())


if __name__ == "__main__":
    _child(sys.argv[1])
