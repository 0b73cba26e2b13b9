"""The OpenAPI document of the plain HTTP form, made from the declarations that the gateway itself
reads requests by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib import __version__
from chalicelib.contract.filters import MAX_CHARACTERS
from chalicelib.gateway.actions.declaration import V2019, V2020, Action
from chalicelib.gateway.actions.registry import ACTIONS, Registry
from chalicelib.gateway.wire import schema
from chalicelib.gateway.wire.fields import Parameter
from chalicelib.gateway.wire.schema import Schema

_KINDS: Final[Mapping[str, Schema]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "picture": {"type": "string", "contentEncoding": "base64"},
    "filter": {"type": "string", "maxLength": MAX_CHARACTERS},
    "region": {"type": "string", "pattern": "^[0-9]+,[0-9]+,[0-9]+,[0-9]+$"},
    "score": {"type": "string", "pattern": r"^(0(\.[0-9]+)?|1(\.0+)?)$"},
}


def document(actions: Registry = ACTIONS) -> Schema:
    """OpenAPI 3.1 of what `actions` holds of 2020-12-14 and 2019-03-25."""
    older = {action.path: action for action in actions.of(V2019).values()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Lookalike",
            "version": __version__,
            "description": "Image search. Requests are signed (ACS3-HMAC-SHA256, RPC v1, ROA v1) "
            "or carry a bearer key made for scripts.",
        },
        "security": [{"bearer": []}, {"signature": []}],
        "paths": {
            "/": {"post": _native(list(actions.of(V2020).values()))},
            **{path: {"post": _roa(action)} for path, action in sorted(older.items())},
            "/openapi.json": {
                "get": _plain("openapi", "This document.", "application/json", {"type": "object"})
            },
        },
        "components": {
            "schemas": {"Error": schema.ERROR},
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


def _native(actions: Sequence[Action]) -> Schema:
    """One operation with one alternative per action: the action is a parameter here, not a path."""
    one: Schema = {"oneOf": [_form(action, named=True) for action in actions]}
    return {
        "operationId": "call",
        "summary": "Any action of 2020-12-14; `Action` says which.",
        "requestBody": _body(one),
        "responses": _responses({"anyOf": [action.schema for action in actions]}),
    }


def _roa(action: Action) -> Schema:
    return {
        "operationId": f"{action.name}2019",
        "summary": f"{action.version}: {action.summary}",
        "requestBody": _body(_form(action)),
        "responses": _responses(action.schema),
    }


def _body(one: Schema) -> Schema:
    """Either way of sending the parameters."""
    return {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {"schema": one},
            "application/json": {"schema": one},
        },
    }


def _form(action: Action, *, named: bool = False) -> Schema:
    """The parameters; `named`: with those that say which action is meant."""
    properties: Schema = {parameter.name: _property(parameter) for parameter in action.parameters}
    required = [parameter.name for parameter in action.parameters if parameter.required]
    if not named:
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
    said: Schema = {"Action": {"const": action.name}, "Version": {"const": action.version}}
    return {
        "title": action.name,
        "description": action.summary,
        "type": "object",
        "properties": {**said, **properties},
        "required": ["Action", *required],
        "additionalProperties": False,
    }


def _property(parameter: Parameter) -> Schema:
    note = {"description": parameter.note} if parameter.note else {}
    return {**_KINDS[parameter.kind], **parameter.limits, **note}


def _responses(answer: Schema) -> Schema:
    """`answer`, and the one form of error for everything else."""
    error: Schema = {
        "description": "Refused or failed",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    return {
        "200": {"description": "Done", "content": {"application/json": {"schema": answer}}},
        "4XX": error,
        "5XX": error,
    }


def _plain(operation: str, summary: str, kind: str, body: Schema) -> Schema:
    return {
        "operationId": operation,
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": "Done", "content": {kind: {"schema": body}}}},
    }
