"""The Chalice application itself, with what Chalice lacks: events of function URLs, and errors in
the contract's form.
"""

from __future__ import annotations

from typing import Any

from chalice.app import Chalice, Request

from chalicelib.gateway.function_url import is_version_2, rest_event
from chalicelib.gateway.wire.faults import reshape


class App(Chalice):
    """Answers events of REST APIs, HTTP APIs and function URLs."""

    @property
    def request(self) -> Request:
        """The one being answered."""
        if self.current_request is None:
            raise RuntimeError("no request is being answered")
        return self.current_request

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """One HTTP request."""
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        if is_version_2(event):
            known = rest_event(event, self.routes)
            if known is None:
                body = reshape(404, b"", host=headers.get("host", "")).decode()
                return {
                    "statusCode": 404,
                    "headers": {"Content-Type": "application/json;charset=utf-8"},
                    "body": body,
                }
            event = known
        answer: dict[str, Any] = super().__call__(event, context)
        if answer["statusCode"] >= 400 and answer["body"].startswith("{"):
            answer["body"] = reshape(
                answer["statusCode"], answer["body"].encode(), host=headers.get("host", "")
            ).decode()
        return answer
