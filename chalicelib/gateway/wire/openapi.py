"""The OpenAPI document of the plain HTTP form, made from the tables that the gateway itself reads
requests by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib import __version__
from chalicelib.contract import messages as m
from chalicelib.contract import values as v
from chalicelib.contract.filters import MAX_CHARACTERS
from chalicelib.gateway.wire import answers
from chalicelib.gateway.wire.fields import Parameter
from chalicelib.gateway.wire.parameters import PARAMETERS_2019, PARAMETERS_2020

Schema = dict[str, object]

SUMMARIES: Final[Mapping[str, str]] = {
    "AddImage": "Add a picture, or replace the one of the same ProductId and PicName.",
    "DeleteImage": "Delete one picture, all of a product, or what a filter matches.",
    "UpdateImage": "Change attributes without a new picture; those not sent stay.",
    "SearchImageByPic": "Find what looks like a picture.",
    "SearchImageByName": "Find what looks like a stored picture.",
    "SearchImageByText": "Refused: no type of collection understands text yet.",
    "SearchImageByFilter": "List what a filter matches, by ProductId and PicName.",
    "CheckImageExists": "Whether a picture is stored, and its attributes.",
    "CompareSimilarByImage": "How alike two pictures are, 0 to 1. Stores nothing.",
    "Detail": "Type, size and limits of a collection.",
    "IncreaseInstance": "Start importing the pictures that increment.meta in a bucket lists.",
    "IncreaseList": "Import jobs, newest first.",
    "DumpMeta": "Start writing every record's attributes into a file.",
    "DumpMetaList": "Export jobs, newest first.",
    "SearchImage": "Find what looks like a picture, sent or stored.",
}
"""One line per action; docs/API.md has the same."""

_LIMITS: Final[Mapping[str, Schema]] = {
    "collection": {
        "minLength": 1,
        "maxLength": v.MAX_COLLECTION,
        "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    },
    "product_id": {"minLength": 1, "maxLength": v.MAX_ID},
    "pic_name": {"minLength": 1, "maxLength": v.MAX_ID},
    "custom_content": {"maxLength": v.MAX_CUSTOM_CONTENT},
    "count": {"minimum": 1, "maximum": v.MAX_COUNT, "default": 10},
    "start": {"minimum": 0, "maximum": v.MAX_START, "default": 0},
    "page_number": {"minimum": 1, "maximum": v.MAX_PAGE, "default": 1},
    "page_size": {"minimum": 1, "maximum": v.MAX_PAGE, "default": 10},
    "text": {"minLength": 1, "maxLength": m.MAX_TEXT},
    "search_type": {"enum": ["SearchByPic", "SearchByName"], "default": "SearchByPic"},
    **{f"int_attr{n}": {"minimum": -(2**31), "maximum": 2**31 - 1} for n in ("", "2", "3", "4")},
    **{
        f"str_attr{n}": {"maxLength": v.MAX_STR_ATTR, "pattern": r"^[^\\¥$&%]*$"}
        for n in ("", "2", "3", "4")
    },
}
_KINDS: Final[Mapping[str, Schema]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "picture": {"type": "string", "contentEncoding": "base64"},
    "filter": {"type": "string", "maxLength": MAX_CHARACTERS},
    "region": {"type": "string", "pattern": "^[0-9]+,[0-9]+,[0-9]+,[0-9]+$"},
    "score": {"type": "string", "pattern": r"^(0(\.[0-9]+)?|1(\.0+)?)$"},
}


def document() -> Schema:
    """OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lookalike",
            "version": __version__,
            "description": "Image search. Requests are signed (ACS3-HMAC-SHA256, RPC v1, ROA v1) or carry a bearer key made for scripts.",
        },
        "security": [{"bearer": []}, {"signature": []}],
        "paths": {
            "/": {"post": _native()},
            **{path: {"post": _roa(action)} for path, action in _ROA_PATHS.items()},
            "/openapi.json": {
                "get": _plain("openapi", "This document.", "application/json", {"type": "object"})
            },
        },
        "components": {
            "schemas": {"Error": answers.ERROR},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "ID.SECRET of a key made with --bearer; use it over TLS only",
                },
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "see docs/API.md",
                },
            },
        },
    }


_ROA_PATHS: Final = {
    "/v2/image/add": "AddImage",
    "/v2/image/search": "SearchImage",
    "/v2/image/delete": "DeleteImage",
}


def _native() -> Schema:
    """One operation with one alternative per action: the action is a parameter here, not a path."""
    forms = [_form(parameters, action=action) for action, parameters in PARAMETERS_2020.items()]
    schema: Schema = {"oneOf": forms}
    return {
        "operationId": "call",
        "summary": "Any action of 2020-12-14; `Action` says which.",
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {"schema": schema},
                "application/json": {"schema": schema},
            },
        },
        "responses": _responses(
            {"anyOf": [answers.ANSWERS_2020[action] for action in PARAMETERS_2020]}
        ),
    }


def _roa(action: str) -> Schema:
    schema = _form(PARAMETERS_2019[action])
    return {
        "operationId": f"{action}2019",
        "summary": f"2019-03-25: {SUMMARIES[action]}",
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {"schema": schema},
                "application/json": {"schema": schema},
            },
        },
        "responses": _responses(answers.ANSWERS_2019[action]),
    }


def _form(parameters: Sequence[Parameter], *, action: str = "") -> Schema:
    properties: Schema = {parameter.name: _property(parameter) for parameter in parameters}
    required = [parameter.name for parameter in parameters if parameter.required]
    if not action:
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
    named: Schema = {"Action": {"const": action}, "Version": {"const": "2020-12-14"}, **properties}
    return {
        "title": action,
        "description": SUMMARIES[action],
        "type": "object",
        "properties": named,
        "required": ["Action", *required],
        "additionalProperties": False,
    }


def _property(parameter: Parameter) -> Schema:
    note = {"description": parameter.note} if parameter.note else {}
    return {**_KINDS[parameter.kind], **_LIMITS.get(parameter.field, {}), **note}


def _responses(answer: Schema) -> Schema:
    error: Schema = {
        "description": "Refused or failed",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    return {
        "200": {"description": "Done", "content": {"application/json": {"schema": answer}}},
        "4XX": error,
        "5XX": error,
    }


def _plain(operation: str, summary: str, kind: str, schema: Schema) -> Schema:
    return {
        "operationId": operation,
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": "Done", "content": {kind: {"schema": schema}}}},
    }
