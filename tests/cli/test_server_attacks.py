"""What a server must withstand, over raw sockets."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from chalicelib.errors import Conflict
from chalicelib.usecases.deployment import Deployment
from cli import connections
from cli.application import raw_path
from cli.serve import machine_key, running
from cli.server import Server
from demo.client import Client, ServiceError
from tests.gateway.client import picture

CONSOLE = b"GET /console/mark.svg HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = CONSOLE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


@pytest.fixture
def server(deployment: Deployment) -> Iterator[Server]:
    del deployment  # the environment's
    started = Server("127.0.0.1", 0, samples=None)
    started.start()
    yield started
    started.stop()


def _statuses(server: Server, data: bytes) -> list[int]:
    """Sends `data` over one connection and reads until the server ends it; the status of every
    answer.
    """
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        try:
            connection.sendall(data)
            while chunk := connection.recv(65536):
                answer += chunk
        except ConnectionError:
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: x", *lines, b"", body))


@pytest.mark.parametrize(
    "request_",
    [
        _post(b"Content-Length: " + b"9" * 5000),
        _post(b"Content-Length: " + b"0" * 5000),
        _post(b"Content-Length: 4", b"Content-Length: 40", body=b"abcd"),
        _post(b"Content-Length: 4", b"Content-Length: 4", body=b"abcd"),
        _post(b"Content-Length: 4, 4", body=b"abcd"),
        _post(b"Content-Length: +4", body=b"abcd"),
        _post(b"Content-Length: 0x4", body=b"abcd"),
        _post(b"Content-Length:", body=b"abcd"),
        _post(b"Content-Length : 4", body=b"abcd"),
        _post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        _post(b"Transfer-Encoding: chunked", b"Content-Length: 4", body=b"0\r\n\r\n"),
        _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        _post(b"X: y", b" Content-Length: 4", body=b"abcd"),
        b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\nHost: x\nContent-Length: 4\n\nabcd\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHo\x00st: x\r\n\r\n",
        b"no request at all\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    server: Server, request_: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _statuses(server, request_ + CONSOLE) == [400]
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"gzip", b"chunked, gzip", b"identity"])
def test_a_transfer_coding_that_is_not_read_is_refused(server: Server, coding: bytes) -> None:
    (status,) = _statuses(server, _post(b"Transfer-Encoding: " + coding, body=b"0\r\n\r\n"))
    assert status in (400, 501)


@pytest.mark.parametrize("method", [b"GET", b"DELETE", b"HEAD", b"OPTIONS"])
def test_a_body_nobody_expects_is_no_second_request(server: Server, method: bytes) -> None:
    head = method + b" /console/mark.svg HTTP/1.1\r\nHost: x\r\n"
    for inner in (
        head + b"Content-Length: %d\r\n\r\n" % len(CONSOLE) + CONSOLE,
        head
        + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(CONSOLE)
        + CONSOLE
        + b"\r\n0\r\n\r\n",
    ):
        assert len(_statuses(server, inner + LAST)) == 2


def test_requests_behind_one_another_are_answered_in_order(server: Server) -> None:
    missing = CONSOLE.replace(b"mark.svg", b"absent.js")
    assert _statuses(server, CONSOLE + missing + LAST) == [200, 404, 200]


@pytest.mark.parametrize(
    "endless",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"x" * 5000,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"x" * 5000,
    ],
)
def test_a_chunk_s_line_ends_somewhere(server: Server, endless: bytes) -> None:
    assert _statuses(server, endless) == [400]


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nX: ", _post(b"Content-Length: 100")])
def test_a_slow_drip_is_ended(
    server: Server, start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.5)
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(start)
        ended = threading.Event()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not ended.is_set():
            try:
                connection.sendall(b"x")
            except ConnectionError:
                ended.set()
            time.sleep(0.1)
    assert ended.is_set()


def test_a_client_that_goes_away_leaves_no_trace(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    for request in (CONSOLE, _post(b"Content-Length: 100", body=b"x"), b"GET"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
            connection.sendall(request)
    assert _statuses(server, LAST) == [200]
    assert "Traceback" not in capfd.readouterr().err


def test_bodies_are_never_put_into_a_file(
    server: Server, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spool(*_: object, **__: object) -> None:
        raise AssertionError("a body went to the disk")

    monkeypatch.setattr("tempfile.TemporaryFile", spool)
    monkeypatch.setattr("waitress.buffers.TempfileBasedBuffer.newfile", spool)
    client = Client(f"127.0.0.1:{server.port}", *machine_key(deployment))
    with pytest.raises(ServiceError, match="no collection absent"):
        client.call("SearchImageByPic", InstanceName="absent", PicContent="A" * 4_000_000)
    body = b"5\r\nhello\r\n" * 150_000 + b"0\r\n\r\n"
    head = _post(b"Transfer-Encoding: chunked", b"Connection: close")
    assert _statuses(server, head + body)[0] < 500


def test_many_clients_are_answered_at_once_each_with_its_own(
    server: Server, deployment: Deployment
) -> None:
    client = Client(f"127.0.0.1:{server.port}", *machine_key(deployment))
    wrong: list[str] = []

    def ask(number: int) -> None:
        for _ in range(10):
            try:
                client.call("Detail", InstanceName=f"none-{number}")
            except ServiceError as error:
                if f"none-{number}" not in str(error):
                    wrong.append(str(error))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_address_of_the_sixth_version_is_listened_on(deployment: Deployment) -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with running("::1", 0, deployment) as server:
        client = Client(f"[::1]:{server.port}", *machine_key(deployment))
        with pytest.raises(ServiceError, match="InstanceNotFound"):
            client.call("Detail", InstanceName="absent")


def test_a_host_that_is_none_is_named(deployment: Deployment) -> None:
    with (
        pytest.raises(Conflict, match=r"cannot listen on nowhere\.invalid:0"),
        running("nowhere.invalid", 0, deployment),
    ):
        pass


def test_a_target_s_path_is_what_was_sent() -> None:
    assert raw_path("/a%20b?c=/d") == "/a%20b"
    assert raw_path("//host/path#x") == "//host/path"
    assert raw_path("http://host/path?query") == "/path"
    assert raw_path("http://host") == "/"


def test_a_picture_in_a_form_and_one_in_a_query_arrive_whole(
    server: Server, deployment: Deployment
) -> None:
    """Any bytes: the adapter sends bodies on in base64, as Lambda does."""
    body = urlencode({"PicContent": picture(1).hex()}).encode() + bytes(range(256))
    head = _post(b"Content-Length: %d" % len(body), b"Connection: close")
    (status,) = _statuses(server, head + body)
    assert 400 <= status < 500


_INTERRUPTED = """
import os, signal, sys, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
import lookalike
sys.argv[1:] = ["serve", "--port", "0", "--json"]
threading.Timer(float({after_s}), os.kill, (os.getpid(), signal.SIGINT)).start()
lookalike.run()
"""


@pytest.mark.parametrize("after_s", [0.1, 0.25, 0.4, 0.7, 1.0, 1.5])
def test_ctrl_c_at_any_moment_leaves_no_trace(tmp_path: Path, after_s: float) -> None:
    """Counted from the first line that is ours; before it Python itself starts."""
    environment = {
        **os.environ,
        "LOOKALIKE_STORE": str(tmp_path / "data"),
        "LOOKALIKE_SECRETS": str(tmp_path / "keys.json"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED.format(after_s=after_s)],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 130, -signal.SIGINT), done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert all(json.loads(line) for line in done.stdout.splitlines())
