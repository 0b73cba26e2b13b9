"""Requests of people without a key, made to cost as much as they can. `python -m
tests.gateway.attacks` prints what each costs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from chalicelib.gateway.wire.incoming import Answer, Incoming
from chalicelib.usecases.keys import NewKey
from tests.gateway.client import FORM, HOST, Client, acs3, roa, rpc

Attack = Callable[[Client], Incoming]

FULL = 8 * 1024 * 1024 - 1024
"""Bytes of the largest body that is looked at at all."""
JSON = "application/json"


def _post(
    body: bytes,
    kind: str = FORM,
    *,
    path: str = "/",
    query: dict[str, str] | None = None,
    **headers: str,
) -> Attack:
    """Unsigned, or with the headers given."""
    given = {name.replace("_", "-"): text for name, text in headers.items()}

    def made(_: Client) -> Incoming:
        pairs = {"host": HOST, "content-type": kind, **given}.items()
        return Incoming.of("POST", path, query=(query or {}).items(), headers=pairs, body=body)

    return made


def _guessed(client: Client) -> NewKey:
    """A key id that is known, as ids are no secrets, with a secret that is not."""
    return NewKey(client.key.key_id, "guessed")


def _signed(body: bytes, kind: str = FORM, *, late: float = 0.0, known: bool = True) -> Attack:
    """ACS3 with a made-up secret."""

    def made(client: Client) -> Incoming:
        key = _guessed(client) if known else NewKey("LAnobody", "guessed")
        now = client.clock.now - late
        return acs3(key, "AddImage", "2020-12-14", now=now, body=body, content_type=kind)

    return made


def _classic(path: str, body: bytes, kind: str = FORM) -> Attack:
    """ROA with a made-up secret."""
    return lambda client: roa(
        _guessed(client), path, now=client.clock.now, body=body, content_type=kind
    )


def _form(client: Client, body: bytes, *, late: float = 0.0, known: bool = True) -> Incoming:
    """RPC with a made-up secret over `body`, without the work of signing it."""
    key = _guessed(client) if known else NewKey("LAnobody", "guessed")
    query = rpc(key, "AddImage", {}, now=client.clock.now - late).query
    headers = [("host", HOST), ("content-type", FORM)]
    return Incoming.of("POST", "/", query=query, headers=headers, body=body)


def _rpc(body: bytes, *, late: float = 0.0, known: bool = True) -> Attack:
    return lambda client: _form(client, body, late=late, known=known)


def _in_form(body: bytes) -> Attack:
    """RPC with even the signature in the form, so that the form must be read to find it."""

    def made(client: Client) -> Incoming:
        sent = rpc(_guessed(client), "AddImage", {}, now=client.clock.now).query
        headers = [("host", HOST), ("content-type", FORM)]
        whole = urlencode(sent).encode() + b"&" + body
        return Incoming.of("POST", "/", query=(), headers=headers, body=whole)

    return made


def _parts(*parts: bytes, boundary: str = "41") -> Attack:
    """A multipart form of whole parts."""
    edge = b"--" + boundary.encode()
    body = b"".join(edge + b"\r\n" + part + b"\r\n" for part in parts) + edge + b"--\r\n"
    return _post(body, f"multipart/form-data; boundary={boundary}")


def _part(name: str, content: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content


def _upload(client: Client, **large: bytes) -> Incoming:
    """The helper's second hop with a known key id and a made-up grant."""
    fields = {
        "OSSAccessKeyId": client.key.key_id.encode(),
        "Signature": b"x",
        "key": b"uploads/x/y",
        "policy": b"x",
        "file": b"x",
        **large,
    }
    return _parts(*(_part(name, content) for name, content in fields.items()))(client)


MEMBERS = json.dumps({f"m{number}": number for number in range(470_000)}).encode()[:FULL]
PICTURE = urlencode({"PicContent": base64.b64encode(bytes(range(256)) * 23_000)}).encode()[:FULL]
HEADS = b"content-disposition:form-data;" * 136

