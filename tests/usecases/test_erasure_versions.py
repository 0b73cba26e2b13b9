"""On a versioned bucket a deletion is permanent when its rules have let the versions go: all bytes
of all versions are searched, of jobs too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.config import Settings
from chalicelib.storage.s3 import S3Store, connect
from chalicelib.storage.versions import version_days
from tests.imports.aws import aws
from tests.index.simulated import Clock
from tests.infra.built import template
from tests.moto_server import locked_moto
from tests.usecases.dying import WAYS, by_product
from tests.usecases.erasing import DAY, Shop, holds, open_shop

Version = tuple[str, str]
"""Key and version id."""


class Bucket:
    """A versioned bucket, in which time passes by the template's rules."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.rules = [in_api_form(rule) for rule in rules()]
        client.create_bucket(Bucket="store")
        client.put_bucket_versioning(Bucket="store", VersioningConfiguration={"Status": "Enabled"})
        client.put_bucket_lifecycle_configuration(
            Bucket="store", LifecycleConfiguration={"Rules": self.rules}
        )
        self._old_since: dict[Version, float] = {}

    def pass_a_day(self, now: float) -> None:
        """What S3 does once a day: whole days count from when a version was no more the newest."""
        listed = list(self._listed("Versions"))
        for one in listed:
            if not one["IsLatest"]:
                self._old_since.setdefault((one["Key"], one["VersionId"]), now)
        for key, version in [(one["Key"], one["VersionId"]) for one in listed]:
            since = self._old_since.get((key, version))
            if since is not None and now - since >= self._patience(key) * DAY:
                self.client.delete_object(Bucket="store", Key=key, VersionId=version)
        self._drop_markers()

    def _drop_markers(self) -> None:
        """Of keys that have no version any more."""
        left = {one["Key"] for one in self._listed("Versions")}
        for one in list(self._listed("DeleteMarkers")):
            if one["IsLatest"] and one["Key"] not in left:
                where = {"Key": one["Key"], "VersionId": one["VersionId"]}
                self.client.delete_object(Bucket="store", **where)

    def everything(self) -> dict[Version, bytes]:
        """All versions, and markers, which hold nothing but their key."""
        found = {(one["Key"], one["VersionId"]): b"" for one in self._listed("DeleteMarkers")}
        for one in self._listed("Versions"):
            key, version = one["Key"], one["VersionId"]
            got = self.client.get_object(Bucket="store", Key=key, VersionId=version)
            found[key, version] = got["Body"].read()
        return found

    def _patience(self, key: str) -> int:
        """Days that an old version of `key` stays."""
        return min(
            int(rule["NoncurrentVersionExpiration"]["NoncurrentDays"])
            for rule in self.rules
            if "NoncurrentVersionExpiration" in rule and key.startswith(rule["Filter"]["Prefix"])
        )

    def _listed(self, kind: str) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket="store"):
            yield from page.get(kind, [])


def rules() -> list[dict[str, Any]]:
    store = template()["Resources"]["Store"]["Properties"]
    found: list[dict[str, Any]] = store["LifecycleConfiguration"]["Rules"]
    return found


def in_api_form(rule: dict[str, Any]) -> dict[str, Any]:
    """A rule of a template as the API of S3 spells it."""
    made = {**rule, "ID": rule["Id"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    expiration = {
        "Days": made.pop("ExpirationInDays", None),
        "ExpiredObjectDeleteMarker": made.pop("ExpiredObjectDeleteMarker", None),
    }
    expiration = {name: value for name, value in expiration.items() if value is not None}
    for name in ("Id", "Prefix"):
        made.pop(name, None)
    return made | ({"Expiration": expiration} if expiration else {})


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with locked_moto() as url, aws(url):  # an empty one: moto's servers share what they hold
        yield Bucket(connect("us-east-1"))


SLOW_BUT_ONE = [
    pytest.param(die, marks=() if die is by_product else pytest.mark.slow) for die in WAYS
]


@pytest.mark.parametrize("die", SLOW_BUT_ONE)
def test_when_the_versions_have_expired_nothing_is_left(
    bucket: Bucket, tmp_path_factory: pytest.TempPathFactory, die: Callable[[Shop], None]
) -> None:
    store = S3Store(bucket.client, "store")
    clock = Clock(now=time.time())
    shop = open_shop(tmp_path_factory.mktemp("shop"), store, clock, Settings())
    days = version_days(store)
    assert days == 7, "what a certificate says, read from the template's own rules"
    die(shop)

    def held() -> list[str]:
        everything = bucket.everything().items()
        return sorted(key for (key, _), data in everything if holds(shop.pieces, key, data))

    for day in range(7):
        shop.pass_days(1)
        bucket.pass_a_day(clock.now)
        if day == 5:
            assert held(), "versions are kept"
    assert shop.traces() == []
    for _ in range(days + 1):  # S3 counts whole days from the next midnight
        clock.now += DAY
        bucket.pass_a_day(clock.now)
    assert held() == []
