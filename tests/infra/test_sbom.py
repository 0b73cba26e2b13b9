"""The bill of materials says what is in the zip, and the same each time."""

from __future__ import annotations

import importlib.metadata
import json
import zipfile
from pathlib import Path

import pytest

from tools.package import ROOT
from tools.sbom import bill, licence, write

PINS = ("requirements.txt", "constraints.txt")


def _zip(path: Path, *projects: str, bills: bool) -> Path:
    """A zip with the metadata of installed projects, as Chalice and pip put them there."""
    with zipfile.ZipFile(path, "w") as archive:
        for project in projects:
            for file in importlib.metadata.files(project) or ():
                name = file.as_posix()
                if name.endswith(".dist-info/METADATA") or (bills and "/sboms/" in name):
                    archive.writestr(name, file.read_text())
    return path


def _pinned() -> list[str]:
    lines = [line for name in PINS for line in (ROOT / name).read_text().splitlines()]
    return [line.split("==")[0] for line in lines if line and not line.startswith("#")]


def test_every_library_that_may_ship_has_a_licence_that_is_known(tmp_path: Path) -> None:
    zips = [_zip(tmp_path / f"{bills}.zip", *_pinned(), bills=bills) for bills in (True, False)]
    document = bill(*zips)
    parts = {part["name"]: part for part in document["components"]}
    assert set(_pinned()) <= set(parts)
    assert parts["numpy"]["licenses"][0]["expression"].startswith("BSD-3-Clause")
    assert {part["name"] for part in parts["pillow"]["components"]} >= {"libwebp", "libtiff"}
    assert parts["lite0.onnx"]["hashes"]
    references = {part["bom-ref"] for part in document["components"]}
    assert set(document["dependencies"][0]["dependsOn"]) == references


def test_a_licence_that_nobody_read_ships_not() -> None:
    assert licence("MPL-2.0 AND MIT") == "MPL-2.0 AND MIT"
    for said in (
        "",
        "Proprietary",
        "see LICENSE.txt",
        "All rights reserved. You may not\nuse this",
    ):
        with pytest.raises(SystemExit, match=r"tools/sbom\.py"):
            licence(said)


def test_the_same_zip_gives_the_same_bytes(tmp_path: Path) -> None:
    zip_ = _zip(tmp_path / "a.zip", "numpy", "pillow", bills=True)
    for name in ("1", "2"):
        write(zip_, zip_, tmp_path / name)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert json.loads((tmp_path / "1").read_text())["bomFormat"] == "CycloneDX"


def test_notice_names_the_licence_of_every_library_that_may_ship(tmp_path: Path) -> None:
    zip_ = _zip(tmp_path / "all.zip", *_pinned(), bills=False)
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for part in bill(zip_, zip_)["components"]:
        if part["type"] == "library":
            line = next(
                line for line in notice.splitlines() if line.startswith(f"* {part['name']} ")
            )
            assert part["licenses"][0]["expression"] in line


def test_chalice_ships_without_metadata_and_is_listed(tmp_path: Path) -> None:
    import chalice

    zip_ = tmp_path / "chalice.zip"
    with zipfile.ZipFile(zip_, "w") as archive:
        archive.write(Path(chalice.__file__).with_name("app.py"), "chalice/app.py")
    (part,) = (part for part in bill(zip_, zip_)["components"] if part["type"] == "library")
    assert (part["name"], part["version"]) == ("chalice", importlib.metadata.version("chalice"))
