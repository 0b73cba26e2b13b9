"""What one collection, or one deployment, must not cost its neighbours; and reads that cost what is
counted for them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.errors import CollectionNotFound, CorruptObject
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.records import Put
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.query import Query
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.merge import merge
from chalicelib.index.write.scrub import scrub
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.object_store import Blob
from chalicelib.storage.s3 import S3Store, connect
from chalicelib.usecases import maintain
from chalicelib.usecases.deployment import Deployment
from chalicelib.wiring import build_deployment
from tests.index.simulated import (
    Clock,
    content,
    expected,
    ids,
    make,
    open_catalog,
    record,
    vector,
)
from tests.moto_server import locked_moto

DAY = 86_400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deployment(tmp_path: Path, clock: Clock) -> Deployment:
    store = MemoryStore(clock=clock)
    settings = Settings(store=str(tmp_path / "unused"), secrets=str(tmp_path / "keys.json"))
    catalog = Catalog(store, clock=clock, new_id=ids(), grace_s=settings.grace_s)
    return replace(build_deployment(settings), store=store, catalog=catalog, clock=clock)


def damage(deployment: Deployment, generation: Generation) -> None:
    key = generation.manifest_key
    blob = deployment.store.get(key)
    deployment.store.replace(key, blob.data[:-9] + b"damaged!\n", version=blob.version)


def garbage(deployment: Deployment, name: str) -> None:
    """A collection whose collection removes something two days later."""
    collection = make(deployment.catalog, name)
    for number in range(5):
        collection.append([Put(record(f"p{number}", "a", number))])
        maintain.compact(deployment, name)
    assert collection.current().manifest().manifest.garbage


def test_a_generation_whose_manifest_cannot_be_read_is_not_judged(
    deployment: Deployment, clock: Clock
) -> None:
    make(deployment.catalog, "a")
    begun = deployment.catalog.begin_generation("a", fingerprint="f1", dimension=24, bits=40)
    begun.append([Put(record("p", "q"))])
    held = [stat.key for stat in begun.generation.objects.stats()]
    garbage(deployment, "b")
    damage(deployment, begun.generation)
    clock.now += 2 * DAY
    with pytest.raises(CorruptObject):
        maintain.collect_all(deployment)
    assert [stat.key for stat in begun.generation.objects.stats()] == held


@pytest.mark.parametrize("bad", ["a", "m", "z"])
def test_one_damaged_collection_does_not_stop_the_work_on_the_others(
    deployment: Deployment, clock: Clock, bad: str
) -> None:
    names = [name for name in ("a", "m", "z") if name != bad]
    for name in names:
        garbage(deployment, name)
    broken = make(deployment.catalog, bad)
    damage(deployment, broken.generation)
    left = deployment.catalog.begin_generation(names[0], fingerprint="f1", dimension=24, bits=40)
    opened = Catalog(deployment.store, clock=clock, new_id=ids(7_000), grace_s=DAY)
    cold = replace(deployment, catalog=opened)
    for name in names:
        opened.open(name).append([Put(record("new", "a"))])
    clock.now += 6 * DAY
    with pytest.raises(CorruptObject):
        maintain.compact_all(cold)
    with pytest.raises(CorruptObject):
        maintain.collect_all(cold)
    for name in names:
        manifest = opened.open(name).current().manifest().manifest
        assert opened.open(name).current().listed().waiting == []
        assert all(one.since > clock.now - DAY for one in manifest.garbage)
    assert left.generation.objects.stats() == []
    assert opened.folders() == ["a", "m", "z"]


def test_a_dropped_collection_is_forgotten_by_every_process(clock: Clock) -> None:
    store = MemoryStore(clock=clock)
    one, other = open_catalog(store, clock, ids()), open_catalog(store, clock, ids(5_000))
    for number in range(5):
        name = f"shop-{number}"
        make(one, name).append([Put(record("p", "q"))])
        seen = other.open(name)
        assert len(seen.snapshot()) == 1
        one.drop(name)
        with pytest.raises(CollectionNotFound):
            seen.snapshot()
    del seen
    assert (len(one._open), len(other._open)) == (0, 0)
    assert (len(one._generations), len(other._generations)) == (0, 0)


@pytest.fixture
def url() -> Iterator[str]:
    with locked_moto() as found, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", found)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "root")
        yield found


def test_two_deployments_under_two_prefixes_of_one_bucket(url: str, clock: Clock) -> None:
    assert url
    client = connect("us-east-1")
    client.create_bucket(Bucket="both")  # type: ignore[attr-defined]  # not for the store
    prefixes = ("shop", "shop/inner", "shop2", "")
    catalogs = {
        prefix: open_catalog(S3Store(client, "both", prefix), clock, ids(1_000 * number + 1))
        for number, prefix in enumerate(prefixes)
    }
    wanted = {}
    for number, (prefix, catalog) in enumerate(catalogs.items()):
        one = record(f"of {prefix}", "a", number)
        wanted[prefix] = {one.key: one}
        collection = make(catalog, "same")
        collection.append([Put(one)])
        if number % 2:
            absorb(collection.current())
        make(catalog, f"own-{number}")
    for number, (prefix, catalog) in enumerate(catalogs.items()):
        assert catalog.names() == sorted(["same", f"own-{number}"])
        assert content(catalog.open("same").snapshot()) == expected(wanted[prefix])
        assert scrub(catalog.open("same").current()).problems == ()
    catalogs["shop"].drop("same")
    for prefix in prefixes[1:]:
        cold = open_catalog(S3Store(client, "both", prefix), clock, ids(9_000))
        assert content(cold.open("same").snapshot()) == expected(wanted[prefix])
    assert catalogs["shop"].folders() == ["own-0"]


class Counting(MemoryStore):
    """Counts conditional reads that had to send the object."""

    sent = 0

    def get_if_changed(self, key: str, *, version: str) -> Blob | None:
        found = super().get_if_changed(key, version=version)
        self.sent += found is not None
        return found


def test_a_manifest_is_sent_once_for_every_change(clock: Clock) -> None:
    store = Counting(clock=clock)
    writer = make(open_catalog(store, clock, ids()))
    reader = open_catalog(store, clock, ids(5_000)).open("shop")
    reader.snapshot()
    for number in range(3):
        writer.append([Put(record(f"p{number}", "a", number))])
        absorb(writer.current())
        before = store.sent
        for _ in range(3):
            assert len(reader.snapshot()) == number + 1
        assert store.sent == before + 1


def test_memory_is_flat_over_dropped_collections_and_compactions(clock: Clock) -> None:
    catalog = open_catalog(MemoryStore(clock=clock), clock, ids())
    cache = catalog._tools.cache
    staying = make(catalog, "staying")
    sizes = []
    for number in range(12):
        passing = make(catalog, f"passing-{number}")
        for collection in (passing, staying):
            changes = [Put(record(f"p{n}", "a", number)) for n in range(50)]
            collection.append(changes)
            absorb(collection.current())
            merge(collection.current(), everything=True)
            assert collection.snapshot().search(Query(vector(number), 3)).found == 50
        catalog.drop(passing.info.name)
        sizes.append(cache.size)
    live = sum(ref.size for ref in staying.current().manifest().manifest.segments)
    assert max(sizes) <= 2 * live
    assert max(sizes[6:]) <= max(sizes[:6]) * 1.1
    del passing, collection
    gc.collect()
    assert len(catalog._generations) == len(catalog._open) == 1
