"""`lookalike erase`: at once, with a certificate of what was done and what is left."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import cli.erase
from chalicelib.config import Settings
from chalicelib.contract.messages import DeletePictures, UpdatePictures
from chalicelib.contract.values import AttributeValues
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.records import Key, Put
from chalicelib.index.read.query import Query
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.s3 import S3Store
from chalicelib.storage.versions import version_days
from chalicelib.usecases import fan_out, maintain
from chalicelib.usecases.erase import Certificate, erase
from chalicelib.usecases.manage import delete, update
from cli.main import execute
from tests.index.simulated import Clock
from tests.usecases.erasing import CONTENT, DAY, OTHERS, SECRET, Shop, open_shop

PRODUCT = DeletePictures("shop", SECRET.product_id)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    clock = Clock(now=time.time())
    return open_shop(tmp_path, MemoryStore(clock=clock), clock, Settings())


def only_note(keys: list[str]) -> bool:
    return all("/marks/" in key for key in keys)


def test_nothing_but_the_note_is_left_at_once_and_it_goes_when_the_certificate_says(
    shop: Shop,
) -> None:
    update(
        UpdatePictures("shop", *SECRET, AttributeValues(custom_content="another")),
        shop.shop.deployment,
    )
    done = erase(PRODUCT, shop.shop.deployment)
    assert (done.records, done.segments, done.rows, done.left) == (1, 1, OTHERS, ())
    assert shop.traces() != [], "the note"
    assert only_note(shop.traces())
    feature_and_content = tuple(
        piece for piece in shop.pieces if piece.decode("latin") not in SECRET
    )
    assert CONTENT.encode() in feature_and_content
    shop.pieces, everything = feature_and_content, shop.pieces
    assert shop.traces() == []
    shop.pieces = everything
    assert len(shop.collection.snapshot()) == OTHERS
    assert maintain.scrub(shop.shop.deployment, "shop").problems == ()
    shop.pass_days((done.ids_until - shop.clock.now) / DAY)
    assert shop.traces() == []


def test_what_died_before_is_erased_too_and_twice_is_once(shop: Shop) -> None:
    delete(PRODUCT, shop.shop.deployment)
    maintain.compact(shop.shop.deployment, "shop")
    done = erase(PRODUCT, shop.shop.deployment)
    assert (done.records, done.segments, done.left) == (0, 1, ())
    assert only_note(shop.traces())
    again = erase(PRODUCT, shop.shop.deployment)
    assert (again.records, again.segments, again.objects) == (0, 0, 0)


def test_one_picture_leaves_the_others_of_the_product(shop: Shop) -> None:
    known = shop.collection.snapshot().find(Key("1", "1.jpg"))
    assert known is not None
    other = replace(known, key=Key(SECRET.product_id, "other.jpg"))
    shop.collection.append([Put(other)])
    maintain.compact(shop.shop.deployment, "shop")
    done = erase(DeletePictures("shop", *SECRET), shop.shop.deployment)
    assert (done.records, done.left) == (1, ())
    assert [row.key for row in shop.collection.snapshot().of_product(SECRET.product_id)] == [
        other.key
    ]


def test_a_search_under_way_begins_anew(shop: Shop) -> None:
    known = shop.collection.snapshot().find(Key("1", "1.jpg"))
    assert known is not None
    mine = shop.shop.deployment
    other = replace(mine, catalog=Catalog(mine.store, clock=shop.clock, new_id=mine.new_id))
    collection = other.catalog.open("shop")
    snapshot = collection.snapshot()
    erase(PRODUCT, mine)
    hits = fan_out.search(collection, snapshot, Query(known.vector, 3), other)
    assert hits.hits[0].row.key == known.key
    assert hits.found == OTHERS


def test_what_may_be_elsewhere_is_named(shop: Shop) -> None:
    fresh = shop.shop.deployment.catalog.begin_generation(
        "shop", fingerprint="tiny-1", dimension=64, bits=64
    )
    assert erase(PRODUCT, shop.shop.deployment).left == (fresh.generation.folder,)


def test_the_command_prints_a_certificate(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli.erase, "open_deployment", lambda: shop.shop.deployment)
    arguments = ["erase", "-c", "shop", "--product", SECRET.product_id]
    assert execute(arguments) == 0
    told = capsys.readouterr().out
    assert "1 records were deleted, 1 segments with 40 other rows rewritten" in told
    assert "The store keeps no versions." in told
    assert execute([*arguments, "--json"]) == 0
    certificate = Certificate(**json.loads(capsys.readouterr().out))
    assert (certificate.records, certificate.version_days) == (0, 0)


class Bucket:
    """A client's answers about versions."""

    def __init__(self, status: str | None, rules: list[dict[str, Any]] | None) -> None:
        self._status = status
        self._rules = rules

    def get_bucket_versioning(self, **_: str) -> dict[str, Any]:
        return {} if self._status is None else {"Status": self._status}

    def get_bucket_lifecycle_configuration(self, **_: str) -> dict[str, Any]:
        if self._rules is None:
            from botocore.exceptions import ClientError

            raise ClientError({"Error": {"Code": "NoSuchLifecycleConfiguration"}}, "Get")
        return {"Rules": self._rules}


def rule(days: int, **more: Any) -> dict[str, Any]:
    return {"Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": days}, **more}


@pytest.mark.parametrize(
    ("status", "rules", "days"),
    [
        (None, [rule(7)], 0),
        ("Enabled", [rule(7)], 7),
        ("Suspended", [rule(7), rule(3, Filter={"Prefix": "data/collections/"})], 3),
        ("Enabled", [rule(7, Prefix="nonces/"), rule(9, Status="Disabled")], None),
        ("Enabled", [rule(7, Filter={"Tag": {"Key": "a", "Value": "b"}})], None),
        ("Enabled", None, None),
    ],
)
def test_how_long_versions_live(
    status: str | None,
    rules: list[dict[str, Any]] | None,
    days: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = (Bucket(status, rules), "store", "data/")
    monkeypatch.setattr(S3Store, "place", property(lambda _: place))
    assert version_days(S3Store.__new__(S3Store)) == days
    assert version_days(MemoryStore()) == 0
