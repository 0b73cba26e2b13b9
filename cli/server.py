"""The local HTTP server: chalice.local's gateway around app.py, in threads, with the demo's samples
beside it.
"""

from __future__ import annotations

import importlib
import json
import socketserver
import sys
import threading
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from chalice.config import Config
from chalice.local import (
    ChaliceRequestHandler,
    LocalChalice,
    LocalGatewayException,
    ThreadedHTTPServer,
)

from chalicelib.gateway.wire.faults import reshape
from demo.samples import TYPES, URL, sample_path

if TYPE_CHECKING:
    from chalice.app import Chalice

MAX_BODY = 16 * 1024 * 1024
"""Bytes read of a request. The contract ends at 8 MB and refuses in its own words; beyond this
nothing is read at all.
"""
IDLE_S = 75
"""Seconds a connection may say nothing."""


def load_app() -> Chalice:
    """app.py's application, made to serve several threads at once."""
    app: Chalice = importlib.import_module("app").app
    if not isinstance(app, LocalChalice):
        app.__class__ = type("LocalApp", (LocalChalice, type(app)), {})
    return app


class Server:
    """Serves until stopped. `port` 0 takes a free one; the attribute `port` says which."""

    def __init__(self, host: str, port: int, *, samples: Path | None) -> None:
        self._busy = _Busy()
        app, config = load_app(), Config()

        def handler(request: Any, address: tuple[str, int], server: ThreadedHTTPServer) -> _Handler:
            return _Handler(request, address, server, app, config, busy=self._busy, samples=samples)

        self._server = _HttpServer((host, port), handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name="http",
            daemon=True,
        )

    def start(self) -> None:
        """Begins to answer; returns at once."""
        self._thread.start()

    def stop(self, *, patience_s: float = 10.0) -> bool:
        """Takes no more requests and waits for those under way; whether all of them were finished
        in time.
        """
        self._server.shutdown()
        done = self._busy.wait(patience_s)
        self._server.server_close()
        return done


class _Busy:
    """Counts the requests under way."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self, patience_s: float) -> bool:
        deadline = time.monotonic() + patience_s
        with self._changed:
            while self._count and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._count == 0


class _HttpServer(ThreadedHTTPServer):
    request_queue_size = 128
    # idle kept-alive connections would hold the end up; requests under way are counted instead
    block_on_close = False
    allow_reuse_address = True

    def server_bind(self) -> None:
        """Binds without asking the resolver for this machine's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        host, port = self.socket.getsockname()[:2]
        self.server_name, self.server_port = str(host), int(port)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; everything else is."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Refused(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(ChaliceRequestHandler):
    timeout = IDLE_S
    wbufsize = 64 * 1024  # head and body leave together
    disable_nagle_algorithm = True

    def __init__(self, *arguments: Any, busy: _Busy, samples: Path | None) -> None:
        self._busy, self._samples = busy, samples
        super().__init__(*arguments)

    def _generic_handle(self) -> None:
        with self._busy:
            path = urlsplit(self.path).path
            if self.command == "GET" and path.startswith(URL):
                self._send_sample(unquote(path.removeprefix(URL)))
                return
            try:
                super()._generic_handle()
            except _Refused as refused:
                self.close_connection = True
                body = f'{{"message": "{refused}"}}'.encode()
                self._send_http_response(
                    refused.status, {"Connection": "close"}, self._reshaped(refused.status, body)
                )
            self.wfile.flush()

    # http.server's names
    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = do_PATCH = do_OPTIONS = _generic_handle  # noqa: N815

    def _parse_payload(self) -> tuple[dict[str, str], bytes | None]:
        """Headers and body; what cannot be read, or is far too much, is refused before it is."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return dict(self.headers), self._chunks()
        text = self.headers.get("content-length", "0").strip()
        if not text.isascii() or not text.isdigit():
            raise _Refused(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        if int(text) > MAX_BODY:
            raise _Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body has {int(text)} bytes; it must be below 8 MB",
            )
        return super()._parse_payload()

    def _chunks(self) -> bytes:
        """A body sent in chunks, as the Node SDK sends every body (RFC 9112 §7.1); extensions and
        trailers are read over.
        """
        body = bytearray()
        while True:
            digits = self.rfile.readline(100).split(b";")[0].strip()
            if not 0 < len(digits) <= 8 or digits.strip(b"0123456789abcdefABCDEF"):
                raise _Refused(HTTPStatus.BAD_REQUEST, "a chunk of the body has no size")
            size = int(digits, 16)
            if len(body) + size > MAX_BODY:
                raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body must be below 8 MB")
            if size == 0:
                break
            body += self.rfile.read(size)
            self.rfile.readline(100)
        while self.rfile.readline(1000).strip():
            pass
        return bytes(body)

    def _send_error_response(self, error: LocalGatewayException) -> None:
        body = error.body if isinstance(error.body, bytes) else b"{}"
        self._send_http_response(error.CODE, dict(error.headers), self._reshaped(error.CODE, body))

    def _reshaped(self, status: int, body: bytes) -> bytes:
        """An answer of the gateway's own in the contract's form, as the deployed gateway gives
        it.
        """
        return reshape(status, body, host=self.headers.get("host", ""))

    def _send_sample(self, relative: str) -> None:
        path = sample_path(self._samples, relative) if self._samples is not None else None
        if path is None:
            self._send_http_response(
                HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"no such sample\n"
            )
            return
        headers = {
            "Content-Type": TYPES[path.suffix.lower()],
            "Cache-Control": "max-age=3600",
            "X-Content-Type-Options": "nosniff",
        }
        self._send_http_response(HTTPStatus.OK, headers, path.read_bytes())

    # the overridden form
    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What http.server itself refuses, such as a method it does not know or a line it cannot
        read, in the contract's form.
        """
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else code
        host = self.headers.get("host", "") if hasattr(self, "headers") else ""
        body = reshape(
            status,
            json.dumps({"message": message or "the request cannot be read"}).encode(),
            host=host,
        )
        self.close_connection = True
        self._send_http_response(
            status, {"Content-Type": "application/json;charset=utf-8", "Connection": "close"}, body
        )
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the overridden name
        """Quiet: the gateway writes one line a request itself."""
