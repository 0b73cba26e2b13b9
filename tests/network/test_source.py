"""A bucket to import from, over a bad network: the right bytes or an error that says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.errors import PictureNotFound, SourceError, SourceFault, StoreUnavailable
from chalicelib.storage.clients import client
from chalicelib.storage.source import Location, Source
from chalicelib.storage.sources import AwsSources
from tests.network.faults import Plan
from tests.network.proxy import Network
from tests.network.test_examination import network

REGION = "us-east-1"
SPOILT = frozenset({"empty", "emptied", "cut", "cut xml", "lost", "reset", "internal", "gateway"})
PICTURES = 40


@contextmanager
def opened(
    plan: Plan, bucket: str, objects: Mapping[str, bytes]
) -> Iterator[tuple[Source, Network]]:
    """The folder `shop` of a bucket with these objects, behind what `plan` does."""
    rate, plan.rate = plan.rate, 0.0
    with network(plan) as found:
        s3: Any = client("s3", REGION)
        s3.create_bucket(Bucket=bucket)
        for name, data in objects.items():
            s3.put_object(Bucket=bucket, Key=f"shop/{name}", Body=data)
        s3.close()
        plan.rate = rate
        sources = AwsSources(REGION, sleep=lambda _: None)
        yield sources.open(Location("bucket", bucket, "/shop")), found
        sources.close()


def test_no_picture_is_read_as_nothing_or_half() -> None:
    plan = Plan(seed=5, rate=0.4, kinds=SPOILT)
    pictures = {f"{number}.jpg": b"%d" % number * 50 for number in range(PICTURES)}
    with opened(plan, "one", {**pictures, "nothing.jpg": b""}) as (source, found):
        given_up = 0
        for name, expected in pictures.items():
            try:
                data = source.picture(name, limit=1000)
            except StoreUnavailable:
                given_up += 1
            else:
                assert data == expected
        assert found.faults["emptied"] >= 1
        assert found.faults["empty"] >= 1
        assert given_up < PICTURES / 4
        plan.heal()
        assert source.picture("nothing.jpg", limit=1000) == b""
        with pytest.raises(PictureNotFound):
            source.picture("none.jpg", limit=1000)


def test_no_list_of_pictures_is_read_as_nothing_or_half() -> None:
    plan = Plan(seed=6, rate=0.6, kinds=SPOILT)
    with opened(plan, "two", {"increment.meta": b"lines"}) as (source, found):
        read = 0
        for _ in range(30):
            try:
                data = b"".join(source.meta().chunks)
            except StoreUnavailable:
                continue
            assert data == b"lines"
            read += 1
        assert read >= 3
        assert found.faults.total() >= 5


def test_a_folder_is_not_called_missing_because_a_listing_is_empty() -> None:
    plan = Plan(seed=7, rate=0.9, kinds=SPOILT, verbs=frozenset({"LIST"}))
    with opened(plan, "three", {"1.jpg": b"1"}) as (source, found):
        for _ in range(12):
            with pytest.raises((SourceError, StoreUnavailable)) as caught:
                source.check()
            if isinstance(caught.value, SourceError):
                assert caught.value.fault is SourceFault.NO_META
        assert found.faults["empty"] + found.faults["emptied"] >= 1
