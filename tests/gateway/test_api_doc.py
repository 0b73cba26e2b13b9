"""docs/API.md and /openapi.json say what the code does."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest

from chalicelib.contract.categories import PRODUCT_CATEGORIES
from chalicelib.gateway.actions.declaration import UPLOADS, V2019, V2020
from chalicelib.gateway.actions.registry import ACTIONS
from chalicelib.gateway.openapi import document
from chalicelib.gateway.pages import openapi
from chalicelib.gateway.wire.fields import Fields
from chalicelib.gateway.wire.schema import ERROR
from tests.gateway.api_doc import PAGE, written
from tests.live import ROOT

TEXT = PAGE.read_text(encoding="utf-8")
NATIVE = ACTIONS.of(V2020)
PATHS = [action.path for action in ACTIONS.everything() if action.path != "/"]
DOCUMENT = json.loads(json.dumps(document()))


def test_the_tables_are_the_codes() -> None:
    assert written(TEXT) == TEXT, "run: python -m tests.gateway.api_doc"


def test_each_action_has_its_section_and_table_and_no_other_has_one() -> None:
    section = TEXT[TEXT.index("\n## Actions") : TEXT.index("\n## Older versions")]
    headings = re.findall(r"^### (\w+)$", section, re.MULTILINE)
    assert headings == [*NATIVE, *ACTIONS.of(UPLOADS)]
    assert re.findall(r"<!-- parameters (\w+) -->", section) == list(NATIVE)


def test_the_page_names_every_category_path_and_setting_it_speaks_of() -> None:
    for number, name in PRODUCT_CATEGORIES.items():
        assert f"{number} {name}" in TEXT.replace("\n", " ")
    for path in PATHS:
        assert path in TEXT
    from dataclasses import fields

    from chalicelib.config import Settings

    known = {f"LOOKALIKE_{field.name.upper()}" for field in fields(Settings)}
    assert set(re.findall(r"LOOKALIKE_[A-Z_]+", TEXT)) <= known | {"LOOKALIKE_URL"}


def test_every_file_the_page_links_to_is_there() -> None:
    for target in re.findall(r"\]\((?!#|http)([^)]+)\)", TEXT):
        assert (ROOT / "docs" / target.split("#")[0]).resolve().exists(), target


def test_openapi_is_served_and_is_valid() -> None:
    answer = openapi()
    assert answer.status == 200
    assert json.loads(answer.body) == DOCUMENT
    from openapi_spec_validator import validate

    validate(DOCUMENT)


@pytest.mark.parametrize("action", list(NATIVE))
def test_openapi_knows_every_parameter_of_an_action(action: str) -> None:
    forms = DOCUMENT["paths"]["/"]["post"]["requestBody"]["content"][
        "application/x-www-form-urlencoded"
    ]["schema"]["oneOf"]
    (form,) = [form for form in forms if form["title"] == action]
    assert set(form["properties"]) == {"Action", "Version"} | {
        row.name for row in NATIVE[action].parameters
    }
    assert set(form["required"]) == {"Action"} | {
        row.name for row in NATIVE[action].parameters if row.required
    }
    assert form["description"] == NATIVE[action].summary


def test_openapi_knows_the_paths_of_2019() -> None:
    paths = {action.path for action in ACTIONS.of(V2019).values()}
    assert set(DOCUMENT["paths"]) == {"/", "/openapi.json"} | paths


@pytest.mark.parametrize("schema", [action.schema for action in ACTIONS.everything()])
def test_the_schemas_are_schemas(schema: dict[str, object]) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("action", list(NATIVE))
def test_each_action_has_an_example_that_the_code_reads_and_an_answer_that_it_could_give(
    action: str,
) -> None:
    section = TEXT[TEXT.index(f"\n### {action}\n") :]
    example = re.search(
        r"<!-- end -->\n```\n([^\n]+)\n```\n```json\n(.*?)\n```\n", section, re.DOTALL
    )
    assert example is not None
    request, answer = example.groups()
    assert TEXT.index(f"\n### {action}\n") + example.end() < TEXT.index("\n## Older versions")
    params = dict(pair.split("=", 1) for pair in request.replace("…", "AAAA").split("&"))
    assert params["Action"] == action
    message = NATIVE[action].read(Fields(params, NATIVE[action].parameters, hosts=()))
    assert message.collection == "demo"
    members = json.loads(answer)
    refused = action == "SearchImageByText"
    jsonschema.validate(
        members if refused else {**members, "RequestId": "0" * 36},
        ERROR if refused else NATIVE[action].schema,
    )
