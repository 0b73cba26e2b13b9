"""Two deployments in one bucket, each under a prefix of its own, know nothing of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.config import Settings
from chalicelib.contract.messages import CreateCollection
from chalicelib.errors import AlreadyExists, ObjectMissing, VersionConflict
from chalicelib.index.format.records import Key, Put
from chalicelib.index.write.absorb import absorb
from chalicelib.index.write.collect import collect
from chalicelib.service import Service
from chalicelib.storage.object_store import ObjectStore
from chalicelib.storage.s3 import S3Store
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.manage import create_collection
from chalicelib.wiring import build_deployment
from tests.index.simulated import Clock, ids, make, open_catalog, record

PREFIXES = ("shop", "shop2", "sho", "other/shop")
"""Some begin like others."""
KEYS = ("collections/a/log/1", "collections/a/log/2", "collections/b")


def _stores(client: Any, bucket: str, *prefixes: str) -> list[S3Store]:
    return [S3Store(client, bucket, prefix, page_size=2) for prefix in prefixes]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_method_reaches_into_the_other_prefix(client: Any, bucket: str, prefix: str) -> None:
    ours, theirs = _stores(client, bucket, prefix, f"{prefix}-theirs")
    versions = {key: theirs.create(key, f"theirs {key}".encode()) for key in KEYS}
    assert list(ours.list("")) == list(ours.list("collections/")) == []
    reads: list[Callable[[], object]] = [
        lambda: ours.get(KEYS[0]),
        lambda: ours.view(KEYS[0]),
        lambda: ours.get_range(KEYS[0], 0, 1),
        lambda: ours.get_if_changed(KEYS[0], version=versions[KEYS[0]]),
    ]
    for read in reads:
        with pytest.raises(ObjectMissing):
            read()
    with pytest.raises(VersionConflict):
        ours.replace(KEYS[0], b"ours", version=versions[KEYS[0]])
    ours.delete(KEYS[0])
    ours.delete_many(KEYS)
    _untouched(theirs)
    for key in KEYS:
        ours.create(key, b"ours")
    with pytest.raises(AlreadyExists):
        ours.create(KEYS[0], b"ours again")
    assert [stat.key for stat in ours.list("")] == list(KEYS)
    assert [stat.key for stat in ours.list("", after=KEYS[0])] == list(KEYS[1:])
    _untouched(theirs)


def _untouched(theirs: ObjectStore) -> None:
    assert [stat.key for stat in theirs.list("")] == list(KEYS)
    assert [theirs.get(key).data for key in KEYS] == [f"theirs {key}".encode() for key in KEYS]


def test_collections_of_one_name_live_side_by_side(client: Any, bucket: str) -> None:
    catalogs = [
        open_catalog(store, Clock(), ids(1000 * (number + 1)), grace_s=0)
        for number, store in enumerate(_stores(client, bucket, *PREFIXES))
    ]
    for number, catalog in enumerate(catalogs):
        make(catalog).append([Put(record(f"p{number}", "q", number))], token="one")
        assert catalog.names() == ["shop"]
    catalogs[0].drop("shop")
    make(catalogs[0], "another")
    for catalog in catalogs[1:]:
        generation = catalog.open("shop").current()
        absorb(generation)
        collect(generation)
        assert catalog.unreachable("shop") == []
    for number, catalog in enumerate(catalogs[1:], 1):
        (found,) = catalog.open("shop").snapshot().records()
        assert found.key == Key(f"p{number}", "q")
        assert catalog.names() == ["shop"]


def test_settings_keep_two_deployments_apart(bucket: str, client: Any) -> None:
    def deployment(prefix: str) -> Deployment:
        variables = {
            "LOOKALIKE_REGION": "us-east-1",
            "LOOKALIKE_STORE": f"s3://{bucket}/{prefix}",
            "LOOKALIKE_SECRETS": "/nowhere/keys.json",
        }
        return build_deployment(Settings.read(variables))

    first, second = deployment("one"), deployment("two")
    create_collection(CreateCollection("shop", Service.GENERIC), first)
    assert first.catalog.names() == ["shop"]
    assert second.catalog.names() == []
    keys = [row["Key"] for row in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert {key.split("/")[0] for key in keys} == {"one"}
