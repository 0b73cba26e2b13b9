"""The Chalice application itself, with what Chalice lacks: events of function URLs, and errors in the contract's form."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalice.app import Chalice, Request

from chalicelib.gateway.faults import reshape
from chalicelib.gateway.function_url import is_version_2, rest_event


class App(Chalice):
    """Answers events of REST APIs, HTTP APIs and function URLs."""

    _cold = True

    @property
    def request(self) -> Request:
        """The one being answered."""
        if self.current_request is None:
            raise RuntimeError("no request is being answered")
        return self.current_request

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """One HTTP request."""
        if not self._cold:
            return self._answer(event, context)
        self._cold = False
        with _without_collector():
            return self._answer(event, context)

    def _answer(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        if is_version_2(event):
            known = rest_event(event, self.routes)
            if known is None:
                body = reshape(404, b"", host=headers.get("host", "")).decode()
                return {"statusCode": 404, "headers": {"Content-Type": "application/json;charset=utf-8"}, "body": body}
            event = known
        answer: dict[str, Any] = super().__call__(event, context)
        if answer["statusCode"] >= 400 and answer["body"].startswith("{"):
            answer["body"] = reshape(answer["statusCode"], answer["body"].encode(), host=headers.get("host", "")).decode()
        return answer


@contextmanager
def _without_collector() -> Iterator[None]:
    """What the first request loads stays. The cyclic collector would walk it again and again, and find nothing (docs/adr/0051)."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
