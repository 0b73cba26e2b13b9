"""The local server over real sockets."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib.errors import Conflict
from chalicelib.usecases.deployment import Deployment
from cli.connections import MAX_BODY
from cli.serve import machine_key, running
from cli.server import Server
from demo.client import Client, ServiceError
from demo.samples import samples_folder


@pytest.fixture
def server(deployment: Deployment) -> Iterator[Server]:
    with _served(deployment) as started:
        yield started


@contextmanager
def _served(deployment: Deployment) -> Iterator[Server]:
    started = Server("127.0.0.1", 0, samples=samples_folder(deployment.settings))
    started.start()
    try:
        yield started
    finally:
        started.stop()


def _get(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return (
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            response.read(),
        )
    finally:
        connection.close()


def _raw(server: Server, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def test_the_console_is_served_and_found_from_the_root(server: Server) -> None:
    status, headers, body = _get(server, "/console/")
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert b"<title>Lookalike</title>" in body
    assert _get(server, "/console/app.js")[1]["content-type"].startswith("text/javascript")
    assert _get(server, "/console/absent.js")[0] == 404
    for path in ("/", "/console"):
        status, headers, _ = _get(server, path, Accept="text/html")
        assert (status, headers["location"]) == (308, "/console/")


def test_samples_are_served_with_their_type_and_nothing_else_is(
    server: Server, deployment: Deployment
) -> None:
    folder = samples_folder(deployment.settings)
    assert folder is not None
    (folder / "demo").mkdir(parents=True)
    (folder / "demo" / "a b.png").write_bytes(b"png")
    assert _get(server, "/samples/demo/a%20b.png") == (
        200,
        _get(server, "/samples/demo/a%20b.png")[1],
        b"png",
    )
    assert _get(server, "/samples/demo/a%20b.png")[1]["content-type"] == "image/png"
    for path in (
        "/samples/../keys.json",
        "/samples/demo/..%2f..%2fkeys.json",
        "/samples/",
        "/samples/demo/absent.png",
    ):
        assert _get(server, path)[0] == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing/here"), ("DELETE", "/"), ("PUT", "/v2/image/add")]
)
def test_what_is_not_there_is_refused_in_the_contract_s_form(
    server: Server, method: str, path: str
) -> None:
    status, _, body = _get(server, path, method)
    assert 400 <= status < 500
    assert {"RequestId", "Code", "Message"} <= json.loads(body).keys()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"Content-Length: many", b"400"),
        (b"Content-Length: -5", b"400"),
        (b"Content-Length: %d" % (MAX_BODY + 1), b"413"),
        (b"Transfer-Encoding: chunked\r\n\r\nmany", b"400"),
        (b"Transfer-Encoding: chunked\r\n\r\nffffffff", b"413"),
    ],
)
def test_a_body_that_cannot_or_will_not_be_read_is_refused_at_once(
    server: Server, head: bytes, status: bytes
) -> None:
    answer = _raw(server, b"POST / HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n\r\n")
    assert answer.split(b" ")[1] == status
    assert {"RequestId", "Code", "Message"} <= json.loads(answer.partition(b"\r\n\r\n")[2]).keys()


def test_connections_are_kept_and_answers_come_without_delay(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/console/mark.svg")
        response = connection.getresponse()
        assert response.status == 200
        assert response.read().startswith(b"<svg")
    assert connection.sock is not None
    connection.close()


def test_a_client_signs_in_and_is_answered(server: Server, deployment: Deployment) -> None:
    client = Client(f"127.0.0.1:{server.port}", *machine_key(deployment))
    with pytest.raises(ServiceError, match="InstanceNotFound"):
        client.call("Detail", InstanceName="absent")
    with pytest.raises(ServiceError, match="SignatureDoesNotMatch"):
        Client(client.host, client.key_id, "guessed").call("Detail", InstanceName="absent")


def test_the_machine_s_key_is_made_once(deployment: Deployment) -> None:
    assert machine_key(deployment) == machine_key(deployment)


def test_stopping_waits_for_the_request_under_way(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on = threading.Event(), threading.Event()
    answers: list[int] = []

    def slow(folder: Path, relative: str) -> Path | None:
        del folder, relative
        begun.set()
        goes_on.wait(10)
        return None

    monkeypatch.setattr("cli.application.sample_path", slow)
    server = Server("127.0.0.1", 0, samples=samples_folder(deployment.settings))
    server.start()
    asking = threading.Thread(target=lambda: answers.append(_get(server, "/samples/demo/x.png")[0]))
    asking.start()
    assert begun.wait(10)
    assert server.stop(patience_s=0.05) is False
    goes_on.set()
    asking.join(10)
    assert answers == [404]


def test_a_taken_port_is_named_with_what_to_do(deployment: Deployment) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(Conflict, match=f"127.0.0.1:{port}.*--port"),
            running("127.0.0.1", port, deployment),
        ):
            pass


def test_housekeeping_compacts_in_the_background(deployment: Deployment) -> None:
    from dataclasses import replace

    from chalicelib.contract.messages import AddPicture, CreateCollection
    from chalicelib.service import Service
    from chalicelib.usecases.add import add_picture
    from chalicelib.usecases.maintain import look
    from chalicelib.usecases.manage import create_collection
    from cli.housekeeping import Housekeeping
    from tests.gateway.client import picture

    create_collection(CreateCollection("busy", Service.GENERIC), deployment)
    add_picture(AddPicture("busy", "p", "a.png", picture(1)), deployment)
    eager = replace(deployment, settings=replace(deployment.settings, compact_log_objects=1))
    with Housekeeping(eager, compact_s=0.01):
        deadline = time.monotonic() + 10
        while look(deployment, "busy").log_objects and time.monotonic() < deadline:
            time.sleep(0.01)
    assert look(deployment, "busy").log_objects == 0
    assert look(deployment, "busy").segments == 1
