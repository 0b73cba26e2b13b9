"""ACS3-HMAC-SHA256 (SIGNATURES §1), which the current SDKs send."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from typing import Final

from chalicelib.gateway.signatures.claim import Claim, changed, incomplete, moment, sha256_of
from chalicelib.gateway.signatures.queries import queries
from chalicelib.gateway.wire.codec import encode
from chalicelib.gateway.wire.incoming import Incoming

WINDOW_S: Final = 15 * 60
_FORM: Final = re.compile(
    r"ACS3-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), "
    r"*Signature=([0-9a-fA-F]{64})"
)
_MUST_SIGN: Final = frozenset(
    {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-content-sha256"}
)


def read_acs3(incoming: Incoming, *, hosts: Sequence[str] = ()) -> Claim:
    """`hosts`: names that clients may have used instead of the Host received. Raises
    Unauthenticated.
    """
    match = _FORM.fullmatch(incoming.header("authorization"))
    if match is None:
        raise incomplete(
            "Authorization must read ACS3-HMAC-SHA256 Credential=ID,SignedHeaders=a;b,Signature=64 "
            "hex digits"
        )
    key_id, signed, signature = match.groups()
    names = signed.split(";")
    _check_names(names)
    _check_headers(incoming, names)
    return Claim(
        scheme="ACS3",
        key_id=key_id,
        action=incoming.header("x-acs-action"),
        version=incoming.header("x-acs-version"),
        moment=moment(incoming.header("x-acs-date")),
        window_s=WINDOW_S,
        nonce=incoming.header("x-acs-signature-nonce") or signature.lower(),
        temporary=bool(incoming.header("x-acs-security-token")),
        signature=signature.lower().encode(),
        write=lambda: _texts(incoming, names, hosts),
        check_body=lambda: _check_body(incoming),
    )


def _check_names(names: list[str]) -> None:
    """Raises Unauthenticated where SignedHeaders itself is not as it must be."""
    missing = sorted(_MUST_SIGN - set(names))
    if missing:
        raise incomplete(f"these headers must be signed: {', '.join(missing)}")
    if names != sorted(set(names)):
        raise incomplete("SignedHeaders must be sorted and without repetition")


def _check_headers(incoming: Incoming, names: list[str]) -> None:
    """Raises Unauthenticated where a header that says what is meant is not covered."""
    absent = [name for name in names if name not in incoming.headers]
    if absent:
        raise incomplete(f"signed headers that did not arrive: {', '.join(absent)}"[:300])
    speaking = [name for name in incoming.headers if name.startswith("x-acs-")]
    stray = sorted(set(speaking) - set(names))
    if stray:
        raise incomplete(
            f"every x-acs- header must be signed, these are not: {', '.join(stray)}"[:300]
        )
    if incoming.body and "content-type" in incoming.headers and "content-type" not in names:
        # it says how the body is read: with another one the body's parameters might be dropped
        raise incomplete("content-type must be signed where there is a body")
    _check_once(incoming, (*speaking, "host", "content-type"))


def _check_once(incoming: Incoming, names: Sequence[str]) -> None:
    """Raises Unauthenticated where a header of `names` has two values: the signature is over them
    sorted, so which comes first is not covered.
    """
    twice = [name for name in names if len(incoming.headers.get(name, ())) > 1]
    if twice:
        raise incomplete(f"the header {twice[0]} is given twice"[:300])


def _check_body(incoming: Incoming) -> None:
    said = incoming.header("x-acs-content-sha256").lower().encode()
    if not hmac.compare_digest(said, sha256_of(incoming.body).encode()):
        raise changed("x-acs-content-sha256 is not the hash of the body")


def _texts(incoming: Incoming, names: list[str], hosts: Sequence[str]) -> Iterator[list[bytes]]:
    """One per host and way of writing empty values; the body stands in them by the hash that was
    sent.
    """
    body_hash = incoming.header("x-acs-content-sha256").lower()
    for host in dict.fromkeys((incoming.host, *hosts)):
        values = {name: (host,) if name == "host" else incoming.headers[name] for name in names}
        block = "".join(f"{name}:{','.join(sorted(values[name]))}\n" for name in names)
        for query in queries(incoming.query, _encoded):
            canonical = "\n".join(
                (incoming.method, incoming.path, query, block, ";".join(names), body_hash)
            )
            digest = hashlib.sha256(canonical.encode()).hexdigest()
            yield [b"ACS3-HMAC-SHA256\n", digest.encode()]


def _encoded(text: str) -> str:
    return encode(text.encode()).decode("ascii")
