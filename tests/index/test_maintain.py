"""Maintenance as schedules and people start it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import chalicelib.wiring
from chalicelib.attributes import Attributes
from chalicelib.config import Settings
from chalicelib.errors import CollectionNotFound, CorruptObject
from chalicelib.index.catalog import Catalog
from chalicelib.index.collection import Collection
from chalicelib.index.format.records import Delete, Key, Patch, Put
from chalicelib.index.write import graphs as growing
from chalicelib.index.write.commit import put
from chalicelib.storage.memory import MemoryStore
from chalicelib.usecases import maintain
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import build_deployment
from cli.main import execute
from tests.index.simulated import BITS, DIMENSION, Clock, content, ids, record

DAY = 86_400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deployment(tmp_path: Path, clock: Clock) -> Deployment:
    store = MemoryStore(clock=clock)
    settings = Settings(
        store=str(tmp_path / "unused"), secrets=str(tmp_path / "keys.json"), compact_log_objects=5
    )
    catalog = Catalog(store, clock=clock, new_id=ids(), grace_s=settings.grace_s)
    return replace(build_deployment(settings), store=store, catalog=catalog, clock=clock)


def make(deployment: Deployment, name: str = "shop") -> Collection:
    from chalicelib.service import Service

    return deployment.catalog.create(
        name, Service.PRODUCT, fingerprint="f1", dimension=DIMENSION, bits=BITS
    )


def fill(collection: Collection, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        collection.append([Put(record(f"p{number}", "a", number))])


def test_compaction_empties_the_log_and_merges(deployment: Deployment) -> None:
    collection = make(deployment)
    for round_number in range(4):
        fill(collection, 3, 3 * round_number)
        planned = maintain.compact(deployment, "shop", dry_run=True)
        assert (planned.absorbed, planned.log_objects) == (3, 3)
        done = maintain.compact(deployment, "shop")
        assert (done.absorbed, done.log_objects, done.oldest_log_s) == (3, 0, 0.0)
    assert (done.merged, done.segments, done.rows) == (4, 1, 12)
    assert maintain.compact(deployment, "shop").absorbed == 0
    assert len(collection.snapshot()) == 12


def test_everything_means_one_segment_without_a_revision(deployment: Deployment) -> None:
    collection = make(deployment)
    fill(collection, 20)
    maintain.compact(deployment, "shop")
    collection.append([Delete(Key("p1", "a")), Patch(Key("p2", "a"), Attributes(int_attr=1))])
    planned = maintain.compact(deployment, "shop", everything=True, dry_run=True)
    assert (planned.absorbed, planned.merged) == (1, 0), "the only segment is clean still"
    maintain.compact(deployment, "shop")
    assert maintain.compact(deployment, "shop", everything=True, dry_run=True).merged == 1
    done = maintain.compact(deployment, "shop", everything=True)
    (segment,) = collection.current().manifest().manifest.segments
    assert (done.segments, segment.rows, segment.revision) == (1, 19, None)
    assert maintain.compact(deployment, "shop", everything=True).merged == 0


def test_a_segment_that_died_to_a_quarter_is_rewritten(deployment: Deployment) -> None:
    collection = make(deployment)
    collection.append([Put(record(f"p{number}", "a", number)) for number in range(40)])
    maintain.compact(deployment, "shop")
    collection.append([Delete(Key(f"p{number}", "a")) for number in range(10)])
    assert maintain.compact(deployment, "shop").merged == 0
    collection.append([Delete(Key("p10", "a"))])
    assert maintain.compact(deployment, "shop").merged == 1
    collection.append([Delete(Key(f"p{number}", "a")) for number in range(40)])
    assert maintain.compact(deployment, "shop").segments == 0
    assert len(collection.snapshot()) == 0


def test_all_collections_whose_log_is_long_or_old(deployment: Deployment, clock: Clock) -> None:
    fill(make(deployment, "long"), 5)
    fill(make(deployment, "short"), 4)
    fill(make(deployment, "old"), 1)
    make(deployment, "empty")
    reports = {report.collection: report for report in maintain.compact_all(deployment)}
    assert {name: report.absorbed for name, report in reports.items()} == {
        "long": 5,
        "short": 0,
        "old": 0,
        "empty": 0,
    }
    assert reports["short"].log_objects == 4
    clock.now += maintain.OLD_LOG_S + 1
    before = maintain.look(deployment, "old")
    assert before.oldest_log_s > maintain.OLD_LOG_S
    assert {
        report.absorbed
        for report in maintain.compact_all(deployment)
        if report.collection in {"old", "short"}
    } == {1, 4}


def test_one_damaged_collection_does_not_keep_the_others_waiting(deployment: Deployment) -> None:
    fill(make(deployment, "bad"), 5)
    fill(make(deployment, "good"), 5)
    key = next(
        stat.key for stat in deployment.store.list("collections/bad/") if "/log/" in stat.key
    )
    blob = deployment.store.get(key)
    deployment.store.replace(key, blob.data[:-1], version=blob.version)
    with pytest.raises(CorruptObject, match=key):
        maintain.compact_all(deployment)
    assert maintain.look(deployment, "good").log_objects == 0


def test_graphs_are_built_once_and_named_in_the_report(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growing, "GRAPH_ROWS", 30)
    collection = make(deployment)
    collection.append([Put(record(f"p{number}", "a", number)) for number in range(30)])
    assert maintain.compact(deployment, "shop", dry_run=True).graphs == 0
    assert maintain.compact(deployment, "shop", until=deployment.clock()).graphs == 0
    assert maintain.compact(deployment, "shop", dry_run=True).graphs == 1
    assert maintain.compact(deployment, "shop").graphs == 1
    assert maintain.compact(deployment, "shop").graphs == 0
    assert [segment.graph for segment in collection.snapshot().segments()] == [True]
    assert maintain.scrub(deployment, "shop").problems == ()


def test_garbage_goes_in_two_steps(deployment: Deployment, clock: Clock) -> None:
    collection = make(deployment)
    for number in range(4):
        fill(collection, 1, number)
        maintain.compact(deployment, "shop")
    objects = len(list(deployment.store.list("")))
    assert maintain.collect(deployment, "shop").removed == 0
    clock.now += DAY + 1
    planned = maintain.collect(deployment, "shop", dry_run=True)
    assert planned.removed == 8
    assert len(list(deployment.store.list(""))) == objects
    done = maintain.collect(deployment, "shop")
    assert (done.removed, done.bytes) == (planned.removed, planned.bytes)
    assert len(list(deployment.store.list(""))) == objects - 8
    assert maintain.collect(deployment, "shop").removed == 0
    assert len(content(collection.snapshot())) == 4
    assert maintain.scrub(deployment, "shop").problems == ()


def test_orphans_are_named_first_and_go_later(deployment: Deployment, clock: Clock) -> None:
    collection = make(deployment)
    fill(collection, 1)
    put(collection.generation, "segments/00000000000000ff/rows", b"left by a compactor that died")
    assert maintain.collect(deployment, "shop").named == 0
    clock.now += DAY + 1
    assert maintain.collect(deployment, "shop").named == 1
    assert maintain.collect(deployment, "shop").removed == 0
    clock.now += DAY + 1
    assert maintain.collect(deployment, "shop").removed == 1


def test_generations_that_nobody_serves(deployment: Deployment, clock: Clock) -> None:
    collection = make(deployment)
    fill(collection, 2)
    fresh = deployment.catalog.begin_generation(
        "shop", fingerprint="f1", dimension=DIMENSION, bits=BITS
    )
    fill(fresh, 1, 7)
    unfinished = deployment.catalog.begin_generation(
        "shop", fingerprint="f1", dimension=DIMENSION, bits=BITS
    )
    old = collection.snapshot()
    deployment.catalog.switch("shop", fresh.info.generation)
    assert maintain.collect_all(deployment)[1:] == []
    assert len(content(old)) == 2
    clock.now += DAY + 1
    assert [found.removed for found in maintain.collect_all(deployment)[1:]] == [3]
    assert deployment.catalog.generation("shop", unfinished.info.generation)
    clock.now += maintain.UNFINISHED_S
    assert [found.removed for found in maintain.collect_all(deployment)[1:]] == [1]
    assert deployment.catalog.unreachable("shop") == []
    assert len(collection.snapshot()) == 1


def with_a_graph(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setattr(growing, "GRAPH_ROWS", 30)
    collection = make(deployment)
    collection.append([Put(record(f"p{number}", "a", number)) for number in range(30)])
    maintain.compact(deployment, "shop")
    return collection


def damage(deployment: Deployment, kind: str, byte: int = -1) -> str:
    """Flips a bit of the one object of that kind; its key."""
    (key,) = [stat.key for stat in deployment.store.list("") if kind in stat.key]
    blob = deployment.store.get(key)
    data = bytearray(blob.data)
    data[byte] ^= 1
    deployment.store.replace(key, bytes(data), version=blob.version)
    return key


def test_scrub_finds_a_damaged_graph_and_builds_it_anew(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_graph(deployment, monkeypatch)
    key = damage(deployment, "/graph-")
    found = maintain.scrub(deployment, "shop")
    assert ([problem.key for problem in found.problems], found.repairable, found.repaired) == (
        [key],
        1,
        0,
    )
    assert maintain.scrub(deployment, "shop") == found
    done = maintain.scrub(deployment, "shop", repair=True)
    assert ([problem.key for problem in done.problems], done.repairable, done.repaired) == (
        [key],
        1,
        1,
    )
    after = maintain.scrub(deployment, "shop")
    assert (after.problems, after.objects) == ((), found.objects)


def test_a_graph_is_not_blamed_for_its_rows(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = with_a_graph(deployment, monkeypatch)
    before = collection.current().manifest().manifest
    key = damage(deployment, "/head", byte=60)
    found = maintain.scrub(deployment, "shop", repair=True)
    assert {problem.key for problem in found.problems} == {key}
    assert (found.repairable, found.repaired) == (0, 0)
    assert collection.current().manifest().manifest == before


def test_a_collection_that_is_not_there(deployment: Deployment) -> None:
    for act in (maintain.compact, maintain.collect, maintain.scrub, maintain.look):
        with pytest.raises(CollectionNotFound, match="none"):
            act(deployment, "none")
    assert maintain.compact_all(deployment) == []
    assert maintain.collect_all(deployment) == []


Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def run(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.setattr(chalicelib.wiring, "deployment", lambda: deployment)

    def one(*arguments: str) -> tuple[int, Any]:
        code = execute(list(arguments))
        text = capsys.readouterr().out
        return code, json.loads(text) if "--json" in arguments else text

    return one


def test_the_commands(deployment: Deployment, run: Run, clock: Clock) -> None:
    fill(make(deployment), 3)
    make(deployment, "empty")
    code, planned = run("compact", "--dry-run", "--json")
    assert (code, [one["absorbed"] for one in planned]) == (0, [0, 3])
    code, text = run("compact", "shop", "--dry-run")
    assert "Nothing was changed" in text
    code, done = run("compact", "shop", "--json")
    assert (code, done[0]["absorbed"], done[0]["segments"]) == (0, 3, 1)
    code, text = run("compact", "--everything")
    assert (code, "shop" in text) == (0, True)
    code, found = run("scrub", "--json")
    assert (code, [(one["collection"], one["problems"], one["rows"]) for one in found]) == (
        0,
        [("empty", [], 0), ("shop", [], 3)],
    )
    clock.now += DAY + 1
    code, done = run("gc", "--dry-run", "--json")
    assert (code, [one["removed"] for one in done]) == (0, [0, 0])
    code, text = run("gc", "shop")
    assert (code, "86400 s" in text) == (0, True)


def test_a_scrub_that_finds_damage_says_so_with_its_exit_code(
    deployment: Deployment, run: Run
) -> None:
    fill(make(deployment), 1)
    maintain.compact(deployment, "shop")
    (key,) = [stat.key for stat in deployment.store.list("") if stat.key.endswith("/head")]
    deployment.store.delete(key)
    code, text = run("scrub")
    assert code == 1
    assert key in text.replace("\n", "")


def test_scrub_says_what_a_repair_would_do(
    deployment: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_graph(deployment, monkeypatch)
    key = damage(deployment, "/graph-")
    for arguments in (["--dry-run"], ["--repair", "--dry-run"]):
        code, text = run("scrub", "shop", *arguments)
        assert code == 1
        assert key in text.replace("\n", "")
        assert "Nothing was changed; --repair would build 1 graph anew." in text
    code, (done,) = run("scrub", "--repair", "--json")
    assert (code, done["repairable"], done["repaired"]) == (0, 1, 1)
    code, text = run("scrub", "--dry-run")
    assert (code, "would build 0 graphs anew" in text) == (0, True)
