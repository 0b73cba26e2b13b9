"""Every file of ../shared/data/hostile does what its manifest says."""

from __future__ import annotations

import csv

import pytest

from chalicelib.errors import BadPicture
from chalicelib.vision.decode import Limits, decode
from tests.shared import shared


def test_every_hostile_file_is_read_or_refused_as_the_manifest_says() -> None:
    folder = shared("data/hostile")
    with (folder / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 90
    wrong = []
    for row in rows:
        try:
            decode((folder / row["file"]).read_bytes(), limits=Limits())
            outcome = "accept"
        except BadPicture:
            outcome = "reject"
        if outcome != row["expected"]:
            wrong.append(f"{row['file']}: {outcome}, strict={row['strict']}")
    assert wrong == [], "ours does what the manifest expects even where it leaves the choice"


@pytest.mark.parametrize("name", ["odd_ztxt_bomb.png", "ok_huge_exif.jpg", "ok_trailing_zip.jpg"])
def test_what_surrounds_a_picture_is_not_unpacked(name: str) -> None:
    from chalicelib.vision.containers import examine

    data = (shared("data/hostile") / name).read_bytes()
    assert len(examine(data).data) < len(data)
