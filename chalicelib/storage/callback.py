"""Tells a caller's address that a job has ended. The address is the caller's choice, so it must not
reach into our own network.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from chalicelib.errors import InvalidField

_LIMIT_S: Final = 5.0
"""CONTRACT §7."""
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""RFC 6052: its last 32 bits are the IPv4 address."""

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to IP addresses. Raises OSError."""


def resolve(host: str, port: int) -> list[str]:
    """The addresses of `host` by the system's resolver. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def is_public(address: str) -> bool:
    """Whether `address` is one that everybody on the Internet may use: not private, loopback,
    link-local, multicast or reserved.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    reached: ipaddress.IPv4Address | ipaddress.IPv6Address = found
    if isinstance(found, ipaddress.IPv6Address):  # some stand for an IPv4 address, and lead there
        translated = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None
        reached = found.ipv4_mapped or found.sixtofour or translated or found
    return reached.is_global and not reached.is_multicast


def check(url: str) -> None:
    """Raises InvalidField("callback") for an address that is plainly none of the Internet's. A name
    is looked up when it is called.
    """
    parts = urlsplit(url)
    host = parts.hostname
    try:
        port = parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or port == 0:
        raise InvalidField(
            "callback",
            f"the callback address {url[:80]!r} must be http(s)://host/…, without user and "
            "password",
        )
    with contextlib.suppress(ValueError):
        if is_public(host):
            return
        raise InvalidField(
            "callback",
            f"the callback address {url[:80]!r} is private; only public addresses are called",
        )
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        raise InvalidField(
            "callback",
            f"the callback address {url[:80]!r} is private; only public addresses are called",
        )


def post(
    url: str,
    body: bytes,
    *,
    resolver: Resolve = resolve,
    allowed: Callable[[str], bool] = is_public,
    limit_s: float = _LIMIT_S,
) -> bool:
    """POSTs JSON to `url` once; follows nothing, reads nothing but the status. Whether it was
    answered within `limit_s`.

    The name is resolved once and the connection goes to that very address, so a name that changes
    its mind cannot lead inside. All of it, the look-up and a server that answers one byte at a time
    too, gets `limit_s` seconds: what is slower goes on unheeded.
    """
    answered = threading.Event()
    sender = threading.Thread(
        target=_send, args=(url, body, resolver, allowed, answered), name="callback", daemon=True
    )
    sender.start()
    sender.join(limit_s)
    return answered.is_set()


def _send(
    url: str,
    body: bytes,
    resolver: Resolve,
    allowed: Callable[[str], bool],
    answered: threading.Event,
) -> None:
    """The POST itself; sets `answered` when a status came back. Raises nothing."""
    # the contract: the result of a callback is ignored, and so is its failure
    with contextlib.suppress(OSError, http.client.HTTPException, InvalidField, ValueError):
        if allowed is is_public:
            check(url)
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        addresses = resolver(parts.hostname or "", port)
        if not addresses or not all(map(allowed, addresses)):
            return
        with contextlib.closing(
            _Pinned(parts.hostname or "", port, addresses[0], secure=secure)
        ) as connection:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(
                "POST",
                target,
                body,
                {"Content-Type": "application/json;charset=utf-8", "User-Agent": "Lookalike"},
            )
            connection.getresponse()
        answered.set()


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever the name says by now."""

    def __init__(self, host: str, port: int, address: str, *, secure: bool) -> None:
        super().__init__(host, port, timeout=_LIMIT_S)
        self._address = address
        self._context = ssl.create_default_context() if secure else None
        self.default_port = 443 if secure else 80

    def connect(self) -> None:
        """Connects to the address; TLS checks the name."""
        self.sock = socket.create_connection((self._address, self.port), _LIMIT_S)
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
