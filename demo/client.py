"""A client in forty lines: all it takes to call the service with the standard library alone."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_FORM = "application/x-www-form-urlencoded"


class ServiceError(Exception):
    """The service refused; the message holds its code and words."""


@dataclass(frozen=True, slots=True)
class Client:
    """Calls actions of 2020-12-14, signed with ACS3-HMAC-SHA256 (docs/API.md)."""

    host: str
    """Name or address with port."""
    key_id: str
    secret: str

    def call(self, action: str, **fields: str) -> dict[str, Any]:
        """The answer's JSON. Raises ServiceError for any status but 200."""
        body = urlencode(fields).encode()
        headers = {
            "content-type": _FORM,
            "host": self.host,
            "x-acs-action": action,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "x-acs-signature-nonce": secrets.token_hex(16),
            "x-acs-version": "2020-12-14",
        }
        names = ";".join(sorted(headers))
        block = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = "\n".join(("POST", "/", "", block, names, headers["x-acs-content-sha256"]))
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        headers["Authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.key_id},SignedHeaders={names},Signature={signature}"
        )
        connection = http.client.HTTPConnection(self.host, timeout=60)
        try:
            connection.request("POST", "/", body=body, headers=headers)
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ServiceError(f"{answer.get('Code')}: {answer.get('Message')}")
        return answer
