"""Events as AWS forms them, of requests that tests have signed."""

from __future__ import annotations

import base64
from typing import Any

from chalicelib.gateway.incoming import Incoming


def headers_of(signed: Incoming) -> dict[str, str]:
    """One value a name, as API Gateway passes them on."""
    return {name: values[0] for name, values in signed.headers.items()}


def gateway_event(signed: Incoming, body: bytes) -> dict[str, Any]:
    """As a REST API sends it: forms stay text."""
    return {
        "resource": "/",
        "path": "/",
        "httpMethod": "POST",
        "headers": headers_of(signed),
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/", "path": "/", "identity": {"sourceIp": "192.0.2.1"}, "stage": "live"},
        "body": body.decode(),
        "isBase64Encoded": False,
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
