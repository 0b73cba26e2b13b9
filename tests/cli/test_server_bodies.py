"""How the local server reads bodies."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.gateway.client import FORM
from tests.live import Live, live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live(tmp_path_factory.mktemp("state")) as running:
        yield running


def token(server: Live) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.key_id}.{server.secret}", "Content-Type": FORM}


def test_a_body_in_chunks_is_read_whole_and_the_connection_goes_on(server: Live) -> None:
    connection = http.client.HTTPConnection(server.host, timeout=30)
    body = urlencode({"Action": "Detail", "InstanceName": "product"}).encode()
    for _ in range(2):
        connection.request(
            "POST", "/", body=iter([body[:5], body[5:]]), headers=token(server), encode_chunked=True
        )
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["Instance"]["Name"] == "product"
    connection.close()


@pytest.mark.parametrize(
    ("chunks", "status"),
    [
        (b"zz\r\nx\r\n0\r\n\r\n", 400),
        (b"\r\n", 400),
        (b"-1\r\n", 400),
        (b"FFFFFFFF\r\n", 413),
        (b"123456789\r\n", 400),
    ],
)
def test_chunks_that_are_none_are_refused_in_the_contracts_form(
    server: Live, chunks: bytes, status: int
) -> None:
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        )
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == status
        assert set(json.loads(answer.read())) == {"RequestId", "HostId", "Code", "Message"}


@pytest.mark.parametrize(
    ("line", "status"),
    [(b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405), (b"GET /" + b"x" * 70_000, 414)],
)
def test_what_the_server_itself_refuses_has_the_contracts_form(
    server: Live, line: bytes, status: int
) -> None:
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(line)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == status
        assert set(json.loads(answer.read())) == {"RequestId", "HostId", "Code", "Message"}


def test_a_state_is_kept_between_servers(tmp_path: Path) -> None:
    for _ in range(2):
        with live(tmp_path) as running:
            assert (
                running.call("Detail", {"InstanceName": "generic"})["Instance"]["ServiceType"] == 1
            )
