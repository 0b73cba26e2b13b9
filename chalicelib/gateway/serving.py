"""Between Chalice and the gateway: requests and answers in their own types, and the one gateway
of this process.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from chalice.app import Response

from chalicelib.gateway import pages
from chalicelib.gateway.console.assets import asset
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.wire.incoming import Answer, Incoming

if TYPE_CHECKING:
    from chalice.app import Request

    from chalicelib.usecases.deployment import Deployment

CONSOLE = "/console/"

_last: Gateway | None = None


def _gateway(deployment: Deployment) -> Gateway:
    """The gateway of `deployment`, made at its first request; a process has one deployment."""
    global _last
    if _last is None or _last.deployment is not deployment:
        _last = Gateway(deployment)
    return _last


def signed(request: Request, deployment: Deployment) -> Response:
    """Any action."""
    return _response(_gateway(deployment).answer(_incoming(request)))


def root(request: Request, deployment: Deployment) -> Response:
    """GET /: an action in the query, or a browser, which is shown the console."""
    query: Any = request.query_params or ()
    plain = (
        "authorization" not in request.headers
        and "Signature" not in query
        and "x-acs-action" not in request.headers
    )
    if plain and "text/html" in request.headers.get("accept", ""):
        return _redirect(CONSOLE)
    return signed(request, deployment)


def openapi() -> Response:
    """GET /openapi.json."""
    return _response(pages.openapi())


def health(deployment: Deployment) -> Response:
    """GET /health."""
    return _response(pages.health(deployment))


def file(request: Request, token: str, deployment: Deployment) -> Response:
    """GET /files/{token}."""
    request_id = str(uuid.uuid4()).upper()
    return _response(
        pages.file(token, deployment, request_id=request_id, host=request.headers.get("host", ""))
    )


def console(request: Request, name: str = "") -> Response:
    """The console's page and files. Its links are relative, so without its slash the page has to be
    asked for again.
    """
    if not name and not str(request.context.get("path", CONSOLE)).endswith("/"):
        return _redirect(CONSOLE)
    found = asset(name)
    return Response(body=found.body, status_code=found.status, headers=dict(found.headers))


def _redirect(path: str) -> Response:
    return Response(body="", status_code=308, headers={"Location": path})


def _incoming(request: Request) -> Incoming:
    """The request as the gateway reads it, whatever event it came by."""
    query: Any = request.query_params
    pairs = [(name, value) for name in query or () for value in query.getlist(name)]
    body = request.raw_body
    return Incoming.of(
        request.method,
        request.path,
        query=pairs,
        headers=request.headers.items(),
        body=body.encode() if isinstance(body, str) else body,
    )


def _response(answer: Answer) -> Response:
    # text, not bytes: Chalice sends bytes only to clients whose Accept header names a binary type
    return Response(
        body=answer.body.decode(),
        status_code=answer.status,
        headers={"Content-Type": answer.content_type, **answer.headers},
    )
