"""What a folder without increment.meta holds, whatever its files are called."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.folders import propose


def put(folder: Path, *names: str | bytes) -> None:
    for name in names:
        path = folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_endings_of_pictures_that_cameras_scanners_and_browsers_write(tmp_path: Path) -> None:
    names = ["a.jfif", "b.JPE", "c.dib", "d.pbm", "e.pgm", "f.HEIC", "g.pnm", "h.jpg", "i.avif"]
    put(tmp_path, *names, "notes.txt", "more.txt", "README", "film.mov")
    found = propose(tmp_path)
    assert sorted(name for _, name in found.pictures) == sorted(names)
    assert found.others == 4
    assert found.endings[0] == (".txt", 2)
    assert ("no ending", 1) in found.endings
    assert found.left_out == ()


def test_names_that_are_no_utf_8_are_left_out_by_name(tmp_path: Path) -> None:
    put(tmp_path, b"caf\xe9.jpg", b"\xff/a.jpg", "café.jpg", "b.t\udcffxt")
    found = propose(tmp_path)
    assert found.pictures == (("café", "café.jpg"),)
    assert [name for name, _ in found.left_out] == ["\\xff/a.jpg", "caf\\xe9.jpg"]
    assert all("not UTF-8" in reason for _, reason in found.left_out)
    assert json.loads(found.lines())["PicName"] == "café.jpg"


def test_links_and_a_nas_s_previews_are_left_out_by_name(tmp_path: Path) -> None:
    pictures, elsewhere = tmp_path / "pictures", tmp_path / "elsewhere"
    put(elsewhere, "far.jpg")
    put(pictures, "a.jpg", "shoes/b.jpg", "shoes/@eaDir/b.jpg/SYNOPHOTO_THUMB_XL.jpg")
    put(pictures, "__MACOSX/._a.jpg", ".hidden/c.jpg", "#recycle/d.jpg")
    (pictures / "linked").symlink_to(elsewhere)
    (pictures / "far.jpg").symlink_to(elsewhere / "far.jpg")
    (pictures / "near.jpg").symlink_to(pictures / "a.jpg")
    (pictures / "gone.jpg").symlink_to(pictures / "nothing.jpg")
    (pictures / "loop.jpg").symlink_to(pictures / "loop.jpg")
    os.mkfifo(pictures / "pipe.jpg")
    found = propose(pictures)
    assert [name for _, name in found.pictures] == ["a.jpg", "near.jpg", "shoes/b.jpg"]
    assert dict(found.left_out).keys() == {
        "linked",
        "far.jpg",
        "gone.jpg",
        "loop.jpg",
        "pipe.jpg",
        "shoes/@eaDir",
        "__MACOSX",
        "#recycle",
    }
    assert "import it by itself" in dict(found.left_out)["linked"]


def test_a_folder_that_cannot_be_read_is_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.jpg", "closed/b.jpg")
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = propose(tmp_path)
    assert found.left_out == (("closed", "cannot be read: Permission denied"),)
    assert [name for _, name in found.pictures] == ["a.jpg"]
