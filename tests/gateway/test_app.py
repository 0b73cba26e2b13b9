"""app.py as Lambda calls it: events of REST APIs and of function URLs in, answers in the contract's
form out.
"""

from __future__ import annotations

import base64
import importlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from chalicelib import wiring
from chalicelib.gateway.function_url import match_route
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.usecases.downloads import VALID_S, sign_download
from tests.gateway.client import FORM, HOST, Client, acs3, b64, picture
from tests.gateway.test_uploads import authorize, form

Answer = dict[str, Any]


class App:
    """app.py around a client's deployment."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.app = importlib.import_module("app").app

    def rest(
        self,
        incoming: Incoming,
        *,
        route: str | None = None,
        captured: dict[str, str] | None = None,
    ) -> Answer:
        """As a REST API sends it: text bodies as text, multipart in base64."""
        query: dict[str, list[str]] = {}
        for name, value in incoming.query:
            query.setdefault(name, []).append(value)
        binary = incoming.content_type == "multipart/form-data"
        event = {
            "requestContext": {
                "httpMethod": incoming.method,
                "resourcePath": route or incoming.path,
                "path": incoming.path,
            },
            "headers": {name.title(): values[0] for name, values in incoming.headers.items()},
            "pathParameters": captured or {},
            "multiValueQueryStringParameters": query or None,
            "stageVariables": None,
            "body": (b64(incoming.body) if binary else incoming.body.decode())
            if incoming.body
            else None,
            "isBase64Encoded": binary,
        }
        answer: Answer = self.app(event, None)
        return answer

    def version_2(self, incoming: Incoming) -> Answer:
        """As a function URL sends it: every body in base64."""
        event = {
            "version": "2.0",
            "rawPath": incoming.path,
            "rawQueryString": urlencode(list(incoming.query)),
            "headers": {name: values[0] for name, values in incoming.headers.items()},
            "requestContext": {
                "http": {"method": incoming.method, "path": incoming.path, "sourceIp": "127.0.0.1"}
            },
            "body": base64.b64encode(incoming.body).decode() if incoming.body else None,
            "isBase64Encoded": bool(incoming.body),
        }
        answer: Answer = self.app(event, None)
        return answer

    def get(
        self, path: str, *, accept: str = "*/*", route: str | None = None, **captured: str
    ) -> Answer:
        headers = [("host", HOST), ("accept", accept)]
        return self.rest(
            Incoming.of("GET", path, query=[], headers=headers, body=b""),
            route=route,
            captured=captured,
        )


@pytest.fixture
def app(client: Client, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setattr(wiring, "deployment", lambda: client.deployment)
    return App(client)


def signed(client: Client, action: str, params: dict[str, str]) -> Incoming:
    return acs3(
        client.key, action, "2020-12-14", now=client.clock.now, body=urlencode(params).encode()
    )


ADD = {
    "InstanceName": "product",
    "ProductId": "上衣",
    "PicName": "n.png",
    "PicContent": b64(picture(1)),
}


@pytest.mark.parametrize("kind", ["rest", "version_2"])
def test_pictures_are_added_and_found_through_either_kind_of_event(app: App, kind: str) -> None:
    send = getattr(app, kind)
    answer = send(signed(app.client, "AddImage", ADD))
    assert (answer["statusCode"], json.loads(answer["body"])["Code"]) == (200, 0)
    assert answer["headers"]["Content-Type"] == "application/json;charset=utf-8"
    found = send(
        signed(
            app.client,
            "SearchImageByPic",
            {"InstanceName": "product", "PicContent": ADD["PicContent"]},
        )
    )
    assert json.loads(found["body"])["Auctions"][0]["ProductId"] == "上衣"
    # Detail has no body and no Content-Type
    detail = acs3(
        app.client.key,
        "Detail",
        "2020-12-14",
        now=app.client.clock.now,
        query={"InstanceName": "product"},
    )
    assert json.loads(send(detail)["body"])["Instance"]["TotalCount"] == 1


@pytest.mark.parametrize("kind", ["rest", "version_2"])
def test_an_upload_of_binary_bytes_survives_either_kind_of_event(app: App, kind: str) -> None:
    grant = authorize(app.client)
    answer = getattr(app, kind)(form(grant, picture(1, format="JPEG")))
    assert answer["statusCode"] == 201
    assert answer["headers"]["Content-Type"] == "application/xml"
    assert app.client.deployment.store.get(grant["ObjectKey"]).data == picture(1, format="JPEG")


def test_a_form_is_no_binary_type_so_that_a_4_mib_picture_fits_into_lambdas_6_mb(app: App) -> None:
    assert FORM not in app.app.api.binary_types
    assert "application/octet-stream" not in app.app.api.binary_types
    worst = len(urlencode({"PicContent": b64(bytes(range(256)) * 16 * 1024)}))
    assert worst < 6_291_456 - 100_000


def contract(answer: Answer) -> tuple[int, str]:
    members = json.loads(answer["body"])
    assert set(members) == {"RequestId", "HostId", "Code", "Message"}
    return answer["statusCode"], members["Code"]


def test_chalices_own_errors_have_the_contracts_form(app: App) -> None:
    put = Incoming.of("PUT", "/", query=[], headers=[("host", HOST)], body=b"")
    assert contract(app.rest(put)) == (405, "UnsupportedHTTPMethod")
    assert contract(app.version_2(put)) == (405, "UnsupportedHTTPMethod")
    nowhere = Incoming.of("GET", "/nowhere", query=[], headers=[("host", HOST)], body=b"")
    assert contract(app.version_2(nowhere)) == (404, "InvalidAction.NotFound")
    csv = Incoming.of(
        "POST", "/", query=[], headers=[("host", HOST), ("content-type", "text/csv")], body=b"x"
    )
    assert contract(app.rest(csv)) == (415, "UnsupportedMediaType")


def test_a_deployment_that_cannot_be_built_is_reported_in_the_contracts_form(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("LOOKALIKE_STORE is wrong")

    monkeypatch.setattr(wiring, "deployment", broken)
    assert contract(app.rest(signed(app.client, "Detail", {"InstanceName": "product"}))) == (
        500,
        "UnknownException",
    )


def test_a_browser_is_led_to_the_console_and_an_sdk_is_not(app: App) -> None:
    answer = app.get("/", accept="text/html,*/*")
    assert (answer["statusCode"], answer["headers"]["Location"]) == (308, "/console/")
    assert contract(app.get("/", accept="application/json")) == (400, "MissingParameter")
    assert app.get("/console", route="/console")["headers"]["Location"] == "/console/"
    page = app.get("/console/", route="/console")
    assert page["statusCode"] == 200
    assert "<!doctype html>" in page["body"].lower()
    assert app.get("/console/app.js", route="/console/{name}", name="app.js")["statusCode"] == 200


def test_openapi_is_public(app: App) -> None:
    assert json.loads(app.get("/openapi.json")["body"])["openapi"] == "3.1.0"


def test_a_link_gives_its_file_until_it_expires_and_only_that_file(app: App) -> None:
    deployment = app.client.deployment
    deployment.store.create(
        "collections/product/jobs/1/errors.jsonl", '{"line": 1, "name": "衣"}\n'.encode()
    )
    token = sign_download("collections/product/jobs/1/errors.jsonl", deployment)

    def link(text: str) -> Answer:
        return app.get(f"/files/{text}", route="/files/{token}", token=text)

    assert link(token)["body"] == '{"line": 1, "name": "衣"}\n'
    content, _, mac = token.partition(".")
    other = f"{content}.{'B' if mac[0] == 'A' else 'A'}{mac[1:]}"
    assert contract(link(other)) == (400, "InvalidSecurityToken")
    assert contract(link("nonsense")) == (400, "InvalidSecurityToken")
    assert contract(link(sign_download("collections/product/nothing", deployment))) == (
        404,
        "NotFound",
    )
    app.client.later(VALID_S + 1)
    assert contract(link(token)) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", ("/", {})),
        ("/console/", ("/console", {})),
        ("/files/abc", ("/files/{token}", {"token": "abc"})),
        ("/files", None),
        ("/files/", None),
        ("/files/a/b", None),
    ],
)
def test_paths_find_their_routes(path: str, found: tuple[str, dict[str, str]] | None) -> None:
    assert match_route(path, ["/", "/console", "/files/{token}"]) == found
