"""The store in a folder keeps the contract, across processes too."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chalicelib.errors import StoreUnavailable
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


def test_what_killed_writers_left_goes_a_day_later(tmp_path: Path) -> None:
    FileStore(tmp_path)
    old, new = tmp_path / "tmp" / "old", tmp_path / "tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"half of an object")
    os.utime(old, (time.time() - 90_000,) * 2)
    FileStore(tmp_path)
    assert sorted(path.name for path in (tmp_path / "tmp").iterdir()) == ["new"]


def test_objects_are_their_owners_alone(tmp_path: Path) -> None:
    FileStore(tmp_path).create("a", b"")
    assert (tmp_path / "objects" / "a").stat().st_mode & 0o077 == 0
