"""Two tenants of one deployment: every action of every version belongs to one collection, and
nothing of another's is read, written, named or lent through one's own.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib.gateway.actions.declaration import CONSOLE, UPLOADS, V2018, V2019, V2020, Action
from chalicelib.gateway.actions.registry import ACTIONS
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.import_events import on_object, wording
from chalicelib.gateway.wire.incoming import Answer
from chalicelib.jobs.bindings import Binding, bind, unbind
from chalicelib.jobs.run_task import handle
from chalicelib.storage.source import LocalSources, Location, Role
from chalicelib.usecases.keys import NewKey
from tests.gateway.client import Client, acs3, b64, picture
from tests.gateway.test_post_content import build
from tests.gateway.test_uploads import upload
from tests.imports.shop import RoughQueue, add, drawn

OURS, THEIRS = "product", "generic"
SECRET = "geheim"
"""Stands in every attribute, name and path of theirs, and nowhere else."""
REFUSED = {"NoPermission", "Console.NoPermission", "Console.NoPermissionError"}

PICTURE = {"PicContent": b64(picture(1))}
PRODUCT = {"ProductId": "p", "PicName": "a.png"}
JOB = {"Id": "1"}
PARAMETERS: dict[tuple[str, str], dict[str, str]] = {
    (V2020, "AddImage"): {**PRODUCT, **PICTURE},
    (V2020, "DeleteImage"): PRODUCT,
    (V2020, "UpdateImage"): {**PRODUCT, "IntAttr": "1"},
    (V2020, "SearchImageByPic"): PICTURE,
    (V2020, "SearchImageByName"): PRODUCT,
    (V2020, "SearchImageByText"): {"Text": "shoes"},
    (V2020, "SearchImageByFilter"): {"Filter": "int_attr = 1"},
    (V2020, "CheckImageExists"): PRODUCT,
    (V2020, "CompareSimilarByImage"): {
        "PrimaryPicContent": b64(picture(1)),
        "SecondaryPicContent": b64(picture(2)),
    },
    (V2020, "Detail"): {},
    (V2020, "IncreaseInstance"): {"BucketName": "pics", "Path": "/ours"},
    (V2020, "IncreaseList"): {},
    (V2020, "DumpMeta"): {},
    (V2020, "DumpMetaList"): {},
    (V2019, "AddImage"): {**PRODUCT, **PICTURE},
    (V2019, "DeleteImage"): PRODUCT,
    (V2019, "SearchImage"): PICTURE,
    (V2018, "AddItem"): {"item_id": "p", "YQ==": b64(picture(1)), "pic_list": "YQ=="},
    (V2018, "SearchItem"): {"YQ==": b64(picture(1)), "pic_list": "YQ=="},
    (V2018, "DeleteItem"): {"item_id": "p", "pic_list": "YQ=="},
    (CONSOLE, "DescribeCollection"): {},
    (CONSOLE, "CreateCollection"): {"Type": "product"},
    (CONSOLE, "DropCollection"): {},
    (CONSOLE, "SetPictureUrl"): {"PictureUrl": "/samples/{PicName}"},
    (CONSOLE, "ImportProgress"): JOB,
    (CONSOLE, "ImportErrors"): JOB,
    (CONSOLE, "CancelImport"): {},
    (CONSOLE, "CheckHealth"): {},
    (CONSOLE, "CreateKey"): {"Collections": THEIRS},
    (CONSOLE, "RevokeKey"): {"AccessKeyId": "x"},
    (CONSOLE, "ListKeys"): {},
}
"""What is sent beside the collection."""
OWN: set[tuple[str, str]] = {(UPLOADS, "AuthorizeFileUpload"), (CONSOLE, "ListCollections")}
"""Actions that name no collection; each has a test of its own below."""


class Tenants:
    """A deployment with a key for OURS and one for THEIRS, whose records all say SECRET."""

    def __init__(self, folder: Path) -> None:
        self.client = Client.new()
        self.queue = RoughQueue(random.Random(1))
        self.buckets = folder / "buckets"
        self.told: list[bytes] = []
        self.client.deployment = replace(
            self.client.deployment,
            sources=LocalSources(self.buckets),
            queue=self.queue,
            notify=lambda _, body: self.told.append(body),
        )
        self.client.gateway = Gateway(self.client.deployment)
        self.ours = self.client.with_key(collections=frozenset({OURS}))
        self.theirs = self.client.with_key(collections=frozenset({THEIRS}))
        self.client.add(THEIRS, SECRET, "a.png", picture(1), CustomContent=SECRET, IntAttr=1)
        for name, line in (("ours", add("p", "a.jpg")), (f"{SECRET}/in", add(SECRET, "a.jpg"))):
            (self.buckets / "pics" / name).mkdir(parents=True)
            (self.buckets / "pics" / name / "a.jpg").write_bytes(drawn(1))
            (self.buckets / "pics" / name / "increment.meta").write_text(json.dumps(line))
        bind(Binding("pics", "/ours", OURS), self.deployment.store)
        role = Role("arn:aws:iam::123456789012:role/theirs", SECRET)
        bind(Binding("pics", f"/{SECRET}", THEIRS, role), self.deployment.store)

    @property
    def deployment(self) -> Any:
        return self.client.deployment

    def send(self, action: Action, collection: str, key: NewKey) -> Answer:
        params = PARAMETERS[action.version, action.name]
        now = self.client.clock.now
        if action.version == V2018:
            query = {"instanceName": collection}
            body = build(params)
            return self.client.send(
                acs3(key, "", "", now=now, path=action.path, query=query, body=body)
            )
        if any(parameter.name == "InstanceName" for parameter in action.parameters):
            params = {"InstanceName": collection, **params}
        body = urlencode(params).encode()
        return self.client.send(
            acs3(key, action.name, action.version, now=now, path=action.path, body=body)
        )

    def call(self, action: str, key: NewKey, **params: str) -> tuple[int, dict[str, Any]]:
        return self.client.call(action, params, key=key)

    def import_(self, key: NewKey, path: str, name: str = OURS, **more: str) -> tuple[int, Any]:
        return self.call(
            "IncreaseInstance", key, InstanceName=name, BucketName="pics", Path=path, **more
        )

    def work(self) -> None:
        while self.queue.waiting:
            message, _ = self.queue.take()
            given = wording(self.deployment)
            handle(message, self.deployment, given, remaining_s=lambda: 900.0)


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    return Tenants(tmp_path)


def test_every_action_is_in_the_table() -> None:
    every = {(action.version, action.name) for action in ACTIONS.everything()}
    assert every == PARAMETERS.keys() | OWN


@pytest.mark.parametrize(
    "action",
    [each for each in ACTIONS.everything() if (each.version, each.name) in PARAMETERS],
    ids=lambda each: f"{each.version} {each.name}",
)
def test_an_action_on_another_tenants_collection_is_refused(
    tenants: Tenants, action: Action
) -> None:
    answer = tenants.send(action, THEIRS, tenants.ours)
    assert answer.status == 403, answer.body
    assert json.loads(answer.body)["Code"] in REFUSED
    assert SECRET.encode() not in answer.body
    before = sorted(stat.key for stat in tenants.deployment.store.list(""))
    assert tenants.send(action, "nobodys", tenants.ours).status == 403, "not even whether it exists"
    assert sorted(stat.key for stat in tenants.deployment.store.list("")) == before
    own = tenants.send(action, OURS, tenants.ours)
    assert SECRET.encode() not in own.body
    if action.access != "owner":
        assert own.status != 403, own.body
        assert json.loads(own.body).get("Code") not in REFUSED


def test_two_names_in_one_request_are_no_way_around(tenants: Tenants) -> None:
    now = tenants.client.clock.now
    for query, form in ((OURS, THEIRS), (THEIRS, OURS)):
        answer = tenants.client.send(
            acs3(
                tenants.ours,
                "SearchImageByFilter",
                V2020,
                now=now,
                query={"InstanceName": query},
                body=urlencode({"InstanceName": form, "Filter": "int_attr = 1"}).encode(),
            )
        )
        assert SECRET.encode() not in answer.body


def test_the_console_lists_what_the_key_may_see(tenants: Tenants) -> None:
    body = urlencode({}).encode()
    now = tenants.client.clock.now
    answer = tenants.client.send(acs3(tenants.ours, "ListCollections", CONSOLE, now=now, body=body))
    assert [each["Name"] for each in json.loads(answer.body)["Collections"]] == [OURS]


def test_an_upload_belongs_to_the_key_that_sent_it(tenants: Tenants) -> None:
    url = upload(tenants.client, picture(1), key=tenants.theirs)
    status, answer = tenants.call(
        "SearchImageByPic", tenants.ours, InstanceName=OURS, PicContent=url
    )
    assert (status, answer["Code"]) == (400, "InvalidPicUrl")


def test_a_folder_of_another_collection_is_not_imported_and_its_role_not_lent(
    tenants: Tenants, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Location] = []
    real = LocalSources.open

    def watched(sources: LocalSources, location: Location) -> Any:
        opened.append(location)
        return real(sources, location)

    monkeypatch.setattr(LocalSources, "open", watched)
    for path in (f"/{SECRET}", f"/{SECRET}/in", f"/{SECRET}/in/deeper"):
        status, answer = tenants.import_(tenants.ours, path)
        assert (status, answer["Code"]) == (403, "Console.NoPermission")
        assert THEIRS not in answer["Message"]
        assert tenants.import_(tenants.client.key, path)[0] == 403, "nor by the owner's own key"
    assert opened == []
    assert tenants.import_(tenants.theirs, f"/{SECRET}/in", THEIRS)[0] == 200
    assert opened[-1].role is not None


def test_a_folder_that_nobody_bound_is_the_owners_alone(tenants: Tenants) -> None:
    for name in ("free", "pics/free"):
        (tenants.buckets / name).mkdir(parents=True)
        (tenants.buckets / name / "increment.meta").write_text(json.dumps(add("p", "a.jpg")))
    status, answer = tenants.import_(tenants.ours, "/free")
    assert (status, answer["Code"]) == (403, "Console.NoPermission")
    assert "lookalike bind s3://pics/free" in answer["Message"]
    assert tenants.import_(tenants.ours, "/oursbutlonger")[0] == 403
    assert tenants.import_(tenants.client.key, "/free")[0] == 200


def test_pictures_of_a_folder_below_that_is_another_collections_are_not_there(
    tenants: Tenants,
) -> None:
    inner = tenants.buckets / "pics" / "ours" / "inner"
    for folder in (inner, inner / "back"):
        folder.mkdir()
        (folder / "b.jpg").write_bytes(drawn(2))
    bind(Binding("pics", "/ours/inner", THEIRS), tenants.deployment.store)
    bind(Binding("pics", "/ours/inner/back", OURS), tenants.deployment.store)
    names = ("a.jpg", "inner/b.jpg", "inner/back/b.jpg")
    lines = "\n".join(json.dumps(add(name, name)) for name in names)
    (tenants.buckets / "pics" / "ours" / "increment.meta").write_text(lines)
    status, answer = tenants.import_(tenants.ours, "/ours", CallbackAddress="https://ours.example/")
    assert status == 200, answer
    tenants.work()
    snapshot = tenants.deployment.catalog.open(OURS).snapshot()
    assert sorted(row.key.pic_name for row in snapshot.rows()) == ["a.jpg", "inner/back/b.jpg"]
    (told,) = tenants.told
    assert json.loads(told)["Path"] == "/ours"


def test_a_folder_that_becomes_anothers_while_it_is_imported_is_left(tenants: Tenants) -> None:
    assert tenants.import_(tenants.ours, "/ours")[0] == 200
    unbind("pics", "/ours", tenants.deployment.store)
    bind(Binding("pics", "/ours", THEIRS), tenants.deployment.store)
    tenants.work()
    _, answer = tenants.call("IncreaseList", tenants.ours, InstanceName=OURS)
    (job,) = answer["Data"]["Increments"]["Instance"]
    assert (job["Status"], job["Code"]) == ("FAIL", "NoPermission")
    assert len(tenants.deployment.catalog.open(OURS).snapshot()) == 0


def test_jobs_links_and_errors_are_found_under_their_collection_only(tenants: Tenants) -> None:
    assert tenants.call("DumpMeta", tenants.theirs, InstanceName=THEIRS)[0] == 200
    assert tenants.import_(tenants.theirs, f"/{SECRET}/in", THEIRS)[0] == 200
    tenants.work()
    _, listed = tenants.call("DumpMetaList", tenants.theirs, InstanceName=THEIRS)
    (job,) = listed["Data"]["DumpMetaList"]
    assert SECRET not in str(job["Id"])
    for action in ("DumpMetaList", "IncreaseList"):
        for more in ({}, {"Id": str(job["Id"])}):
            _, answer = tenants.call(action, tenants.ours, InstanceName=OURS, **more)
            assert answer["Data"]["TotalCount"] == 0
    now = tenants.client.clock.now
    for action in ("ImportProgress", "ImportErrors"):
        body = urlencode({"InstanceName": OURS, "Id": str(job["Id"])}).encode()
        found = tenants.client.send(acs3(tenants.ours, action, CONSOLE, now=now, body=body))
        assert (found.status, json.loads(found.body)["Code"]) == (404, "NotFound")


def test_an_import_is_cancelled_by_those_who_may_write_there(tenants: Tenants) -> None:
    assert tenants.import_(tenants.ours, "/ours")[0] == 200
    action = ACTIONS.of(CONSOLE)["CancelImport"]
    assert tenants.send(action, OURS, tenants.theirs).status == 403
    tenants.client.later(1)
    assert tenants.import_(tenants.ours, "/ours")[0] == 409
    cancelled = json.loads(tenants.send(action, OURS, tenants.ours).body)
    _, answer = tenants.call("IncreaseList", tenants.ours, InstanceName=OURS)
    (job,) = answer["Data"]["Increments"]["Instance"]
    assert (job["Id"], job["Status"]) == (cancelled["Id"], "FAIL")
    assert "cancelled" in job["Msg"]
    assert tenants.send(action, OURS, tenants.ours).status == 409
    assert tenants.import_(tenants.ours, "/ours")[0] == 200
    tenants.work()
    assert len(tenants.deployment.catalog.open(OURS).snapshot()) == 1


def test_an_event_imports_into_the_collection_of_its_folder_only(tenants: Tenants) -> None:
    detail = {"bucket": {"name": "pics"}, "object": {"key": f"{SECRET}/in/increment.meta"}}
    on_object({"id": "1", "detail": detail}, tenants.deployment)
    tenants.work()
    assert len(tenants.deployment.catalog.open(OURS).snapshot()) == 0
    snapshot = tenants.deployment.catalog.open(THEIRS).snapshot()
    assert {row.key.pic_name for row in snapshot.rows()} == {"a.jpg", "a.png"}


def test_what_the_console_says_of_health_is_of_the_keys_own_collection(tenants: Tenants) -> None:
    action = ACTIONS.of(CONSOLE)["CheckHealth"]
    own = json.loads(tenants.send(action, OURS, tenants.ours).body)["Checks"]
    assert [check["Name"] for check in own] == [f"collection {OURS}"]
    every = json.loads(tenants.send(action, OURS, tenants.client.key).body)["Checks"]
    assert {"store", "keys"} <= {check["Name"] for check in every}
