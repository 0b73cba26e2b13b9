"""Stores that break a promise are refused, and the message says which."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import chalicelib.wiring
from chalicelib.config import Settings
from chalicelib.errors import AlreadyExists, StoreUnavailable, StoreUnfit, VersionConflict
from chalicelib.storage.files import FileStore
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import Blob, Stat
from chalicelib.storage.probe import probe
from chalicelib.wiring import build_deployment
from tests.command import runner


def new_id() -> str:
    return uuid.uuid4().hex


class _IgnoresIfNoneMatch(MemoryStore):
    def create(self, key: str, data: bytes) -> str:
        try:
            return super().create(key, data)
        except AlreadyExists:
            return self.replace(key, data, version=self.get(key).version)


class _IgnoresIfMatch(MemoryStore):
    def replace(self, key: str, data: bytes, *, version: str) -> str:
        return super().replace(key, data, version=self.get(key).version)


class _NeverMatches(MemoryStore):
    def replace(self, key: str, data: bytes, *, version: str) -> str:
        raise VersionConflict("never")


class _WritesAndRefuses(MemoryStore):
    def create(self, key: str, data: bytes) -> str:
        try:
            return super().create(key, data)
        except AlreadyExists:
            self.replace(key, data, version=self.get(key).version)
            raise


class _AlwaysSends(MemoryStore):
    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        return self.get(key)


class _ListsLate(MemoryStore):
    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        return iter(())


class _ListsTheDead(MemoryStore):
    def delete(self, key: str) -> None:
        """Keeps it."""


class _ChecksAndThenWrites(MemoryStore):
    """As a gateway does that asks its backend before it writes."""

    def create(self, key: str, data: bytes) -> str:
        missing = not any(stat.key == key for stat in self.list(key))
        time.sleep(0.002)
        if not missing:
            raise AlreadyExists(key)
        with self._lock:
            return self._put(key, data)

    def replace(self, key: str, data: bytes, *, version: str) -> str:
        fits = self.get(key).version == version
        time.sleep(0.002)
        if not fits:
            raise VersionConflict(key)
        with self._lock:
            return self._put(key, data)


class _ReplacesWithoutLock(_ChecksAndThenWrites):
    def create(self, key: str, data: bytes) -> str:
        return MemoryStore.create(self, key, data)


class _LastWriterWins(MemoryStore):
    """Tells one writer that it won, and keeps the bytes of another."""

    def create(self, key: str, data: bytes) -> str:
        try:
            return super().create(key, data)
        except AlreadyExists:
            if "race" in key:
                with self._lock:
                    self._put(key, data)
            raise


class _ListsLikePeople(MemoryStore):
    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        found = super().list(prefix, after=after, limit=limit)
        return iter(sorted(found, key=lambda stat: stat.key.lower()))


class _CutsPages(MemoryStore):
    """Forgets to say that a listing goes on."""

    def __init__(self, page: int = 1000) -> None:
        super().__init__()
        self.page = page

    def pages_of(self, count: int) -> MemoryStore:
        made = type(self)(count)
        made._objects = self._objects
        return made

    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        return super().list(prefix, after=after, limit=min(limit or self.page, self.page))


class _StartsAtTheKey(MemoryStore):
    def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
        return super().list(prefix, after=after[:-1], limit=limit)


class _StaysInThePast(MemoryStore):
    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        return None


class _PadsRanges(MemoryStore):
    def get_range(self, key: str, start: int, stop: int) -> bytes:
        return self.get(key).data[start:stop].ljust(stop - start, b"x")


class _WantsNoQuotes(MemoryStore):
    """As Ceph RGW 16: its ETags are quoted, and it compares without."""

    def create(self, key: str, data: bytes) -> str:
        return f'"{super().create(key, data)}"'


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (_IgnoresIfNoneMatch, "success to a second write.*If-None-Match"),
        (_IgnoresIfMatch, "success to a write.*If-Match of the past"),
        (_NeverMatches, "refused to replace"),
        (_WritesAndRefuses, "reads b'second' instead of b'first'"),
        (_AlwaysSends, "must be answered with 304"),
        (_ListsLate, "does not list"),
        (_ListsTheDead, "after it was deleted"),
        (_ChecksAndThenWrites, "were told that they had created.*checks first"),
        (_ReplacesWithoutLock, "were told that they had replaced.*checks first"),
        (_LastWriterWins, "won, and it reads"),
        (_ListsLikePeople, "it lists .* where A Z.z a-b"),
        (_CutsPages, "it lists A Z.z a-b a.b a/b where"),
        (_StartsAtTheKey, "searches would miss records"),
        (_StaysInThePast, "stay in the past"),
        (_PadsRanges, "does not have"),
        (_WantsNoQuotes, "without the quotation marks, as Ceph RGW"),
    ],
)
def test_a_store_that_breaks_a_promise_is_refused(kind: type[MemoryStore], words: str) -> None:
    with pytest.raises(StoreUnfit, match=f"the store s3://shop is not fit.*{words}"):
        probe(kind(), "s3://shop", new_id=new_id)


def test_good_stores_pass_and_nothing_stays(tmp_path: Path) -> None:
    for store in (MemoryStore(), FileStore(tmp_path)):
        probe(store, "s3://shop", new_id=new_id)
        assert list(store.list("")) == []


def test_an_outage_is_not_a_verdict() -> None:
    class Down(MemoryStore):
        def create(self, key: str, data: bytes) -> str:
            raise StoreUnavailable("down")

    with pytest.raises(StoreUnavailable):
        probe(Down(), "s3://shop", new_id=new_id)


@pytest.mark.parametrize("command", ["collections create shoes", "serve --port 0"])
def test_no_command_starts_on_such_a_store(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOOKALIKE_STORE", str(tmp_path / "data"))
    monkeypatch.setenv("LOOKALIKE_SECRETS", str(tmp_path / "keys.json"))
    deployment = replace(build_deployment(Settings.read(os.environ)), store=_IgnoresIfMatch())
    monkeypatch.setattr(chalicelib.wiring, "deployment", lambda: deployment)
    code, _, said = runner(capsys)(*command.split())
    assert code == 7
    assert f"the store {tmp_path / 'data'} is not fit" in said.replace("\n", " ")
    assert list(deployment.store.list("collections/")) == []
