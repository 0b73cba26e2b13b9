"""Numbered scenarios: the interleavings that the protocol exists for, each played out step by step.

Three of its rules are broken on purpose (mutants.py), one at a time, to show that its scenario
would notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chalicelib.attributes import Attributes
from chalicelib.errors import AlreadyExists, FingerprintMismatch, VersionConflict
from chalicelib.index.format.records import Key, Patch
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import collect
from chalicelib.index.write.erase import drop_head
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import Stat
from tests.index.mutants import MUTANTS
from tests.index.shop import Shop, delete, once, put
from tests.index.simulated import Clock, Faulty, content, ids, make, open_catalog, record, told


@pytest.mark.parametrize("mutant", [False, True])
def test_01_compaction_between_the_two_reads_of_a_snapshot(
    mutant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop()
    shop.process().append([put("one")])
    shop.process().append([put("two")])
    between = ("list", "/log/") if mutant else ("get", "manifest")
    reader = shop.process(
        Faulty(shop.store, before=once(*between, lambda: absorb(shop.process().current())))
    )
    if mutant:
        MUTANTS["manifest_before_list"](monkeypatch)
    seen = sorted(content(reader.snapshot()))
    assert (seen == [("one", "a"), ("two", "a")]) is not mutant


@pytest.mark.parametrize("mutant", [False, True])
def test_02_two_compactors_at_once(mutant: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop()
    if mutant:
        MUTANTS["no_if_match"](monkeypatch)
    shop.process().append([put("one")])

    def other() -> None:
        shop.process().append([put("two")])
        shop.process().append([put("three")])
        absorb(shop.process().current())

    slow = shop.process(Faulty(shop.store, before=once("replace", "manifest", other)))
    if mutant:
        absorb(slow.current())
        assert shop.keys() != ["one", "three", "two"], "the mutant would not be noticed"
    else:
        with pytest.raises(VersionConflict):
            absorb(slow.current())
        assert shop.keys() == ["one", "three", "two"]
        assert scrub(shop.process().current()).problems == ()


@pytest.mark.parametrize("mutant", [False, True])
def test_03_a_repeated_put_lands_after_its_record_was_deleted_and_compacted(
    mutant: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop()
    if mutant:
        MUTANTS["early_tombstone_drop"](monkeypatch)
    shop.process().append([put("gone")])
    (name,) = shop.log()
    data = shop.store.get(name).data
    shop.process().append([delete("gone")])
    absorb(shop.process().current())
    shop.clock.now += 10
    shop.process().append([put("other")])
    absorb(shop.process().current())
    merge(shop.process().current(), everything=True)
    assert name not in shop.log()
    shop.store.create(
        name, data
    )  # the answer to the first try was lost, and the writer tries again
    assert shop.keys() == (["gone", "other"] if mutant else ["other"])
    absorb(shop.process().current())
    assert shop.keys() == (["gone", "other"] if mutant else ["other"])


def test_04_a_writer_whose_clock_is_behind_overwrites() -> None:
    shop = Shop()
    shop.process(skew_s=2.0).append([put("one", 1)])
    shop.process(skew_s=-2.0).append([delete("one")])
    assert shop.keys() == []
    shop.process(skew_s=2.0).append([put("one", 2)])
    absorb(shop.process().current())
    assert len(shop.log()) == 1, (
        "the newest log object stays, so that the next writer takes its place from it"
    )
    shop.process(skew_s=-2.0).append([Patch(Key("one", "a"), Attributes(int_attr=1))])
    (found,) = shop.process().snapshot().rows()
    assert found.attributes.int_attr == 1


def test_05_a_put_that_was_overtaken_while_it_was_written() -> None:
    shop = Shop()
    shop.process().append([put("one", 1)])

    def overtake() -> None:
        shop.process().append([put("one", 2)])
        absorb(shop.process().current())

    shop.process(Faulty(shop.store, before=once("create", "/log/", overtake))).append(
        [put("one", 3)]
    )
    before = content(shop.process().snapshot())
    absorb(shop.process().current())
    merge(shop.process().current(), everything=True)
    assert content(shop.process().snapshot()) == before
    assert scrub(shop.process().current()).problems == ()


def test_06_a_patch_stays_on_a_put_that_lands_late() -> None:
    shop = Shop()
    shop.process().append([put("one", 1)])

    def overtake() -> None:
        shop.process().append([Patch(Key("one", "a"), Attributes(str_attr="sale"))])
        absorb(shop.process().current())

    shop.process(Faulty(shop.store, before=once("create", "/log/", overtake))).append(
        [put("one", 3)]
    )
    before = content(shop.process().snapshot())
    (row,) = shop.process().snapshot().rows()
    assert row.attributes.str_attr == "sale"
    for _ in range(3):
        absorb(shop.process().current())
        merge(shop.process().current(), everything=True)
        assert content(shop.process().snapshot()) == before


def test_07_a_log_object_vanishes_between_listing_and_reading() -> None:
    shop = Shop()
    for name in ("one", "two", "three"):
        shop.process().append([put(name)])
    vanish = once("get", "/log/", lambda: absorb(shop.process().current()))
    reader = shop.process(Faulty(shop.store, before=vanish))
    assert sorted(key.product_id for key in content(reader.snapshot())) == ["one", "three", "two"]


def test_16_two_compactors_of_which_one_has_swept_the_log() -> None:
    shop = Shop()
    for name in ("one", "two", "three"):
        shop.process().append([put(name)])
    slow = shop.process(
        Faulty(shop.store, before=once("get", "/log/", lambda: absorb(shop.process().current())))
    )
    with pytest.raises(VersionConflict):
        absorb(slow.current())
    assert shop.keys() == ["one", "three", "two"]
    for name in ("four", "five"):
        shop.process().append([put(name)])
        absorb(shop.process().current())

    def merged_and_collected() -> None:
        merge(shop.process().current(), everything=True)
        for _ in range(3):
            shop.clock.now += 4000
            collect(shop.process().current())

    slow = shop.process(Faulty(shop.store, before=once("get", "/head", merged_and_collected)))
    with pytest.raises(VersionConflict):
        merge(slow.current(), everything=True)
    assert len(shop.keys()) == 5


def test_08_a_token_counts_once_even_at_once_and_after_compaction() -> None:
    shop = Shop()
    first = [put("one", 1)]

    def twin() -> None:
        shop.process().append(first, token="slice 1")
        shop.process().append([delete("one")])

    shop.process(Faulty(shop.store, before=once("create", "/log/", twin))).append(
        first, token="slice 1"
    )
    assert shop.keys() == []
    absorb(shop.process().current())
    shop.process().append(first, token="slice 1")
    assert shop.keys() == []
    absorb(shop.process().current())
    assert shop.keys() == []


def test_09_garbage_that_a_sleeping_compactor_still_wants() -> None:
    shop = Shop(grace_s=60)
    shop.process().append([put("one")])

    def collect_all() -> None:
        for _ in range(3):
            shop.clock.now += 100
            collect(shop.process().current())

    sleeper = shop.process(Faulty(shop.store, before=once("replace", "manifest", collect_all)))
    with pytest.raises(VersionConflict):
        absorb(sleeper.current())
    assert shop.keys() == ["one"]
    assert scrub(shop.process().current()).problems == ()
    assert not [stat for stat in shop.store.list("") if "/segments/" in stat.key]


def test_10_a_snapshot_outlives_compaction_for_the_grace_period() -> None:
    shop = Shop(grace_s=60)
    shop.process().append([put("one")])
    absorb(shop.process().current())
    shop.process().append([put("two")])
    absorb(shop.process().current())
    old = shop.process().snapshot()
    merge(shop.process().current(), everything=True)
    shop.clock.now += 30
    collect(shop.process().current())
    assert sorted(key.product_id for key in content(old)) == ["one", "two"]
    shop.clock.now += 100
    assert collect(shop.process().current()).removed > 0
    assert shop.keys() == ["one", "two"]


def test_11_an_append_that_a_switch_overtakes_goes_to_the_new_generation() -> None:
    shop = Shop()
    catalog = open_catalog(shop.store, shop.clock, ids(900))
    fresh = catalog.begin_generation("shop", fingerprint="f1", dimension=24, bits=40)
    fresh.append([put("rebuilt")])
    switch = once("create", "/log/", lambda: catalog.switch("shop", fresh.info.generation))
    shop.process(Faulty(shop.store, before=switch)).append([put("late")])
    assert shop.keys() == ["late", "rebuilt"]


def test_12_features_of_old_models_do_not_enter_the_new_generation() -> None:
    shop = Shop()
    catalog = open_catalog(shop.store, shop.clock, ids(900))
    fresh = catalog.begin_generation("shop", fingerprint="f2", dimension=24, bits=40)
    switch = once("create", "/log/", lambda: catalog.switch("shop", fresh.info.generation))
    with pytest.raises(FingerprintMismatch):
        shop.process(Faulty(shop.store, before=switch)).append([put("late")])
    assert shop.keys() == []


def test_13_a_process_that_was_open_before_a_switch_or_a_drop_notices() -> None:
    shop = Shop()
    old = shop.process()
    old.append([put("one")])
    before = old.snapshot()
    catalog = open_catalog(shop.store, shop.clock, ids(900))
    fresh = catalog.begin_generation("shop", fingerprint="f2", dimension=24, bits=40)
    fresh.append([put("new")])
    catalog.switch("shop", fresh.info.generation)
    catalog.switch("shop", fresh.info.generation)
    assert [key.product_id for key in content(old.snapshot())] == ["new"]
    assert old.info.fingerprint == "f2"
    assert [key.product_id for key in content(before)] == ["one"]
    catalog.drop("shop")
    make(catalog)
    assert len(old.snapshot()) == 0
    old.append([put("again")])
    assert shop.keys() == ["again"]


def test_14_two_creators_of_one_name() -> None:
    clock = Clock()
    store = MemoryStore(clock=clock)
    other = open_catalog(store, clock, ids(900))
    catalog = open_catalog(
        Faulty(store, before=once("create", "collection.json", lambda: make(other))), clock, ids()
    )
    with pytest.raises(AlreadyExists):
        make(catalog)
    assert open_catalog(store, clock, ids(5000)).names() == ["shop"]
    assert len([stat for stat in store.list("") if stat.key.endswith("manifest.json")]) == 1


def test_15_a_listing_that_grows_while_it_is_read() -> None:
    """A page of a listing is no snapshot: an object created meanwhile may be missed, one removed
    may be seen. Neither loses anything.
    """

    class Paged(MemoryStore):
        def list(self, prefix: str, *, after: str = "", limit: int | None = None) -> Iterator[Stat]:
            rows = list(super().list(prefix, after=after, limit=limit))
            for number, row in enumerate(rows):
                if number == 1 and "/log/" in prefix and turns:
                    turns.pop()()
                yield row

    turns: list[Callable[[], object]] = []
    shop = Shop()
    paged = Paged(clock=shop.clock)
    paged._objects = shop.store._objects  # the same objects
    for name in ("one", "two", "three"):
        shop.process().append([put(name)])
    reader = shop.process(paged)

    def meanwhile() -> None:
        shop.process().append([put("four")])
        absorb(shop.process().current())

    turns.append(meanwhile)
    assert {"one", "two", "three"} <= {key.product_id for key in content(reader.snapshot())}


def test_16_an_append_to_a_log_that_was_dropped_comes_after_what_was_in_it() -> None:
    shop = Shop()
    reader = shop.process()
    reader.append([put("one", 1)])
    late = shop.process(skew_s=-3 * 86_400)  # knows the manifest of before
    assert late.info.name == "shop"
    absorb(shop.process().current())
    shop.clock.now += 10
    compactor = shop.process().current()
    listed = compactor.listed()
    assert not drop_head(compactor, listed, before=listed.log[0].position.seconds)
    assert drop_head(compactor, listed, before=shop.clock.now)
    assert shop.log() == []
    shop.clock.now += 20
    late.append([put("one", 2)])
    new = content(reader.snapshot())
    assert new == content(shop.process().snapshot())
    assert new == {Key("one", "a"): told(record("one", "a", 2))}
    absorb(shop.process().current())
    assert content(shop.process().snapshot()) == new
    assert scrub(shop.process().current()).problems == ()
