"""Events as AWS forms them, of requests that tests have signed."""

from __future__ import annotations

import base64
from typing import Any

from chalicelib.gateway.wire.incoming import Incoming


def headers_of(signed: Incoming) -> dict[str, str]:
    """One value a name, as API Gateway passes them on."""
    return {name: values[0] for name, values in signed.headers.items()}


def gateway_event(signed: Incoming, body: bytes) -> dict[str, Any]:
    """As a REST API sends it: forms stay text, files travel in base64."""
    query: dict[str, list[str]] = {}
    for name, value in signed.query:
        query.setdefault(name, []).append(value)
    binary = signed.content_type == "multipart/form-data"
    context = {
        "httpMethod": signed.method,
        "resourcePath": "/",
        "path": "/",
        "identity": {"sourceIp": "192.0.2.1"},
        "stage": "live",
    }
    return {
        "resource": "/",
        "path": "/",
        "httpMethod": signed.method,
        "headers": headers_of(signed),
        "multiValueQueryStringParameters": query or None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": context,
        "body": base64.b64encode(body).decode() if binary else body.decode(),
        "isBase64Encoded": binary,
    }


def url_event(signed: Incoming, body: bytes) -> dict[str, Any]:
    """As a function URL sends it: format 2.0, the body in base64."""
    headers = headers_of(signed)
    http = {"method": "POST", "path": "/", "sourceIp": "192.0.2.1"}
    return {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {"http": http, "domainName": headers["host"], "stage": "$default"},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