ATTACKS: dict[str, Attack] = {
    "nothing": _post(b""),
    "JSON of 470,000 members, made-up signature": _signed(MEMBERS, JSON),
    "JSON of 470,000 members, unsigned": _post(MEMBERS, JSON),
    "JSON of 470,000 members, RPC": lambda client: _post(
        MEMBERS, JSON, query=dict(rpc(_guessed(client), "AddImage", {}, now=client.clock.now).query)
    )(client),
    "JSON nested a million deep": _post(b"[" * 1_000_000, JSON),
    "JSON as a bearer": _post(MEMBERS, JSON, authorization="Bearer x.y"),
    "JSON as a bearer who is known": lambda client: _post(
        MEMBERS, JSON, authorization=f"Bearer {client.key.key_id}.guessed"
    )(client),
    "ACS3 over 8 MB": _signed(b"PicContent=" + b"A" * FULL),
    "ACS3 over 8 MB, nobody's key": _signed(b"PicContent=" + b"A" * FULL, known=False),
    "ACS3 over 8 MB, a day late": _signed(b"PicContent=" + b"A" * FULL, late=86_400),
    "ACS3 with 2,000 signed headers": lambda client: acs3(
        _guessed(client),
        "Detail",
        "2020-12-14",
        now=client.clock.now,
        extra={f"x-acs-{number}": "v" for number in range(2000)},
    ),
    "ACS3 with 100 KB of query": lambda client: acs3(
        _guessed(client),
        "Detail",
        "2020-12-14",
        now=client.clock.now,
        query={f"q{number}": "é" * 30 for number in range(1500)},
    ),
    "an Authorization of 200 KB": _post(b"", authorization="ACS3-HMAC-SHA256 " + "a;" * 100_000),
    "a Date of 200 KB": _post(b"", authorization="acs a:b", date="Sun, " * 40_000),
    "a time stamp of 200 KB": lambda client: Incoming.of(
        "POST",
        "/",
        query=[
            (name, "2026-" * 40_000 if name == "Timestamp" else text)
            for name, text in rpc(client.key, "Detail", {}, now=0.0).query
        ],
        headers=[("host", HOST)],
        body=b"",
    ),
    "ROA over 8 MB": _classic("/v2/image/add", b"A" * FULL),
    "ROA over 8 MB for 2018": _classic(
        "/item/add", b"a,0,8#" * (FULL // 6), "application/octet-stream"
    ),
    "RPC over a picture of 8 MB": _rpc(b"PicContent=" + b"A" * FULL),
    "RPC over a picture as it is sent": _rpc(PICTURE),
    "RPC over a picture, all in the form": _in_form(PICTURE),
    "RPC over a picture, nobody's key": _rpc(PICTURE, known=False),
    "RPC over a picture, a day late": _rpc(PICTURE, late=86_400),
    "RPC over slashes": _rpc(b"PicContent=" + b"/" * FULL),
    "RPC over escapes as signed": _rpc(b"PicContent=" + b"%2F" * (FULL // 3)),
    "RPC over 1,200,000 escapes": _rpc(
        b"PicContent=" + b"%2F" * 1_199_000 + b"A" * (FULL - 3_600_000)
    ),
    "RPC over 299,000 small escapes": _rpc(
        b"PicContent=" + b"%2f%0a%3bAAAAAAAAAAAAAAAAAAAAA" * (299_000 // 3)
    ),
    "RPC over 299,000 characters to escape": _rpc(
        b"PicContent=" + b"/%0aA,%0d%3aAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" * (299_000 // 5)
    ),
    "RPC over small escapes": _rpc(b"PicContent=" + b"%2f" * (FULL // 3)),
    "RPC over pluses": _rpc(b"PicContent=" + b"+" * FULL),
    "RPC over every spelling": _rpc(b"PicContent=" + b"%2B%2b+%0a%0D/=%3d:;," * (FULL // 26)),
    "RPC over letters in escapes": _rpc(b"PicContent=" + b"%41" * (FULL // 3)),
    "RPC over bytes": _rpc(b"PicContent=" + bytes(range(128, 256)) * (FULL // 128)),
    "RPC over two pictures": _rpc(
        b"PrimaryPicContent=" + b"/" * (FULL // 2) + b"&SecondaryPicContent=" + b"+" * (FULL // 2)
    ),
    "RPC over texts of escapes": _rpc(
        b"&".join(b"n%d=" % number + b"%41" * 21_000 for number in range(120))
    ),
    "RPC over 190 texts as large as they may be": _rpc(
        b"&".join(b"n%d=" % number + b"%F0%9F" * 110 for number in range(180))
    ),
    "RPC over ampersands": _rpc(b"&" * FULL),
    "RPC over 4 million parameters": _rpc(b"a&" * (FULL // 2)),
    "RPC over a name of 8 MB": _rpc(b"%41" * (FULL // 3)),
    "multipart without an end": _post(
        b"--41\r\n" + b"\r\n--4" * (FULL // 5), "multipart/form-data; boundary=41"
    ),
    "multipart of boundaries": _post(b"--41\r\n" * (FULL // 6), "multipart/form-data; boundary=41"),
    "multipart of heads": _parts(*[HEADS + b"\r\n\r\n"] * 19),
    "multipart of lines of heads": _parts(*[HEADS.replace(b";", b";\r\n") + b"\r\n\r\n"] * 19),
    "multipart of names": _parts(*[HEADS + b'name="' * 60 + b"\r\n\r\n"] * 19),
    "an upload of 8 MB with a made-up grant": lambda client: _upload(
        client, file=b"A" * (FULL - 9000)
    ),
    "an upload with a policy of 8 MB": lambda client: _upload(client, policy=b"A" * (FULL - 9000)),
    "an action by curl -F": _parts(
        _part("Action", b"AddImage"), _part("PicContent", b"A" * (FULL - 9000))
    ),
    "a body of 8 MB at a path that is none": _post(b"A" * FULL, path="/nowhere/" + "x" * 2000),
    "a body that is too large": _post(b"A" * (FULL + 2048)),
}
"""By what it is. Each is answered with a 4xx."""


def cost(client: Client, attack: Attack) -> tuple[Answer, float, float]:
    """(answer, seconds of CPU at best of three, bytes at most beyond the request itself)."""
    spent = []
    for _ in range(3):
        incoming = attack(client)
        begun = time.process_time()
        answer = client.send(incoming)
        spent.append(time.process_time() - begun)
    incoming = attack(client)
    tracemalloc.start()
    client.send(incoming)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return answer, min(spent), peak


def table() -> Iterator[str]:
    """One line an attack."""
    client = Client.new()
    for name, attack in ATTACKS.items():
        answer, seconds, peak = cost(client, attack)
        code = json.loads(answer.body)["Code"] if answer.body[:1] == b"{" else "XML"
        yield f"{seconds * 1000:6.1f} ms {peak / 1e6:6.1f} MB  {answer.status} {code:26} {name}"


def yardstick() -> float:
    """Seconds of CPU that this machine takes to hash 8 MB, which is what a signature costs."""
    begun = time.process_time()
    hashlib.sha1(bytes(FULL), usedforsecurity=False).digest()
    return time.process_time() - begun


if __name__ == "__main__":
    print(f"{yardstick() * 1000:6.1f} ms to hash 8 MB with SHA-1")
    for line in table():
        print(line)
