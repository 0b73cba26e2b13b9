"""The captured requests of the official SDKs, as this gateway receives them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from chalicelib.gateway.wire.incoming import Incoming

FOLDER = Path(__file__).with_name("vectors")
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
SIGNED = [name for name in NAMES if name != "advance_2_PostObject"]


def captured(prefix: str = "", *, but: str = "-") -> pytest.MarkDecorator:
    """Runs a test with the name of each signed capture that begins with `prefix` and not with
    `but`.
    """
    names = [name for name in SIGNED if name.startswith(prefix) and not name.startswith(but)]
    assert names, prefix
    return pytest.mark.parametrize("name", names)


@dataclass(frozen=True, slots=True)
class Capture:
    """One request with the key that signed it."""

    name: str
    incoming: Incoming
    key_id: str
    secret: str
    action: str
    version: str
    scheme: str

    @property
    def unsigned_body(self) -> bool:
        """ROA v1 of the newer SDKs, which leaves the body out."""
        return self.scheme.startswith("ROA") and not self.incoming.header("content-md5")


def load(name: str) -> Capture:
    """The capture `name`."""
    record = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    request = record["request"]
    body = (
        base64.b64decode(request["body"])
        if request["body_encoding"] == "base64"
        else request["body"].encode()
    )
    parts = urlsplit(request["target"])
    incoming = Incoming.of(
        request["method"],
        parts.path,
        query=parse_qsl(parts.query, keep_blank_values=True),
        headers=[(pair[0], pair[1]) for pair in request["headers"]],
        body=body,
    )
    return Capture(
        name=name,
        incoming=incoming,
        key_id=record["access_key_id"],
        secret=record["access_key_secret"],
        action=record["action"] or "",
        version=record["api_version"] or "",
        scheme=record["signature_scheme"],
    )
