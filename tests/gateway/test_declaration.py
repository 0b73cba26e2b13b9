"""An action is one declaration and one function: routing, reading, rights, limits, /openapi.json
and the tables of docs/API.md follow.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pytest

from chalicelib.contract.messages import Message
from chalicelib.gateway.actions.declaration import V2019, V2020, Action, Call
from chalicelib.gateway.actions.parameters import INSTANCE, JOB
from chalicelib.gateway.actions.registry import ACTIONS, Registry
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.openapi import document
from chalicelib.gateway.wire import schema
from chalicelib.gateway.wire.fields import Fields, Parameter
from tests.gateway.api_doc import older, parameters, written
from tests.gateway.client import Client, acs3


@dataclass(frozen=True, slots=True)
class Greet(Message):
    name: str


def greet(message: Greet, call: Call) -> str:
    assert call.deployment.catalog.open(message.collection)
    return f"good day, {message.name}"


GREET = Action(
    "GreetPicture",
    "Be polite to a picture.",
    access="write",
    parameters=(
        INSTANCE,
        Parameter("Name", "name", required=True, note="to be greeted", limits={"maxLength": 9}),
    ),
    read=lambda fields: Greet(fields.text("InstanceName"), fields.text("Name")),
    run=greet,
    answer=lambda said: {"Said": said},
    schema=schema.answer(None, {"Said": schema.TEXT}),
)
"""The pretend action: this, and one function."""


@pytest.fixture
def polite(client: Client) -> Client:
    return replace(client, gateway=Gateway(client.deployment, Registry([GREET])))


def test_it_is_routed_read_and_answered(polite: Client) -> None:
    answer = polite.ok("GreetPicture", {"InstanceName": "product", "Name": "a"})
    assert answer.pop("RequestId")
    assert answer == {"Said": "good day, a"}
    reader = polite.with_key(access="read")
    asked = {"InstanceName": "product", "Name": "a"}
    assert polite.code("GreetPicture", asked, key=reader) == (403, "NoPermission")
    assert polite.code("GreetPicture", {**asked, "Nmae": "a"}) == (400, "BadRequest")
    assert polite.code("GreetPicture", {**asked, "InstanceName": "nobody's"})[0] == 400


def test_nobody_else_knows_it(client: Client) -> None:
    assert client.code("GreetPicture") == (404, "InvalidAction.NotFound")
    assert GREET.name not in ACTIONS.of(V2020)


def test_it_is_in_openapi() -> None:
    made = json.loads(json.dumps(document(Registry([GREET]))))
    content = made["paths"]["/"]["post"]["requestBody"]["content"]["application/json"]
    (form,) = [one for one in content["schema"]["oneOf"] if one["title"] == "GreetPicture"]
    assert form["description"] == "Be polite to a picture."
    assert form["required"] == ["Action", "InstanceName", "Name"]
    assert form["properties"]["Name"] == {
        "type": "string",
        "maxLength": 9,
        "description": "to be greeted",
    }


def test_it_has_a_table_in_the_page() -> None:
    page = "### GreetPicture\n<!-- parameters GreetPicture -->\n<!-- end -->\n"
    made = written(page, Registry([GREET]))
    assert "| `Name` | R | text | to be greeted |" in made
    assert parameters(GREET.parameters) in made


def test_an_older_versions_action_is_put_on_to_one_of_today(client: Client) -> None:
    old = GREET._replace(version=V2019, path="/v2/image/greet", parameters=(*GREET.parameters, JOB))
    actions = Registry([GREET, old])
    gateway = Gateway(client.deployment, actions)
    body = urlencode({"InstanceName": "product", "Name": "b", "Id": "1"}).encode()
    incoming = acs3(client.key, old.name, V2019, now=client.clock.now, path=old.path, body=body)
    assert json.loads(gateway.answer(incoming).body)["Said"] == "good day, b"
    assert "| GreetPicture | `InstanceName` `Name` `Id` |" in older(actions)
    assert old.path in document(actions)["paths"]  # type: ignore[operator]  # a dictionary


def test_every_path_of_a_version_has_its_route() -> None:
    routes = importlib.import_module("app").app.routes
    paths = {action.path for action in ACTIONS.everything()}
    assert {path for path, methods in routes.items() if "POST" in methods} == paths


def test_nothing_is_declared_that_its_reader_does_not_ask_for() -> None:
    asked: set[str] = set()
    sound = {"Path": "/p", "BucketName": "bucket", "CallbackAddress": "http://a/"}
    sound |= {"Filter": "int_attr=1", "Region": "1,5,2,9", "Crop": "true", "PicContent": "AAAA"}
    sound |= {"DistinctProductId": "true", "IsDeleteByFilter": "true"}
    sound |= {"PrimaryPicContent": "AAAA", "SecondaryPicContent": "AAAA"}

    class Watched(Fields):
        def text(self, name: str) -> str:
            asked.add(name)
            if deletes and name in {"ProductId", "PicName"}:
                return ""
            return sound.get(name, "1")

        def given(self, name: str) -> str | None:
            asked.add(name)
            return None

    for action in ACTIONS.of(V2020).values():
        asked.clear()
        deletes = action.name == "DeleteImage"
        action.read(Watched({}, action.parameters, hosts=()))
        assert {parameter.name for parameter in action.parameters} <= asked, action.name
