"""ROA v1 (SIGNATURES §3), which the classic SDK sends for the versions with paths."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

from chalicelib.gateway.signatures.claim import Claim, changed, incomplete
from chalicelib.gateway.signatures.queries import queries
from chalicelib.gateway.wire.incoming import Incoming, Pairs

WINDOW_S: Final = 15 * 60
_FORM: Final = re.compile(r"acs ([^:\s]+):(\S+)")


def read_roa(incoming: Incoming, *, unsigned_bodies: bool = False) -> Claim:
    """Without Content-MD5 the body is not covered: accepted only with `unsigned_bodies`. Raises
    Unauthenticated.
    """
    match = _FORM.fullmatch(incoming.header("authorization"))
    if match is None:
        raise incomplete("Authorization must read acs ID:SIGNATURE")
    key_id, signature = match.groups()
    # API Gateway hands this header on under another name
    digest = incoming.header("content-md5") or incoming.header("x-amzn-remapped-content-md5")
    if incoming.body and not digest and not unsigned_bodies:
        raise incomplete(
            "without Content-MD5 this signature does not cover the body; sign with "
            "ACS3-HMAC-SHA256, or let the deployment set LOOKALIKE_UNSIGNED_BODIES=true"
        )
    _check_query(incoming.query)
    return Claim(
        scheme="ROA",
        key_id=key_id,
        action=incoming.header("x-acs-action"),
        version=incoming.header("x-acs-version"),
        moment=_moment(incoming.header("date")),
        window_s=WINDOW_S,
        nonce=incoming.header("x-acs-signature-nonce") or signature,
        temporary=bool(incoming.header("x-acs-security-token")),
        signature=signature.encode(),
        write=lambda: _texts(incoming, digest),
        check_body=lambda: _check_body(incoming.body, digest),
    )


def _check_query(query: Pairs) -> None:
    """Raises Unauthenticated for a query that is signed like another one: this scheme writes it
    without escapes, so `a=1&b=2` may have been one value or two.
    """
    if any("&" in name + value or "=" in name for name, value in query):
        raise incomplete(
            "this signature does not tell & or = in the query from its own; "
            "send such values in the body"
        )


def _check_body(body: bytes, digest: str) -> None:
    if not digest:
        return
    made = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest())
    if not hmac.compare_digest(digest.encode(), made):
        raise changed("Content-MD5 is not the digest of the body")


def _texts(incoming: Incoming, digest: str) -> Iterator[list[bytes]]:
    """One per way of writing empty values."""
    top = (
        incoming.method,
        incoming.header("accept"),
        digest,
        incoming.header("content-type"),
        incoming.header("date"),
    )
    acs = "".join(
        f"{name}:{values[0]}\n"
        for name, values in sorted(incoming.headers.items())
        if name.startswith("x-acs-")
    )
    head = "\n".join(top) + "\n" + acs + incoming.path
    for query in queries(incoming.query, str):
        yield [(head + (f"?{query}" if query else "")).encode()]


def _moment(text: str) -> float:
    """Seconds since the epoch of an HTTP date. Raises Unauthenticated."""
    try:
        return parsedate_to_datetime(text[:60]).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        raise incomplete(f"the Date header {text[:40]!r} is no HTTP date") from None
