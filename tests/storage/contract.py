"""What every store must do: one suite, run against all of them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.errors import AlreadyExists, ObjectMissing, ShortObject, VersionConflict
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.ranges import get_ranges


class StoreContract:
    """Subclasses give a fixture `store`, empty."""

    def test_an_object_reads_back(self, store: ObjectStore) -> None:
        version = store.create("a/b", b"one")
        blob = store.get("a/b")
        assert blob.data == b"one"
        assert blob.version == version

    def test_an_empty_object_is_an_object(self, store: ObjectStore) -> None:
        store.create("empty", b"")
        assert store.get("empty").data == b""
        assert bytes(store.view("empty")) == b""
        assert [(stat.key, stat.size) for stat in store.list("")] == [("empty", 0)]

    def test_a_view_shows_the_bytes_even_after_deletion(self, store: ObjectStore) -> None:
        data = bytes(range(256)) * 4096
        store.create("a/large", data)
        view = store.view("a/large")
        store.delete("a/large")
        assert bytes(view) == data
        assert view.readonly

    @pytest.mark.parametrize(
        ("start", "stop"), [(0, 1), (0, 1000), (999, 1000), (1, 999), (500, 500), (256, 512)]
    )
    def test_a_range_is_exactly_what_was_asked_for(
        self, store: ObjectStore, start: int, stop: int
    ) -> None:
        data = bytes(range(250)) * 4
        store.create("a/b", data)
        assert store.get_range("a/b", start, stop) == data[start:stop]

    @pytest.mark.parametrize(
        ("start", "stop"), [(0, 11), (9, 11), (10, 11), (11, 12), (500, 600), (0, 1 << 40)]
    )
    def test_a_range_past_the_end_is_an_error_and_never_short(
        self, store: ObjectStore, start: int, stop: int
    ) -> None:
        store.create("a/b", b"0123456789")
        with pytest.raises(ShortObject, match="a/b: it ends after") as caught:
            store.get_range("a/b", start, stop)
        assert caught.value.key == "a/b"

    def test_an_empty_object_has_no_ranges(self, store: ObjectStore) -> None:
        store.create("a", b"")
        assert store.get_range("a", 0, 0) == b""
        with pytest.raises(ShortObject):
            store.get_range("a", 0, 1)

    @pytest.mark.parametrize(("start", "stop"), [(-1, 1), (2, 1), (-3, -1)])
    def test_what_is_no_range_is_refused(self, store: ObjectStore, start: int, stop: int) -> None:
        store.create("a", b"one")
        with pytest.raises(ValueError, match="not a range"):
            store.get_range("a", start, stop)

    def test_ranges_are_read_at_once(self, store: ObjectStore) -> None:
        data = bytes(range(256)) * 4096
        store.create("a", data)
        wanted = [(start, start + 777) for start in range(0, 1_000_000, 31_250)]
        with ThreadPoolExecutor(32) as pool:
            found = get_ranges(store, "a", wanted, gap=0, apply=pool.map)
        assert found == [data[start:stop] for start, stop in wanted]

    def test_what_is_not_there_is_missing(self, store: ObjectStore) -> None:
        store.create("a/b", b"one")
        for call in (
            store.get,
            store.view,
            lambda key: store.get_if_changed(key, version="x"),
            lambda key: store.get_range(key, 0, 1),
        ):
            with pytest.raises(ObjectMissing) as caught:
                call("a/c")
            assert caught.value.key == "a/c"
        with pytest.raises(ObjectMissing):
            store.get("a")
        with pytest.raises(ObjectMissing):
            store.get("a/b/c")

    def test_create_never_overwrites(self, store: ObjectStore) -> None:
        store.create("a", b"one")
        with pytest.raises(AlreadyExists):
            store.create("a", b"two")
        assert store.get("a").data == b"one"

    def test_replace_needs_the_current_version(self, store: ObjectStore) -> None:
        first = store.create("a", b"one")
        second = store.replace("a", b"two", version=first)
        assert store.get("a").data == b"two"
        assert store.get("a").version == second != first
        with pytest.raises(VersionConflict):
            store.replace("a", b"three", version=first)
        assert store.get("a").data == b"two"

    def test_replace_creates_nothing(self, store: ObjectStore) -> None:
        version = store.create("a", b"one")
        store.delete("a")
        with pytest.raises(VersionConflict):
            store.replace("a", b"two", version=version)
        with pytest.raises(VersionConflict):
            store.replace("never", b"two", version=version)
        assert list(store.list("")) == []

    def test_an_unchanged_object_is_not_sent_again(self, store: ObjectStore) -> None:
        first = store.create("a", b"one")
        assert store.get_if_changed("a", version=first) is None
        store.replace("a", b"two", version=first)
        blob = store.get_if_changed("a", version=first)
        assert blob is not None
        assert blob.data == b"two"

    def test_delete_may_be_repeated_and_makes_room(self, store: ObjectStore) -> None:
        store.create("a/b", b"one")
        store.delete("a/b")
        store.delete("a/b")
        store.delete("never/there")
        store.create("a/b", b"two")
        assert store.get("a/b").data == b"two"

    def test_many_are_deleted_at_once(self, store: ObjectStore) -> None:
        keys = [f"many/{number:05d}" for number in range(25)]
        for key in keys:
            store.create(key, b"x")
        store.create("kept", b"")
        store.delete_many([*keys[:20], "never/there", keys[0]])
        assert [stat.key for stat in store.list("")] == ["kept", *keys[20:]]
        store.delete_many([])
        store.delete_many(keys)
        assert [stat.key for stat in store.list("")] == ["kept"]

    def test_a_listing_may_be_limited(self, store: ObjectStore) -> None:
        keys = [f"many/{number:05d}" for number in range(20)]
        for key in keys:
            store.create(key, b"")
        for limit in (1, 6, 7, 8, 20, 21):
            assert [stat.key for stat in store.list("many/", limit=limit)] == keys[:limit]
        assert [stat.key for stat in store.list("", after=keys[4], limit=9)] == keys[5:14]
        assert list(store.list("none/", limit=1)) == []

    def test_a_listing_is_in_key_order(self, store: ObjectStore) -> None:
        keys = ["a-b/x", "a.b", "a/b", "a/b-c", "a/b.c", "a/bc/d", "a0", "b", "A"]
        for key in keys:
            store.create(key, key.encode())
        assert [stat.key for stat in store.list("")] == sorted(keys)
        assert [stat.key for stat in store.list("a/")] == ["a/b", "a/b-c", "a/b.c", "a/bc/d"]
        assert [stat.key for stat in store.list("a/b")] == ["a/b", "a/b-c", "a/b.c", "a/bc/d"]
        assert [stat.key for stat in store.list("a")] == sorted(
            key for key in keys if key.startswith("a")
        )
        assert [stat.key for stat in store.list("none")] == []

    def test_a_listing_starts_after_a_key(self, store: ObjectStore) -> None:
        keys = ["a/1", "a/2", "a/2/x", "a/3", "b"]
        keys.remove("a/2/x")
        for key in keys:
            store.create(key, b"")
        assert [stat.key for stat in store.list("a/", after="a/1")] == ["a/2", "a/3"]
        assert [stat.key for stat in store.list("a/", after="a/15")] == ["a/2", "a/3"]
        assert [stat.key for stat in store.list("", after="a/2")] == ["a/3", "b"]
        assert [stat.key for stat in store.list("a/", after="a/3")] == []

    def test_a_listing_tells_size_and_time(self, store: ObjectStore) -> None:
        store.create("a", b"12345")
        (stat,) = store.list("")
        assert stat.size == 5
        assert abs(stat.modified - time.time()) < 60

    def test_a_listing_goes_on_past_a_page(self, store: ObjectStore) -> None:
        keys = [f"many/{number:05d}" for number in range(30)]
        for key in keys:
            store.create(key, b"")
        assert [stat.key for stat in store.list("many/")] == keys

    @pytest.mark.parametrize(
        "key", ["", "/a", "a/", "a//b", "a/../b", "./a", "ä", "a\nb", "a" * 256]
    )
    def test_a_malformed_key_is_refused(self, store: ObjectStore, key: str) -> None:
        with pytest.raises(ValueError, match="not an object key"):
            store.create(key, b"")

    def test_of_many_creators_one_wins(self, store: ObjectStore) -> None:
        for round_number in range(5):
            wins: list[int] = []

            def race(
                number: int, key: str = f"race/{round_number}", wins: list[int] = wins
            ) -> None:
                try:
                    store.create(key, str(number).encode())
                except AlreadyExists:
                    return
                wins.append(number)

            _at_once(race, 8)
            assert len(wins) == 1
            assert store.get(f"race/{round_number}").data == str(wins[0]).encode()

    def test_no_update_is_lost_between_replacers(self, store: ObjectStore) -> None:
        store.create("counter", b"0")

        def add_five(_: int) -> None:
            done = 0
            while done < 5:
                blob = store.get("counter")
                try:
                    store.replace("counter", str(int(blob.data) + 1).encode(), version=blob.version)
                except VersionConflict:
                    continue
                done += 1

        _at_once(add_five, 6)
        assert store.get("counter").data == b"30"


def _at_once(work: object, count: int) -> None:
    """Calls `work` with 0, 1 … in as many threads, and fails where one of them did."""
    assert callable(work)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001  # shown below, whatever it is
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
