"""No answer is larger than what Lambda takes, 6,291,556 bytes, in which it stands as JSON inside of
JSON.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.attributes import Attributes
from chalicelib.contract.values import MAX_COUNT, MAX_CUSTOM_CONTENT, MAX_ID, MAX_PAGE, MAX_STR_ATTR
from chalicelib.errors import InvalidField
from chalicelib.gateway.actions import exports, imports, pictures, searches
from chalicelib.gateway.actions.declaration import Action, Call
from chalicelib.gateway.actions.parameters import INSTANCE
from chalicelib.gateway.actions.registry import Registry
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.wire import schema
from chalicelib.index.format.records import Key
from chalicelib.index.read.query import Row
from chalicelib.jobs.listing import JobPage, ListedJob
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.usecases.search import Match, SearchResults
from tests.gateway.client import Client, picture

LAMBDA = 6_291_556
WORST = ["a", '"', "名", "🎁", "\x01"]
"""Characters by what they become in JSON."""


def sent(members: object) -> int:
    """Bytes of an answer inside of Lambda's."""
    return len(json.dumps({"body": json.dumps(members, ensure_ascii=False)}))


def row(character: str) -> Row:
    plain = "a" if character == "\x01" else character
    attributes = Attributes(
        custom_content=character * MAX_CUSTOM_CONTENT,
        int_attr=-(2**31),
        str_attr=plain * MAX_STR_ATTR,
        str_attr2=plain * MAX_STR_ATTR,
        str_attr3=plain * MAX_STR_ATTR,
        str_attr4=plain * MAX_STR_ATTR,
    )
    return Row(Key(plain * MAX_ID, plain * MAX_ID), 88888888, Region(0, 4096, 0, 4096), attributes)


@pytest.mark.parametrize("character", WORST[:3])
def test_a_full_page_of_full_records_fits(character: str) -> None:
    rows = [row(character)] * MAX_COUNT
    assert sent(searches.BY_FILTER.answer(rows)) < LAMBDA
    region = Region(0, 4096, 0, 4096)
    matches = tuple(Match(each, 0.123456, "5.79841756820679;512") for each in rows)
    results = SearchResults(
        matches, 10**9, Service.PRODUCT, 0, region, (region,) * 100, milliseconds=10**5
    )
    assert sent(searches.BY_PICTURE.answer(results)) < LAMBDA


@pytest.mark.parametrize("character", ["a", '"'])
def test_a_full_page_of_jobs_fits(character: str) -> None:
    url = "https://bucket.s3.eu-central-1.amazonaws.com/" + "q" * 1500
    job = ListedJob(
        id=10**15,
        status="SUCCESS",
        code="InstanceNotFound",
        message="m" * 300,
        created=2.0**33,
        modified=2.0**33,
        bucket="b" * 63,
        path="/" + character * 1023,
        callback="https://a/" + "c" * 1990,
        error_url=url,
        meta_url=url,
        added=10**9,
        deleted=0,
        failed=10**9,
    )
    page = JobPage((job,) * MAX_PAGE, 1, MAX_PAGE, 10**6)
    assert sent(imports.LIST.answer((page, "https://search.example"))) < LAMBDA
    assert sent(exports.LIST.answer((page, "https://search.example"))) < LAMBDA


@pytest.mark.parametrize("address", ["http://a/名", 'http://a/"', "http://a/\\", "http://a/ b"])
def test_a_callback_that_no_url_is_is_refused(address: str) -> None:
    from chalicelib.contract.messages import StartImport

    StartImport("c", "bucket", "/a", "https://user:p@host:8443/cb?a=1&b=[2]#z~'()")
    with pytest.raises(InvalidField, match="callback must be"):
        StartImport("c", "bucket", "/a", address)


@pytest.mark.parametrize("character", WORST[:4])
def test_deletions_are_told_as_far_as_they_fit(character: str) -> None:
    few = [Key("p", character * 40)] * 100
    assert pictures.DELETE.answer(few)["Data"] == {"PicNames": [key.pic_name for key in few]}
    many = [Key("p", f"{number}{character * 100}") for number in range(60_000)]
    answer: dict[str, Any] = pictures.DELETE.answer(many)
    assert sent(answer) < LAMBDA
    names = answer["Data"]["PicNames"]
    assert names == [key.pic_name for key in many[: len(names)]]
    assert len(names) > 2000
    assert answer["Data"]["NamesLeftOut"] == 60_000 - len(names)


def test_a_deletion_by_filter_says_how_many_names_it_leaves_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.gateway.wire.members.ROOM", 30)
    for number in range(5):
        client.add("product", "p", f"picture-{number}", picture(number), IntAttr=1)
    wanted = {"InstanceName": "product", "IsDeleteByFilter": "true", "Filter": "int_attr=1"}
    answer = client.ok("DeleteImage", wanted)
    assert answer["Data"] == {"PicNames": ["picture-0", "picture-1"], "NamesLeftOut": 3}
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 0


def test_an_answer_that_could_not_be_sent_is_refused_with_what_to_do(client: Client) -> None:
    def much(fields: object, call: Call) -> str:  # as an action is called
        return "🎁" * 600_000

    action = Action(
        "Much",
        "Say too much.",
        access="read",
        parameters=(INSTANCE,),
        read=lambda fields: fields,
        run=much,
        answer=lambda text: {"Text": text},
        schema=schema.answer(None, {}),
    )
    loud = replace(client, gateway=Gateway(client.deployment, Registry([action])))
    status, members = loud.call("Much", {"InstanceName": "product"})
    assert (status, members["Code"]) == (400, "BadRequest")
    assert "PageSize" in members["Message"]
