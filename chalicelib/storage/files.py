"""A store in a folder: the same promises as S3, across processes and kill -9, on any POSIX file
system with hard links.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import itertools
import mmap
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chalicelib.errors import AlreadyExists, ObjectMissing, StoreUnavailable, VersionConflict
from chalicelib.storage.object_store import Blob, Stat, check_key, check_range, ends_early

_MAP_FROM_BYTES = 64 * 1024
"""Smaller files are read: a mapping costs two system calls and a page fault."""

_LEFT_BEHIND_S = 86_400
_FOLDERS_LOST = 1000
"""Times that a writer makes a folder anew because deleters remove it while it is empty."""


class FileStore:
    """`objects/<key>` holds the bytes as they are. A write goes to `tmp/`, is synced, then linked
    or renamed into place.

    The version is a hash of the content, like S3's ETag. `locks/` serialises replacements of one
    key.
    """

    def __init__(self, root: Path) -> None:
        """Nothing is made before the first write: who only reads leaves no folder behind, and may
        read one that cannot be written. Raises NotADirectoryError.
        """
        self._objects = root / "objects"
        self._tmp = root / "tmp"
        self._locks = root / "locks"
        nearest = next(path for path in (root, *root.absolute().parents) if path.exists())
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(root))
        self._sweep()

    def _make(self) -> None:
        """The folders of the store. Raises StoreUnavailable."""
        try:
            for folder in (self._objects, self._tmp, self._locks):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(
                f"the folder of the store cannot be written: {error.strerror}"
            ) from error

    def _sweep(self) -> None:
        """Removes what writers that were killed left in `tmp/`, a day later."""
        with contextlib.suppress(OSError):  # swept or not, the store can be read
            for path in self._tmp.iterdir():
                with contextlib.suppress(FileNotFoundError):  # another process sweeps too
                    if time.time() - path.stat().st_mtime > _LEFT_BEHIND_S:
                        path.unlink()

    def get(self, key: str) -> Blob:
        """See ObjectStore."""
        with _translated(key):
            data = self._path(key).read_bytes()
        return Blob(data, _version(data))

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        """See ObjectStore."""
        blob = self.get(key)
        return None if blob.version == version else blob

    def view(self, key: str) -> memoryview:
        """See ObjectStore."""
        with _translated(key), self._path(key).open("rb") as file:
            if os.fstat(file.fileno()).st_size < _MAP_FROM_BYTES:
                return memoryview(file.read())
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """See ObjectStore."""
        check_range(start, stop)
        if start == stop:
            return b""
        # unbuffered: a buffer would read 8 KiB where 40 bytes are wanted
        with _translated(key), self._path(key).open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size < stop:
                raise ends_early(key, size, stop)
            return _read_at(file.fileno(), start, stop)

    def create(self, key: str, data: bytes) -> str:
        """See ObjectStore."""
        path = self._path(key)
        with _translated(key), self._written(data) as written:
            try:
                self._link(written, path)
            except FileExistsError:
                raise AlreadyExists(f"an object {key} is there already") from None
            # gone already where somebody deleted the object at once
            with contextlib.suppress(FileNotFoundError):
                _sync_folder(path.parent)
        return _version(data)

    def _link(self, written: Path, path: Path) -> None:
        """Gives the file `written` the name `path`, in a folder that is made if need be, and made
        again where a deleter removes it before there is anything in it. Raises FileExistsError,
        OSError.
        """
        for _ in range(_FOLDERS_LOST):
            try:
                self._make_folder(path.parent)
                os.link(written, path)
            except FileNotFoundError:
                continue
            except NotADirectoryError as error:
                raise StoreUnavailable(
                    f"the folder store failed at {path.relative_to(self._objects)}: a file lies "
                    "where it needs a folder; remove it"
                ) from error
            return
        raise OSError(0, "the folder for it was removed again and again")

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        """See ObjectStore."""
        path = self._path(key)
        with _translated(key), self._locked(key), self._written(data) as written:
            try:
                current = _version(path.read_bytes())
            except FileNotFoundError:
                current = ""
            if current != version:
                raise VersionConflict(
                    f"{key} was replaced or deleted meanwhile; nothing was written"
                )
            written.rename(path)
            _sync_folder(path.parent)
        return _version(data)

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        path = self._path(key)
        with _translated(key), self._locked(key), contextlib.suppress(FileNotFoundError):
            path.unlink()
            _sync_folder(path.parent)
            self._prune(path.parent)

    def _prune(self, folder: Path) -> None:
        """Removes `folder` and those above it as far as they are empty: rmdir takes no other, so
        nobody's object goes with them.
        """
        with contextlib.suppress(OSError):
            while folder != self._objects:
                folder.rmdir()
                folder = folder.parent

    def delete_many(self, keys: Sequence[str]) -> None:
        """See ObjectStore."""
        failure: StoreUnavailable | None = None
        for key in keys:
            try:
                self.delete(key)
            except StoreUnavailable as error:
                failure = failure or error
        if failure:
            raise failure

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        """See ObjectStore."""
        folder, _, _ = prefix.rpartition("/")
        with _translated(prefix):
            found = self._walk(f"{folder}/" if folder else "", prefix, after)
            yield from itertools.islice(found, limit)

    def _walk(self, folder: str, prefix: str, after: str) -> Iterator[Stat]:
        """What `list` gives of one folder and those below it, in the order of keys."""
        for key, entry in self._entries(folder):
            if key.endswith("/"):
                wanted = key.startswith(prefix) or prefix.startswith(key)
                if wanted and (key > after or after.startswith(key)):
                    yield from self._walk(key, prefix, after)
            elif key.startswith(prefix) and key > after:
                # it may have been deleted since the folder was read
                with contextlib.suppress(FileNotFoundError):
                    found = entry.stat()
                    yield Stat(key, found.st_size, found.st_mtime)

    def _entries(self, folder: str) -> Sequence[tuple[str, os.DirEntry[str]]]:
        """Keys in a folder and what lies there, in order. A folder's key ends with a slash, which
        sorts it among its neighbours as a store without folders would.
        """
        try:
            entries = list(os.scandir(self._objects / folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(
            (folder + entry.name + ("/" if entry.is_dir(follow_symlinks=False) else ""), entry)
            for entry in entries
        )

    def _path(self, key: str) -> Path:
        return self._objects / check_key(key)

    def _make_folder(self, folder: Path) -> None:
        """Makes `folder`; every new name on the way to it is synced, else a power cut could lose
        the branch.
        """
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with contextlib.suppress(FileExistsError):  # pathlib's exist_ok looks a second time
            os.mkdir(folder)  # noqa: PTH102
        _sync_folder(folder.parent)

    @contextlib.contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        """A synced file in `tmp/` with these bytes, which goes unless it was renamed. Raises
        OSError.
        """
        self._make()
        handle, name = tempfile.mkstemp(dir=self._tmp)
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Only one process and thread at a time; the kernel lets go of the lock of a process that
        dies.
        """
        self._make()
        name = hashlib.blake2b(key.encode(), digest_size=1).hexdigest()
        with (self._locks / name).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read_at(handle: int, start: int, stop: int) -> bytes:
    """Bytes `start` to `stop` of an open file that has them. One read gives 2 GiB at most, hence
    the loop. Raises OSError.
    """
    parts: list[bytes] = []
    while start < stop:
        part = os.pread(handle, stop - start, start)
        if not part:
            raise OSError(0, "it was cut short while it was read")
        parts.append(part)
        start += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _version(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _translated(key: str) -> Iterator[None]:
    """What the file system says inside becomes ObjectMissing of `key` or StoreUnavailable."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ObjectMissing(key) from None
    except OSError as error:
        raise StoreUnavailable(
            f"the folder store failed at {key}: {error.strerror}; check the disk and its free space"
        ) from error
