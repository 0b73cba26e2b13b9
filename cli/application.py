"""app.py behind a local server: a WSGI request becomes the event of a function URL, as Lambda would
get it, and its answer a response. The demo's samples lie beside it.
"""

from __future__ import annotations

import base64
import importlib
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from demo.samples import TYPES, URL, sample_path

if TYPE_CHECKING:
    from chalice.app import Chalice, Request

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[[str, Headers], object]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]


def application(samples: Path | None) -> Wsgi:
    """What the server serves: the samples in the folder `samples`, and app.py for all the rest."""
    app = load_app()

    def serve(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = raw_path(environ["REQUEST_URI"])
        method = environ["REQUEST_METHOD"]
        if method in ("GET", "HEAD") and path.startswith(URL):
            status, headers, body = _sample(samples, unquote(path.removeprefix(URL)))
        else:
            status, headers, body = _answer(app(event(environ, path), None))
        start_response(_status_line(status), [*headers, ("Content-Length", str(len(body)))])
        return [] if method == "HEAD" else [body]

    return serve


def load_app() -> Chalice:
    """app.py's application, made to serve several threads at once: Lambda gives each process one
    request at a time, and Chalice keeps that one on the application.
    """
    app: Chalice = importlib.import_module("app").app
    if not isinstance(app, _PerThread):
        app.__class__ = type("LocalApp", (_PerThread, type(app)), {})
    return app


class _PerThread:
    """Keeps what Chalice notes of the request under way with the thread that answers it."""

    _own = threading.local()

    @property
    def current_request(self) -> Request | None:
        """The request that this thread answers."""
        return getattr(self._own, "request", None)

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        self._own.request = request


def raw_path(target: str) -> str:
    """The path of a request's target as it was sent, still quoted: `/a%20b` of `/a%20b?c`."""
    if target.startswith("/"):  # not by urlsplit, which would take //a/b for a host
        return target.partition("?")[0].partition("#")[0]
    return urlsplit(target).path or "/"


def event(environ: Environ, path: str) -> dict[str, Any]:
    """The request in the form of Lambda's function URLs, version 2.0 (docs.aws.amazon.com/lambda,
    "request payload format"). The body always travels in base64: it may be any bytes.
    """
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
    }
    body = environ["wsgi.input"].read()
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": environ["QUERY_STRING"],
        "headers": headers,
        "requestContext": {
            "http": {
                "method": environ["REQUEST_METHOD"],
                "path": path,
                "sourceIp": environ["REMOTE_ADDR"],
            }
        },
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def _answer(answer: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """Status, headers and body of what app.py returned to Lambda."""
    headers = list((answer.get("headers") or {}).items())
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers += [(name, value) for value in values]
    body = answer.get("body") or ""
    data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return answer["statusCode"], headers, data


def _sample(folder: Path | None, relative: str) -> tuple[int, Headers, bytes]:
    """A picture of the demo's, or that there is none."""
    path = sample_path(folder, relative) if folder is not None else None
    if path is None:
        return HTTPStatus.NOT_FOUND, [("Content-Type", "text/plain")], b"no such sample\n"
    headers = [
        ("Content-Type", TYPES[path.suffix.lower()]),
        ("Cache-Control", "max-age=3600"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return HTTPStatus.OK, headers, path.read_bytes()


def _status_line(status: int) -> str:
    """`404 Not Found`."""
    try:
        return f"{int(status)} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"
