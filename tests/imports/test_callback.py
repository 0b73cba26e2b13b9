"""Callbacks go to public addresses only, to the very address that was checked, and never hold up a
job.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from chalicelib.errors import InvalidField
from chalicelib.storage.callback import check, is_public, post

PATIENT_S = 120.0
"""For an answer that must come, on a machine that has much else to do."""


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://10.1.2.3/x",
        "http://192.168.0.1:8080/",
        "http://172.16.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://0.0.0.0/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://localhost/x",
        "http://db.internal/x",
        "http://user:secret@example.com/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "ftp://example.com/",
        "http:///x",
    ],
)
def test_addresses_that_are_not_everybodys_are_refused(url: str) -> None:
    with pytest.raises(InvalidField) as caught:
        check(url)
    assert caught.value.field == "callback"


@pytest.mark.parametrize(
    "url", ["https://example.com/done?id=1", "http://8.8.8.8/x", "http://[2606:4700::1111]/x"]
)
def test_public_addresses_pass(url: str) -> None:
    check(url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::8.8.8.8", True),
        ("2002:0a00:0001::1", False),
        ("2002:0808:0808::1", True),
        ("fe80::1%eth0", False),
        ("2606:4700::1111", True),
    ],
)
def test_what_public_means(address: str, public: bool) -> None:
    assert is_public(address) is public


@contextlib.contextmanager
def listener(
    status: int = 200, *, hold: threading.Event | None = None
) -> Iterator[tuple[int, list[tuple[str, str, bytes]]]]:
    """A server on a free port of this machine; what it was sent. Answers when `hold` lets it."""
    heard: list[tuple[str, str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["Host"], self.path, body))
            if hold:
                hold.wait(60)
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        # the overridden name
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port, heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_row_is_posted_once_with_the_name_as_host() -> None:
    body = json.dumps({"Id": 5}).encode()
    with listener() as (port, heard):
        url = f"http://shop.example:{port}/done?a=1"
        sent = post(
            url, body, resolver=lambda *_: ["127.0.0.1"], allowed=lambda _: True, limit_s=PATIENT_S
        )
    assert sent
    assert heard == [(f"shop.example:{port}", "/done?a=1", body)]


def test_a_server_that_does_not_come_to_an_end_holds_up_nothing() -> None:
    hold = threading.Event()
    with listener(hold=hold) as (port, _):
        url = f"http://shop.example:{port}/"
        assert not post(
            url, b"{}", resolver=lambda *_: ["127.0.0.1"], allowed=lambda _: True, limit_s=0.2
        )
        hold.set()


def test_redirects_are_not_followed() -> None:
    with listener(302) as (port, heard):
        url = f"http://shop.example:{port}/"
        assert post(
            url, b"{}", resolver=lambda *_: ["127.0.0.1"], allowed=lambda _: True, limit_s=PATIENT_S
        )
    assert len(heard) == 1


def test_a_name_that_leads_inside_is_not_called() -> None:
    with listener() as (port, heard):
        for addresses in (["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], []):
            assert not post(
                f"http://rebound.example:{port}/", b"{}", resolver=lambda *_, found=addresses: found
            )
    assert heard == []


def test_whatever_goes_wrong_is_ignored() -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    assert not post("http://nowhere.example/", b"{}", resolver=nobody)
    assert not post(
        "http://closed.example:9/", b"{}", resolver=lambda *_: ["127.0.0.1"], allowed=lambda _: True
    )
    assert not post("nonsense", b"{}")
