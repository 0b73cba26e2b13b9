"""The store in a folder keeps the contract, across processes too."""

from __future__ import annotations

import subprocess
import sys
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
