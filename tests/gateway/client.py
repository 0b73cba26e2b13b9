"""A caller for tests: signs as the SDKs do and hands requests straight to the gateway."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
from PIL import Image

from chalicelib.config import Settings
from chalicelib.contract.messages import CreateCollection
from chalicelib.gateway.dispatch import Gateway
from chalicelib.gateway.wire.incoming import Answer, Incoming
from chalicelib.index.catalog import Catalog
from chalicelib.service import Service
from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.secrets import MemorySecrets
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import NewKey, create_key
from chalicelib.usecases.manage import create_collection
from chalicelib.vision.analysis import PictureAnalyzer
from tests.doubles import TinyAnalyzer

FORM = "application/x-www-form-urlencoded"
HOST = "search.example"


@dataclass(slots=True)
class Clock:
    """Stands still until told."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        return self.now


def memory_deployment(
    settings: Settings | None = None,
    *,
    clock: Clock | None = None,
    models: PictureAnalyzer | None = None,
) -> Deployment:
    """A real deployment in memory, with the tiny analyzer unless `models` are given."""
    clock = clock or Clock()
    store = MemoryStore()
    analyzer = models or TinyAnalyzer()

    def new_id() -> str:
        return uuid.uuid4().hex

    return Deployment(
        settings=settings or Settings(),
        store=store,
        catalog=Catalog(store, clock=clock, new_id=new_id),
        secrets=MemorySecrets(),
        analyzer=lambda: analyzer,
        clock=clock,
        new_id=new_id,
    )


def picture(
    seed: int = 0,
    size: tuple[int, int] = (120, 110),
    *,
    format: str = "PNG",  # noqa: A002  # as Pillow calls it
    bright: bool = True,
) -> bytes:
    """A picture of eight by eight fields of grey, the same for the same seed; `bright` ones are
    Tops to the tiny analyzer.
    """
    fields = np.random.default_rng(seed).integers(
        110 if bright else 0, 256 if bright else 120, (8, 8), dtype=np.uint8
    )
    buffer = io.BytesIO()
    Image.fromarray(fields).resize(size, Image.Resampling.NEAREST).convert("RGB").save(
        buffer, format=format
    )
    return buffer.getvalue()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def enc(text: str) -> str:
    return quote(text, safe="~")


def stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def acs3(
    key: NewKey,
    action: str,
    version: str,
    *,
    now: float,
    method: str = "POST",
    path: str = "/",
    query: Mapping[str, str] | None = None,
    body: bytes = b"",
    content_type: str = FORM,
    host: str = HOST,
    extra: Mapping[str, str] | None = None,
) -> Incoming:
    """Signed as the current SDKs sign."""
    query = query or {}
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-version": version,
        "x-acs-date": stamp(now),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        **({"content-type": content_type} if body else {}),
        **(extra or {}),
    }
    names = sorted(headers)
    block = "".join(f"{name}:{headers[name]}\n" for name in names)
    pairs = "&".join(f"{enc(name)}={enc(value)}" for name, value in sorted(query.items()))
    canonical = "\n".join(
        (method, path, pairs, block, ";".join(names), headers["x-acs-content-sha256"])
    )
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        "ACS3-HMAC-SHA256 "
        f"Credential={key.key_id},SignedHeaders={';'.join(names)},Signature={signature}"
    )
    return Incoming.of(method, path, query=query.items(), headers=headers.items(), body=body)


def rpc(
    key: NewKey, action: str, params: Mapping[str, str], *, now: float, method: str = "POST"
) -> Incoming:
    """Signed as hand-written clients sign: GET with everything in the query, POST with the
    parameters in a form.
    """
    common = {
        "Action": action,
        "Version": "2020-12-14",
        "AccessKeyId": key.key_id,
        "Timestamp": stamp(now),
        "SignatureNonce": uuid.uuid4().hex,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "Format": "JSON",
    }
    canonical = "&".join(
        f"{enc(name)}={enc(value)}" for name, value in sorted({**common, **params}.items())
    )
    text = f"{method}&%2F&{enc(canonical)}"
    common["Signature"] = b64(hmac.digest((key.secret + "&").encode(), text.encode(), "sha1"))
    if method == "GET":
        return Incoming.of(
            "GET", "/", query={**common, **params}.items(), headers=[("host", HOST)], body=b""
        )
    headers = [("host", HOST), ("content-type", FORM)]
    return Incoming.of(
        "POST", "/", query=common.items(), headers=headers, body=urlencode(params).encode()
    )


def roa(
    key: NewKey,
    path: str,
    *,
    now: float,
    query: Mapping[str, str] | None = None,
    body: bytes = b"",
    content_type: str = FORM,
) -> Incoming:
    """Signed as the classic core SDK signs, with Content-MD5 and without a nonce."""
    query = query or {}
    headers = {
        "accept": "application/json",
        "content-md5": b64(hashlib.md5(body).digest()),  # noqa: S324  # the scheme's own
        "content-type": content_type,
        "date": formatdate(now, usegmt=True),
        "x-acs-signature-method": "HMAC-SHA1",
        "host": HOST,
    }
    top = (
        "\n".join(
            ("POST", *(headers[name] for name in ("accept", "content-md5", "content-type", "date")))
        )
        + "\n"
    )
    resource = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
    text = top + "x-acs-signature-method:HMAC-SHA1\n" + path + (f"?{resource}" if resource else "")
    headers["Authorization"] = (
        f"acs {key.key_id}:{b64(hmac.digest(key.secret.encode(), text.encode(), 'sha1'))}"
    )
    return Incoming.of("POST", path, query=query.items(), headers=headers.items(), body=body)


@dataclass(slots=True)
class Client:
    """A deployment with one key and one collection per service type, and a caller of it."""

    deployment: Deployment
    gateway: Gateway
    key: NewKey
    clock: Clock

    @classmethod
    def new(
        cls, settings: Settings | None = None, *, models: PictureAnalyzer | None = None
    ) -> Client:
        clock = Clock()
        deployment = memory_deployment(settings, clock=clock, models=models)
        for service in Service:
            create_collection(CreateCollection(service.name.lower(), service), deployment)
        return cls(
            deployment, Gateway(deployment), create_key(deployment, name="test", bearer=True), clock
        )

    def send(self, incoming: Incoming) -> Answer:
        return self.gateway.answer(incoming)

    def call(
        self, action: str, params: Mapping[str, object] | None = None, *, key: NewKey | None = None
    ) -> tuple[int, dict[str, Any]]:
        """2020-12-14, ACS3, everything in the form. The status and the answer's members."""
        body = urlencode({name: str(value) for name, value in (params or {}).items()}).encode()
        answer = self.send(
            acs3(key or self.key, action, "2020-12-14", now=self.clock.now, body=body)
        )
        return answer.status, json.loads(answer.body)

    def ok(self, action: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
        status, members = self.call(action, params)
        assert status == 200, members
        return members

    def code(
        self, action: str, params: Mapping[str, object] | None = None, *, key: NewKey | None = None
    ) -> tuple[int, str]:
        status, members = self.call(action, params, key=key)
        assert {"RequestId", "HostId", "Code", "Message"} == set(members), members
        return status, members["Code"]

    def add(
        self, collection: str, product: str, name: str, data: bytes, **params: object
    ) -> dict[str, Any]:
        named = {
            "InstanceName": collection,
            "ProductId": product,
            "PicName": name,
            "PicContent": b64(data),
        }
        return self.ok("AddImage", {**named, **params})

    def with_key(self, **limits: Any) -> NewKey:
        return create_key(self.deployment, **limits)

    def later(self, seconds: float) -> None:
        self.clock.now += seconds
