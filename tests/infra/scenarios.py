"""All the work that each function of a deployment does, done with its role."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.contract.filters import parse
from chalicelib.contract.messages import (
    AddPicture,
    ComparePictures,
    CreateCollection,
    DeleteByFilter,
    DeletePictures,
    Describe,
    LookUp,
    SearchByFilter,
    SearchByName,
    SearchByPicture,
    StartExport,
    StartImport,
    UpdatePictures,
)
from chalicelib.contract.values import AttributeValues, Narrow, Uploaded
from chalicelib.errors import JobRunning, StoreUnavailable
from chalicelib.gateway import events, import_events
from chalicelib.index.catalog import Catalog
from chalicelib.index.format.records import Key, Put, quantise
from chalicelib.index.read.fan_out import split
from chalicelib.index.read.query import Query
from chalicelib.jobs.bindings import Binding, bind
from chalicelib.jobs.exports import start_export
from chalicelib.jobs.imports import start_import
from chalicelib.jobs.rebuild import start_rebuild
from chalicelib.service import Service
from chalicelib.storage.source import Location, Role
from chalicelib.usecases import fan_out
from chalicelib.usecases.add import add_picture, record_of
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import create_key, list_keys
from chalicelib.usecases.maintain import compact
from chalicelib.usecases.manage import (
    create_collection,
    delete,
    delete_by_filter,
    describe,
    look_up,
    update,
)
from chalicelib.usecases.nonces import spend
from chalicelib.usecases.picture_urls import set_picture_url
from chalicelib.usecases.search import compare, search_by_filter, search_by_name, search_by_picture
from chalicelib.usecases.uploads import authorize_upload, store_upload
from chalicelib.vision.analysis import Request as Look
from tests.gateway.client import picture
from tests.imports.aws import policy
from tests.infra.account import (
    FOREIGN,
    PICTURES,
    Account,
)


def prepare(cloud: Account) -> None:
    """A collection, a key, two bound folders, one of them lent by a role of another account."""
    s3, iam = cloud.root("s3"), cloud.root("iam")
    lines = [
        json.dumps({"OperationType": "ADD", "ProductId": f"p{at}", "PicName": f"{at}.png"})
        for at in range(3)
    ]
    for bucket, folder in ((PICTURES, "spring"), (PICTURES, "lent"), (FOREIGN, "spring")):
        for at in range(3):
            s3.put_object(Bucket=bucket, Key=f"{folder}/{at}.png", Body=picture(at))
        s3.put_object(Bucket=bucket, Key=f"{folder}/increment.meta", Body="\n".join(lines).encode())
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="lends-pictures",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    iam.put_role_policy(
        RoleName="lends-pictures",
        PolicyName="all",
        PolicyDocument=policy("s3:GetObject", "s3:ListBucket", "s3:HeadBucket"),
    )
    with cloud.acting_as_owner() as deployment:
        create_collection(CreateCollection("shop", Service.GENERIC), deployment)
        create_key(deployment)
        bind(Binding(PICTURES, "/spring", "shop"), deployment.store)
        bind(
            Binding(PICTURES, "/lent", "shop", Role(cloud.values["ImportRoles"][0], "external")),
            deployment.store,
        )


def later(deployment: Deployment, days: float) -> Deployment:
    """The same deployment, some days on."""

    def clock() -> float:
        return time.time() + days * 86_400

    return replace(
        deployment,
        clock=clock,
        catalog=Catalog(deployment.store, clock=clock, new_id=deployment.new_id),
    )


def api(cloud: Account) -> None:
    """Every action that clients and the console have."""
    with cloud.acting_as("api") as deployment:
        create_collection(CreateCollection("second", Service.PRODUCT), deployment)
        for at in range(3):
            add_picture(AddPicture("shop", "p", f"{at}.png", picture(at)), deployment)
        assert search_by_picture(
            SearchByPicture("shop", picture(1), narrow=Narrow(parse("int_attr != 3"))), deployment
        ).matches
        assert search_by_name(SearchByName("shop", "p", "1.png"), deployment).matches
        assert search_by_filter(SearchByFilter("shop", parse('str_attr != "x"')), deployment)
        assert compare(ComparePictures("shop", picture(1), picture(1)), deployment) == 1
        update(UpdatePictures("shop", "p", "1.png", AttributeValues(int_attr=3)), deployment)
        assert look_up(LookUp("shop", "p", "1.png"), deployment)
        delete(DeletePictures("shop", "p", "2.png"), deployment)
        delete_by_filter(DeleteByFilter("shop", parse("int_attr = 3")), deployment)
        assert describe(Describe("shop"), deployment).count == 1
        upload_and_add(deployment)
        set_picture_url("shop", "https://cdn.example/{PicName}", deployment)
        set_picture_url("shop", "https://cdn.example/{ProductId}", deployment)
        for folder in ("/spring", "/lent"):
            with pytest.raises(JobRunning) if folder == "/lent" else nullcontext():
                start_import(StartImport("shop", PICTURES, folder), deployment)
        start_export(StartExport("shop"), deployment)
        assert deployment.fan_out.ask is not None
        with pytest.raises(
            StoreUnavailable
        ):  # moto runs no function without Docker; that the call is allowed has been recorded
            deployment.fan_out.ask(b"{}")


def upload_and_add(deployment: Deployment) -> None:
    (key,) = list_keys(deployment)
    spend(key.key_id, "nonce", moment=deployment.clock(), deployment=deployment)
    grant = authorize_upload(key, deployment)
    store_upload(grant, picture(9), key=key, deployment=deployment)
    owner, object_id = grant.object_key.split("/")[-2:]
    add_picture(AddPicture("shop", "up", "9.png", Uploaded(owner, object_id)), deployment)


def search(cloud: Account) -> None:
    """One part of a fanned-out search."""
    fill(cloud)
    with cloud.acting_as_owner() as deployment:
        collection = deployment.catalog.open("shop")
        analysis = deployment.analyzer().analyze(picture(1), Look(Service.GENERIC))
        (part,) = split(collection.snapshot(), 1)
        question = fan_out.encode_question(
            "shop", part, Query(quantise(analysis.feature, analysis.code), 10)
        )
    with cloud.acting_as("search") as deployment:
        assert events.search_part(json.loads(question), deployment)["hits"]


def fill(cloud: Account) -> None:
    """Two segments and a log object."""
    with cloud.acting_as_owner() as deployment:
        for at in range(3):
            add_picture(AddPicture("shop", f"q{at}", "a.png", picture(20 + at)), deployment)
            if at < 2:
                compact(deployment, "shop")


def compacting(cloud: Account) -> None:
    """Additions, deletions and changes of what older segments hold; then merging."""
    fill(cloud)
    with cloud.acting_as_owner() as deployment:
        delete(DeletePictures("shop", "q0"), deployment)
        update(UpdatePictures("shop", "q1", None, AttributeValues(int_attr=4)), deployment)
    with cloud.acting_as("compact") as deployment:
        events.compact(
            later(deployment, 1), SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
        )
        assert deployment.catalog.open("shop").snapshot().stats.log_objects == 0


def collecting(cloud: Account) -> None:
    """One of everything that is garbage: a used token, a generation never finished, what a killed
    compactor left.
    """
    with cloud.acting_as_owner() as deployment:
        collection, models = deployment.catalog.open("shop"), deployment.analyzer()
        analysis = models.analyze(picture(3), Look(Service.GENERIC))
        record = record_of(
            Key("t", "t"),
            analysis,
            service=Service.GENERIC,
            category_id=None,
            attributes=AttributeValues(),
        )
        collection.append([Put(record)], token="once")
        fresh = deployment.catalog.begin_generation(
            "shop", fingerprint=models.fingerprint, dimension=models.dimension, bits=models.bits
        )
        fresh.append([Put(record)])
        for folder in ("segments", "revisions", "marks"):
            deployment.store.create(f"{collection.generation.folder}{folder}/left-behind", b"x")
    with cloud.acting_as("collect") as deployment:
        events.collect(later(deployment, 8))
        events.collect(later(deployment, 16))
        left = [stat.key for stat in deployment.store.list("collections/shop/")]
    assert not [key for key in left if "left-behind" in key or "/tokens/" in key]
    assert len([key for key in left if key.endswith("manifest.json")]) == 1


def event(folder: str) -> dict[str, Any]:
    detail = {
        "bucket": {"name": PICTURES},
        "object": {"key": f"{folder}/increment.meta", "etag": folder, "sequencer": "1"},
    }
    return {"id": folder, "region": "eu-central-1", "detail": detail}


def import_event(cloud: Account) -> None:
    """A new increment.meta, twice, and one in a folder that a role lends."""
    with cloud.acting_as("import-event") as deployment:
        import_events.on_object(event("spring"), deployment)
        import_events.on_object(event("spring"), deployment)
        import_events.on_object(event("lent"), deployment)


def recover_imports(cloud: Account) -> None:
    """An import whose messages were lost, and a rebuild whose coordinator died right before its
    end.
    """
    with cloud.acting_as_owner() as deployment:
        add_picture(AddPicture("shop", "old", "old.png", picture(7)), deployment)
        start_rebuild("shop", Location("bucket", PICTURES, "/spring"), deployment)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chalicelib.jobs.run_task.finish", lambda *_: None)
        work_off(cloud)
    with cloud.acting_as("recover-imports") as deployment:
        import_events.on_schedule(later(deployment, 1))
        assert describe(Describe("shop"), deployment).count == 3
    with cloud.acting_as_owner() as deployment:
        start_import(StartImport("shop", PICTURES, "/spring"), deployment)
    cloud.root("sqs").purge_queue(QueueUrl=cloud.values["ImportQueue"])
    with cloud.acting_as("recover-imports") as deployment:
        import_events.on_schedule(later(deployment, 1))


def import_slice(cloud: Account) -> None:
    """An import from the deployment's own account and one through a role, an export, a rebuild."""
    with cloud.acting_as_owner() as deployment:
        start_import(StartImport("shop", PICTURES, "/spring"), deployment)
        start_export(StartExport("shop"), deployment)
    work_off(cloud)
    with cloud.acting_as_owner() as deployment:
        assert describe(Describe("shop"), deployment).count == 3
        start_import(StartImport("shop", PICTURES, "/lent"), deployment)
    work_off(cloud)
    with cloud.acting_as_owner() as deployment:
        start_rebuild("shop", Location("bucket", PICTURES, "/spring"), deployment)
    work_off(cloud)
    with cloud.acting_as_owner() as deployment:
        assert describe(Describe("shop"), deployment).count == 3


def work_off(cloud: Account) -> None:
    """Plays SQS and Lambda until the queue is empty; the function itself acts with its role."""
    sqs, url = cloud.root("sqs"), cloud.values["ImportQueue"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        with cloud.acting_as("import-slice") as deployment:
            for message in messages:
                record = {
                    "messageId": "1",
                    "body": message["Body"],
                    "attributes": {"ApproximateReceiveCount": "1"},
                }
                import_events.on_messages(
                    {"Records": [record]},
                    SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000),
                    deployment,
                )


SCENARIOS: dict[str, Callable[[Account], None]] = {
    "api": api,
    "search": search,
    "compact": compacting,
    "collect": collecting,
    "import-event": import_event,
    "recover-imports": recover_imports,
    "import-slice": import_slice,
}
