"""An HTTP server in front of moto that does to requests and answers what a plan says."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.moto_server import LockedApp
from tests.network.faults import REFUSALS, Plan

_ERROR = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>{code}</Code><Message>told so</Message></Error>"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    """With its query."""
    headers: dict[str, str]
    body: bytes

    @property
    def verb(self) -> str:
        """The method, or LIST."""
        return "LIST" if "list-type=2" in self.path else self.method


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Network:
    """What lies between a client and the store, and a count of what it did."""

    plan: Plan
    url: str = ""
    requests: Counter[str] = field(default_factory=Counter)
    """By verb."""
    faults: Counter[str] = field(default_factory=Counter)
    """By kind."""
    _app: Any = field(default_factory=lambda: LockedApp(_moto()))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _late: list[tuple[int, Asked]] = field(default_factory=list)

    def number(self, asked: Asked) -> int:
        """Of this request; what was put off until now is done first."""
        with self._lock:
            self.requests[asked.verb] += 1
            number = self.requests.total()
            due = [late for at, late in self._late if at <= number]
            self._late = [(at, late) for at, late in self._late if at > number]
        for late in due:
            self.done(late)
        return number

    def done(self, asked: Asked) -> Answered:
        """The store's own answer."""
        builder = EnvironBuilder(
            path=asked.path.partition("?")[0],
            query_string=asked.path.partition("?")[2],
            method=asked.method,
            base_url=self.url,
            headers=list(asked.headers.items()),
            data=asked.body,
        )
        parts, status, headers = run_wsgi_app(self._app, builder.get_environ(), buffered=True)
        return Answered(int(status.split()[0]), list(headers), b"".join(parts))

    def put_off(self, asked: Asked, until: int) -> None:
        """`asked` is done again at request number `until`."""
        with self._lock:
            self._late.append((until, asked))


def _moto() -> Any:
    return DomainDispatcherApplication(create_backend_app)


def spoilt(kind: str, answer: Answered, place: int) -> Answered:
    """`answer` with something wrong; `place` picks where."""
    if kind == "gateway":
        return Answered(503, [("Content-Type", "text/html")], b"<html>upstream went away</html>")
    if kind == "internal after":
        return Answered(500, [], _ERROR.format(code="InternalError").encode())
    if kind == "empty":
        return Answered(200, [], b"")
    if kind == "emptied":
        return Answered(answer.status, answer.headers, b"")
    if kind == "cut xml":
        return Answered(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
    if kind == "flip" and answer.body and answer.status < 300:
        body = bytearray(answer.body)
        body[place % len(body)] ^= 1 << place % 8
        return Answered(answer.status, answer.headers, bytes(body))
    return answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: Network

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        asked = Asked(self.command, self.path, dict(self.headers.items()), body)
        network = self.network
        number = network.number(asked)
        kind = network.plan.fate(number, asked.verb, asked.path.partition("?")[0])
        if kind:
            network.faults[kind] += 1
        if kind in REFUSALS:
            status, code = REFUSALS[kind]
            self._send(Answered(status, [], _ERROR.format(code=code).encode()))
        elif kind == "reset":
            self._hang_up()
        else:
            self._suffer(kind, asked, number)

    def _suffer(self, kind: str, asked: Asked, number: int) -> None:
        """Has the store do what was asked, and sends what the plan leaves of its answer."""
        network, place = self.network, network_place(self.network, number)
        if kind == "empty" and place % 2:
            self._send(Answered(200, [], b""))
            return
        answer = network.done(asked)
        if kind == "duplicate":
            answer = network.done(asked)
        if kind == "late":
            network.put_off(asked, number + 20 + place % 300)
        if kind == "delay":
            time.sleep(place % 30 / 1000)
        if kind == "silent":
            time.sleep(network.plan.silence_s)
        if kind in {"lost", "lost, then busy", "silent"}:
            self._hang_up()
        elif kind == "cut":
            self._send(answer, stop=len(answer.body) // 2)
        else:
            self._send(spoilt(kind, answer, place))

    def _send(self, answer: Answered, *, stop: int | None = None) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            if name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        if answer.status not in {204, 304}:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[:stop])
        if stop is not None:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    # the overridden name
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""

    def handle(self) -> None:
        """Clients hang up, too."""
        with contextlib.suppress(OSError):
            super().handle()


for _method in ("GET", "PUT", "POST", "DELETE", "HEAD"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)


def network_place(network: Network, number: int) -> int:
    """A random number that depends on the request's number alone."""
    return network.plan.rng(-number).randrange(1 << 30)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def finish_request(self, request: Any, client_address: Any) -> None:
        with contextlib.suppress(OSError):
            super().finish_request(request, client_address)


@contextlib.contextmanager
def faulty_moto(plan: Plan) -> Iterator[Network]:
    """Serves on a free loopback port, which `url` of the network names."""
    network = Network(plan)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"network": network}))
    network.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield network
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
