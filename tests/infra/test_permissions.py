"""Each function can do all of its work with its role, and nothing more."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.contract.messages import (
    CreateCollection,
    StartImport,
)
from chalicelib.errors import SourceError, StorageError, StoreUnavailable
from chalicelib.jobs.imports import start_import
from chalicelib.service import Service
from chalicelib.storage.object_store import ObjectStore
from chalicelib.usecases.keys import create_key, revoke_key
from chalicelib.usecases.manage import (
    create_collection,
)
from tests.infra.account import (
    FOREIGN,
    PICTURES,
    ROLES,
    STORE,
    TRANSIT,
    Request,
    account,
    refused_by_the_bucket,
    statements,
)
from tests.infra.scenarios import SCENARIOS, prepare
from tests.moto_server import locked_moto

BY_LAMBDA_ITSELF = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
}
"""Used by the platform on the function's behalf, as AWS documents for logs and event sources; moto
has no platform to try them.
"""
DEAD_LETTERS = "KeepFailedEvents"
"""Likewise: Lambda itself sends an event that failed three times."""
LISTING = "ListObjects"
"""Without s3:ListBucket S3 answers 403, not 404, to a GET of what is not there; moto answers 404
either way.
"""


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with locked_moto() as url:
        yield url


Right = tuple[str, str, dict[str, Any]]
"""Action, resource and the statement that grants it."""


def allowed(statements: list[dict[str, Any]]) -> list[Right]:
    """Everything that is allowed."""
    found: list[Right] = []
    for statement in statements:
        assert statement["Effect"] == "Allow"
        named = statement["Resource"]
        resources = named if isinstance(named, list) else [named]
        pairs = itertools.product(statement["Action"], resources)
        found += [(action, resource, statement) for action, resource in pairs]
    return found


def covers(action: str, resource: str, request: Request) -> bool:
    asked = request.action.replace("s3:HeadBucket", "s3:ListBucket").replace(
        "SendMessageBatch", "SendMessage"
    )
    asked = asked.replace("lambda:Invoke", "lambda:InvokeFunction")
    unnamed = request.resource == "*" and action.startswith(("secretsmanager:", "lambda:"))
    return asked == action and (unnamed or fnmatch.fnmatchcase(request.resource, resource))


@pytest.mark.parametrize("function", ROLES)
def test_a_function_can_do_all_its_work_and_needs_all_its_rights(moto: str, function: str) -> None:
    with account(moto) as cloud:
        prepare(cloud)
        SCENARIOS[function](cloud)
    made = [request for request in cloud.requests if request.role == function]
    rights = allowed(statements(function))
    assert idle(rights, made) == [], (
        "take these out of the policy, or show in SCENARIOS what they are for"
    )
    for one in made:
        assert refused_by_the_bucket(one) == [], f"{one.resource}"
        used = [
            statement for action, resource, statement in rights if covers(action, resource, one)
        ]
        if one.action == "s3:PutObject" and all("Condition" in statement for statement in used):
            assert one.creates, f"{one.resource} was written without If-None-Match"


def idle(rights: list[Right], made: list[Request]) -> list[str]:
    """Rights that no request needed."""
    found = []
    for action, resource, statement in rights:
        by_others = action in BY_LAMBDA_ITSELF or statement["Sid"] in (DEAD_LETTERS, LISTING)
        if not by_others and not any(covers(action, resource, one) for one in made):
            found.append(f"{action} {resource}")
    return found


def test_the_bucket_refuses_to_overwrite_whoever_asks() -> None:
    place = f"arn:aws:s3:::{STORE}/collections/shop/g"
    for name, creates, swaps, by in (
        ("log/x", False, False, ["OnlyCreated"]),
        ("log/x", False, True, ["OnlyCreated"]),
        ("segments/x/rows", False, True, ["OnlyCreated"]),
        ("segments/x/rows", True, False, []),
        ("manifest.json", False, False, ["OnlyComparedAndSwapped"]),
        ("manifest.json", False, True, []),
        ("manifest.json", True, False, []),
        ("collection.json", False, False, ["OnlyComparedAndSwapped"]),
        ("collection.json", False, True, []),
        ("jobs/x", False, False, []),
    ):
        assert (
            refused_by_the_bucket(Request("api", "s3:PutObject", f"{place}/{name}", creates, swaps))
            == by
        ), name


@pytest.mark.parametrize("function", ROLES)
def test_the_only_condition_is_that_objects_are_created(function: str) -> None:
    conditions = [
        statement["Condition"] for statement in statements(function) if "Condition" in statement
    ]
    assert all(condition == {"Null": {"s3:if-none-match": "false"}} for condition in conditions)


@pytest.mark.parametrize("function", ROLES)
def test_no_role_reaches_beyond_the_deployment(function: str) -> None:
    buckets = [f":::{bucket}" for bucket in (STORE, TRANSIT, PICTURES)]
    ours = (
        *buckets,
        ":imports",
        ":dead",
        ":secret:keys-",
        ":lookalike-search",
        "role/lends-pictures",
        "/aws/lambda/lookalike-",
    )
    for action, resource, _ in allowed(statements(function)):
        assert "*" not in action
        assert any(part in resource for part in ours), f"{function} may {action} on {resource}"


@pytest.mark.parametrize("function", ROLES)
def test_who_may_read_a_bucket_is_told_what_is_not_there(function: str) -> None:
    rights = allowed(statements(function))
    listed = {resource for action, resource, _ in rights if action == "s3:ListBucket"}
    read = {resource.split("/")[0] for action, resource, _ in rights if action == "s3:GetObject"}
    assert read <= listed, "without s3:ListBucket S3 answers 403 rather than 404"


@pytest.mark.parametrize("function", ROLES)
def test_without_buckets_to_import_from_no_role_mentions_any(function: str) -> None:
    bare = statements(function, HasImportBuckets=False, HasImportRoles=False)
    assert not [
        resource for _, resource, _ in allowed(bare) if PICTURES in resource or "lends" in resource
    ]


FORBIDDEN = {
    "search": [
        "create collections/shop/g/log/x",
        "create collections/shop/g/segments/x",
        "create uploads/x",
        "delete collections/shop/g/log/x",
    ],
    "api": [
        "create collections/shop/g/segments/x/rows",
        "create bindings.json",
        "delete collections/shop/g/log/x",
        "delete collections/shop/collection.json",
        "delete collections/shop/g/segments/x/rows",
        "get elsewhere/x",
    ],
    "compact": [
        "create collections/shop/g/log/x",
        "delete collections/shop/g/segments/x/rows",
        "delete collections/shop/collection.json",
    ],
    "collect": [
        "create collections/shop/g/log/x",
        "create collections/shop/g/segments/x/rows",
        "delete collections/shop/collection.json",
    ],
    "import-event": ["create collections/shop/g/log/x", "create bindings.json"],
    "recover-imports": ["create collections/shop/g/segments/x", "create bindings.json"],
    "import-slice": [
        "create collections/shop/g/segments/x/rows",
        "delete collections/shop/g/log/x",
        "create bindings.json",
    ],
}


def test_a_function_cannot_do_the_work_of_another(moto: str) -> None:
    deeds: dict[str, Callable[[ObjectStore, str], object]] = {
        "create": lambda store, key: store.create(key, b"x"),
        "delete": lambda store, key: store.delete(key),
        "get": lambda store, key: store.get(key),
    }
    with account(moto) as cloud:
        for function, forbidden in FORBIDDEN.items():
            with cloud.acting_as(function) as deployment:
                for deed in forbidden:
                    verb, key = deed.split()
                    with pytest.raises(StorageError, match="check the role's policy"):
                        deeds[verb](deployment.store, key)


def test_the_api_cannot_make_keys_unless_the_console_manages(moto: str) -> None:
    with (
        account(moto) as cloud,
        cloud.acting_as("api") as deployment,
        pytest.raises(StoreUnavailable),
    ):
        create_key(deployment)
    with account(moto, ManagesInConsole=True) as cloud, cloud.acting_as("api") as deployment:
        made = create_key(deployment)
        revoke_key(deployment, made.key_id)
        create_collection(CreateCollection("gone", Service.GENERIC), deployment)
        deployment.catalog.drop("gone")


def test_a_bucket_that_is_not_bound_cannot_be_read(moto: str) -> None:
    with account(moto) as cloud:
        prepare(cloud)
        with cloud.acting_as("api") as deployment, pytest.raises(SourceError, match=FOREIGN):
            start_import(StartImport("shop", FOREIGN, "/spring"), deployment)
