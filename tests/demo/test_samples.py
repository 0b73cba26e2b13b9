from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.index.format.records import Key
from demo.samples import OWN, picture_of, sample_path, samples_folder, template


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "samples" / "demo").mkdir(parents=True)
    (tmp_path / "samples" / "demo" / "a b.png").write_bytes(b"png")
    (tmp_path / "samples" / "demo" / "notes.txt").write_bytes(b"text")
    (tmp_path / "keys.json").write_bytes(b"secret")
    (tmp_path / "keys.png").write_bytes(b"secret")
    return tmp_path / "samples"


def test_samples_lie_beside_a_folder_store_and_nowhere_else(tmp_path: Path) -> None:
    assert samples_folder(Settings(store=str(tmp_path / "data"))) == tmp_path / "samples"
    assert samples_folder(Settings(store="s3://bucket/prefix")) is None


def test_a_sample_is_found_by_collection_and_name(folder: Path) -> None:
    assert sample_path(folder, "demo/a b.png") == folder / "demo" / "a b.png"


@pytest.mark.parametrize(
    "name",
    [
        "demo/../../keys.png",
        "../keys.png",
        "../../keys.json",
        "demo/notes.txt",
        "demo",
        "",
        "./a",
        "demo/\0",
        "/etc/passwd",
    ],
)
def test_no_name_leads_out_of_the_samples(folder: Path, name: str) -> None:
    assert sample_path(folder, name) is None


def test_a_linked_folder_of_the_owners_is_shown_where_it_lies(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x.jpg").write_bytes(b"jpeg")
    (folder / OWN).mkdir()
    (folder / OWN / "demo").symlink_to(tmp_path / "mine", target_is_directory=True)
    assert sample_path(folder, "demo/x.jpg") == tmp_path / "mine" / "x.jpg"
    assert sample_path(folder, f"{OWN}/demo/x.jpg") is None


def test_a_record_has_a_file_only_where_its_collection_is_served_from_samples(folder: Path) -> None:
    key = Key("p", "a b.png")
    assert picture_of(key, template("demo"), folder) == folder / "demo" / "a b.png"
    assert picture_of(key, "https://cdn.example/{PicName}", folder) is None
    assert picture_of(key, None, folder) is None
