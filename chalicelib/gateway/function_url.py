"""Lambda function URLs and HTTP APIs speak events of version 2.0; Chalice understands those of REST
APIs. From one to the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

Event = dict[str, Any]


def is_version_2(event: Mapping[str, Any]) -> bool:
    """Whether an event comes from a function URL or an HTTP API."""
    return event.get("version") == "2.0" and "http" in event.get("requestContext", {})


def rest_event(event: Mapping[str, Any], routes: Iterable[str]) -> Event | None:
    """The event as a REST API would send it, or None when no route of `routes` fits its path."""
    context = event["requestContext"]
    path = event.get("rawPath") or "/"
    match = match_route(path, routes)
    if match is None:
        return None
    route, captured = match
    query = parse_qs(event.get("rawQueryString", ""), keep_blank_values=True)
    return {
        "requestContext": {
            **context,
            "httpMethod": context["http"]["method"],
            "resourcePath": route,
            "path": path,
            "identity": {"sourceIp": context["http"].get("sourceIp")},
        },
        "path": path,
        "headers": dict(event.get("headers") or {}),
        "pathParameters": captured,
        "multiValueQueryStringParameters": query or None,
        "stageVariables": None,
        "body": event.get("body"),
        "isBase64Encoded": event.get("isBase64Encoded", False),
    }


def match_route(path: str, routes: Iterable[str]) -> tuple[str, dict[str, str]] | None:
    """(route, parameters) of the first of `routes`, such as /files/{token}, that fits `path`; fixed
    ones before those with parameters.
    """
    parts = (path.rstrip("/") or "/").split("/")
    for route in sorted(routes, key=lambda route: ("{" in route, route)):
        wanted = route.split("/")
        if len(wanted) == len(parts) and all(
            w == p or (w.startswith("{") and p) for w, p in zip(wanted, parts, strict=True)
        ):
            return route, {
                w[1:-1]: p for w, p in zip(wanted, parts, strict=True) if w.startswith("{")
            }
    return None
