"""The store in a folder keeps the contract, across processes too."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chalicelib.errors import ObjectMissing, StoreUnavailable
from chalicelib.storage.files import FileStore
from tests.storage.contract import StoreContract


class TestFileStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileStore:
        return FileStore(tmp_path / "data")


_ADD = """
import sys
from pathlib import Path
from chalicelib.errors import VersionConflict
from chalicelib.storage.files import FileStore
store, done = FileStore(Path(sys.argv[1])), 0
while done < 40:
    blob = store.get("counter")
    try:
        store.replace("counter", str(int(blob.data) + 1).encode(), version=blob.version)
    except VersionConflict:
        continue
    done += 1
"""


def test_no_update_is_lost_between_processes(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.create("counter", b"0")
    processes = [subprocess.Popen([sys.executable, "-c", _ADD, str(tmp_path)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert store.get("counter").data == b"120"


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    store.create("a", b"")
    (tmp_path / "objects" / "folder").write_bytes(b"a file where a folder is needed")
    with pytest.raises(StoreUnavailable, match="folder/b"):
        store.create("folder/b", b"")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_another_instance_sees_the_same_objects(tmp_path: Path) -> None:
    version = FileStore(tmp_path).create("a/b", b"one")
    assert FileStore(tmp_path).get_if_changed("a/b", version=version) is None


def test_nothing_is_made_before_the_first_write(tmp_path: Path) -> None:
    store = FileStore(tmp_path / "new" / "data")
    assert list(store.list("")) == []
    with pytest.raises(ObjectMissing):
        store.get("any")
    assert list(tmp_path.iterdir()) == []
    store.create("any", b"1")
    assert store.get("any").data == b"1"
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        FileStore(tmp_path / "file" / "data")


def test_what_killed_writers_left_goes_a_day_later(tmp_path: Path) -> None:
    FileStore(tmp_path).create("any", b"")
    old, new = tmp_path / "tmp" / "old", tmp_path / "tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"half of an object")
    os.utime(old, (time.time() - 90_000,) * 2)
    FileStore(tmp_path)
    assert sorted(path.name for path in (tmp_path / "tmp").iterdir()) == ["new"]


def test_objects_are_their_owners_alone(tmp_path: Path) -> None:
    FileStore(tmp_path).create("a", b"")
    assert (tmp_path / "objects" / "a").stat().st_mode & 0o077 == 0


def folders(root: Path) -> list[str]:
    objects = root / "objects"
    return sorted(str(path.relative_to(objects)) for path in objects.rglob("*") if path.is_dir())


def test_no_empty_folders_stay(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    for number in range(30):
        store.create(f"a/{number}/b/c", b"")
    store.create("a/7/kept", b"")
    store.delete_many([f"a/{number}/b/c" for number in range(30)])
    assert folders(tmp_path) == ["a", "a/7"]
    store.delete("a/7/kept")
    store.delete("a/7/kept")
    assert folders(tmp_path) == []
    store.create("a/7/b/c", b"again")
    assert store.get("a/7/b/c").data == b"again"


_MAKE_AND_DELETE = """
import sys
from pathlib import Path
from chalicelib.storage.files import FileStore
store = FileStore(Path(sys.argv[1]))
for number in range(250):
    for key in ("a/b/c/", "a/b/", "a/d/"):
        store.create(f"{key}{sys.argv[2]}", b"mine")
        assert store.get(f"{key}{sys.argv[2]}").data == b"mine"
        store.delete(f"{key}{sys.argv[2]}")
store.create(f"a/b/c/last-{sys.argv[2]}", b"kept")
"""


def test_writers_and_deleters_of_one_folder_do_not_meet(tmp_path: Path) -> None:
    """Folders go while others write into them, and no write fails or is lost."""
    processes = [
        subprocess.Popen([sys.executable, "-c", _MAKE_AND_DELETE, str(tmp_path), str(number)])
        for number in range(4)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    kept = [f"a/b/c/last-{number}" for number in range(4)]
    assert [stat.key for stat in FileStore(tmp_path).list("")] == kept
    assert folders(tmp_path) == ["a", "a/b", "a/b/c"]
