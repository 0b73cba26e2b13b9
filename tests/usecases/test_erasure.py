"""A deletion is permanent within the promised days, however the record died; it costs a rewrite of
what held it, and an overdue one is seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.index.format.manifest import SegmentRef
from chalicelib.index.format.records import Key, Put, Record
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.commit import commit, put
from chalicelib.storage.files import FileStore
from chalicelib.storage.memory import MemoryStore
from chalicelib.usecases import maintain
from chalicelib.usecases.erasure import promise_s
from tests.index.simulated import Clock
from tests.usecases.dying import WAYS, by_drop, by_picture
from tests.usecases.erasing import DAY, OTHERS, SECRET, Shop, open_shop


@pytest.fixture(params=["memory", "folder"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    clock = Clock(now=time.time())
    store = MemoryStore(clock=clock) if request.param == "memory" else FileStore(tmp_path / "data")
    return open_shop(tmp_path, store, clock, Settings())


@pytest.mark.parametrize("die", WAYS)
def test_after_seven_days_nothing_is_left(shop: Shop, die: Callable[[Shop], None]) -> None:
    die(shop)
    if die is not by_drop:
        shop.pass_days(0.5)
        assert shop.traces(), "what is gone at once needs no promise"
        assert maintain.scrub(shop.shop.deployment, "shop").problems == ()
    shop.pass_days(6.5)
    assert shop.traces() == []
    if die is not by_drop:
        assert len(shop.collection.snapshot()) >= OTHERS
        assert maintain.scrub(shop.shop.deployment, "shop").problems == ()


def test_only_the_segment_that_held_it_is_rewritten(shop: Shop) -> None:
    deployment = shop.shop.deployment
    shop.collection.append([Put(record_like(shop, f"later-{number}")) for number in range(30)])
    maintain.compact(deployment, "shop")
    before = {ref.id: ref for ref in segments(shop)}
    held = next(key for key in shop.traces() if key.endswith("/body")).split("/")[-2]
    assert len(before) == 2
    by_picture(shop)
    shop.pass_days(7)
    after = {ref.id: ref for ref in segments(shop)}
    assert set(before) - set(after) == {held}
    assert all(ref.revision is None for ref in after.values())


def test_what_is_overdue_is_seen_and_goes_once_somebody_compacts(shop: Shop) -> None:
    deployment = shop.shop.deployment
    by_picture(shop)
    maintain.compact(deployment, "shop")
    shop.clock.now += 8 * DAY
    assert maintain.look(deployment, "shop").overdue > 0
    found = maintain.scrub(deployment, "shop").problems
    assert {problem.key.split("/")[-2] for problem in found} >= {"log", "marks"}
    assert all("8.0 days ago" in problem.what for problem in found)
    shop.pass_days(2.5)
    assert maintain.look(deployment, "shop").overdue == 0
    assert maintain.scrub(deployment, "shop").problems == ()
    assert shop.traces() == []


def test_what_a_dead_compactor_and_a_dead_rebuild_left_is_overdue_and_goes(shop: Shop) -> None:
    deployment = shop.shop.deployment
    (ref,) = segments(shop)
    generation = shop.collection.current()
    rows = deployment.store.get(generation.folder + f"segments/{ref.id}/body").data
    put(generation, "segments/00000000000000000000000000abcdef/body", rows)
    fresh = deployment.catalog.begin_generation("shop", fingerprint="tiny-1", dimension=64, bits=64)
    fresh.append([Put(replace(record_like(shop, "x"), key=SECRET))])
    by_picture(shop)
    shop.clock.now += 8 * DAY
    told = {problem.key for problem in maintain.scrub(deployment, "shop").problems}
    assert generation.folder + "segments/00000000000000000000000000abcdef/body" in told
    assert fresh.generation.folder in told
    shop.clock.now -= 8 * DAY
    shop.pass_days(7)
    assert shop.traces() == []
    assert maintain.scrub(deployment, "shop").problems == ()


def test_an_old_version_s_revision_without_a_date_is_rewritten_and_no_problem(shop: Shop) -> None:
    deployment = shop.shop.deployment
    by_picture(shop)
    while absorb(shop.collection.current()) is not None:
        continue
    old = shop.collection.current().manifest()
    undated = tuple(replace(ref, stale_since=None) for ref in old.manifest.segments)
    assert any(ref.revision for ref in undated)
    commit(shop.collection.current(), old, old.manifest.next(segments=undated))
    shop.clock.now += 8 * DAY
    told = maintain.scrub(deployment, "shop").problems
    assert not any("/segments/" in problem.key for problem in told)
    maintain.compact_all(deployment)
    assert all(ref.revision is None for ref in segments(shop))


def test_a_promise_is_no_shorter_than_three_grace_periods(shop: Shop) -> None:
    settings = replace(shop.shop.deployment.settings, erase_after_days=1, grace_s=2 * DAY)
    assert promise_s(replace(shop.shop.deployment, settings=settings)) == 6 * DAY


def segments(shop: Shop) -> tuple[SegmentRef, ...]:
    return shop.collection.current().manifest().manifest.segments


def record_like(shop: Shop, name: str) -> Record:
    known = shop.collection.snapshot().find(Key("1", "1.jpg"))
    assert known is not None
    return replace(known, key=Key(name, "a.jpg"))
