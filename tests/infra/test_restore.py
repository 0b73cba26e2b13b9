"""Going back in time, and copying, on a bucket made by the deployment's own template."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.contract.messages import AddPicture, CreateCollection, DeletePictures, Describe
from chalicelib.errors import AlreadyExists, CollectionNotFound
from chalicelib.service import Service
from chalicelib.storage.files import FileStore
from chalicelib.storage.memory import MemoryStore
from chalicelib.usecases.add import add_picture
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.maintain import collect, compact, scrub
from chalicelib.usecases.manage import create_collection, delete, describe
from tests.gateway.client import picture
from tests.infra.account import STORE, Account, account
from tests.moto_server import locked_moto
from tools import restore
from tools.copy_store import copy


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with locked_moto() as url:
        yield url


@pytest.fixture
def cloud(moto: str) -> Iterator[Account]:
    with account(moto) as made:
        made.root("s3").put_bucket_versioning(
            Bucket=STORE, VersioningConfiguration={"Status": "Enabled"}
        )
        yield made


def a_second_later() -> datetime:
    """A moment after everything so far and before everything from now on: S3 knows times to the
    second.
    """
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    time.sleep((moment - datetime.now(UTC)).total_seconds() + 1.05)
    return moment


def filled(cloud: Account) -> Deployment:
    """A collection of three, two of them in a segment."""
    with cloud.acting_as_owner() as deployment:
        create_collection(CreateCollection("shop", Service.GENERIC), deployment)
        for at in range(3):
            add_picture(AddPicture("shop", f"p{at}", "a.png", picture(at)), deployment)
            if at == 1:
                compact(deployment, "shop")
        return deployment


def go_back(cloud: Account, moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": "root",
        "AWS_SECRET_ACCESS_KEY": "root",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    restore.main([f"s3://{STORE}/collections/shop/", moment.isoformat(), "--yes"])


def test_a_collection_goes_back_to_a_moment_before_deletions_compaction_and_collection(
    cloud: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(cloud)
    moment = a_second_later()
    with cloud.acting_as_owner() as deployment:
        delete(DeletePictures("shop", "p0"), deployment)
        add_picture(AddPicture("shop", "p9", "a.png", picture(9)), deployment)
        compact(deployment, "shop", everything=True)
        collect(deployment, "shop")
        assert {
            row.key.product_id for row in deployment.catalog.open("shop").snapshot().rows()
        } == {"p1", "p2", "p9"}
    go_back(cloud, moment, monkeypatch)
    with cloud.acting_as_owner() as deployment:
        assert {
            row.key.product_id for row in deployment.catalog.open("shop").snapshot().rows()
        } == {"p0", "p1", "p2"}
        assert not scrub(deployment, "shop").problems
        add_picture(AddPicture("shop", "p3", "a.png", picture(3)), deployment)
        compact(deployment, "shop")
        assert describe(Describe("shop"), deployment).count == 4


def test_a_dropped_collection_comes_back(cloud: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(cloud)
    moment = a_second_later()
    with cloud.acting_as_owner() as deployment:
        deployment.catalog.drop("shop")
        with pytest.raises(CollectionNotFound):
            describe(Describe("shop"), deployment)
    go_back(cloud, moment, monkeypatch)
    with cloud.acting_as_owner() as deployment:
        assert describe(Describe("shop"), deployment).count == 3
        assert not scrub(deployment, "shop").problems


def test_without_yes_nothing_is_changed(
    cloud: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    moment = datetime.now(UTC) - timedelta(hours=1)
    filled(cloud)
    restore.main([f"s3://{STORE}/collections/shop/", moment.isoformat()])
    assert "Nothing was changed" in capsys.readouterr().out
    with cloud.acting_as_owner() as deployment:
        assert describe(Describe("shop"), deployment).count == 3


@pytest.mark.parametrize(
    ("place", "moment", "words"),
    [
        ("s3://store", "2026-01-10T00:00:00Z", "with a slash at its end"),
        ("store/collections/", "2026-01-10T00:00:00Z", "with a slash at its end"),
        ("s3://store/collections/shop/", "yesterday", "is no time"),
        ("s3://store/collections/shop/", "2026-01-10T00:00:00", "has no zone"),
        ("s3://store/collections/shop/", "2020-01-10T00:00:00Z", "last 7 days"),
        ("s3://store/collections/shop/", "2200-01-10T00:00:00Z", "last 7 days"),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(place: str, moment: str, words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        restore.main([place, moment])


def test_a_store_is_copied_to_a_folder_and_back_into_a_bucket(
    cloud: Account, tmp_path: Path
) -> None:
    deployment = filled(cloud)
    backup = FileStore(tmp_path / "backup")
    assert copy(deployment.store, backup, "collections/")[0] > 3
    with cloud.acting_as_owner() as other:
        other.catalog.drop("shop")
        made, same = copy(backup, other.store)
        assert (made > 3, same) == (True, 0)
        assert copy(backup, other.store) == (0, made)
        assert describe(Describe("shop"), other).count == 3


def test_a_copy_replaces_nothing() -> None:
    source, target = MemoryStore(), MemoryStore()
    source.create("a", b"1")
    target.create("a", b"2")
    with pytest.raises(AlreadyExists, match="empty store"):
        copy(source, target)
    assert target.get("a").data == b"2"
