"""The three signature schemes of docs/SIGNATURES.md: pure functions from a request to what its
signature should be made of.

Each reads a request into a Claim: who says they sent it, when, for what, and the texts whose HMAC
would prove it. A claim proves nothing until `matches` is asked with the key's secret. Several
texts: SDKs differ in how they write empty query values, and a proxy may have replaced the Host
header, so any of them will do.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from chalicelib.errors import AuthFault, Unauthenticated
from chalicelib.gateway.wire.codec import FORM, encode, is_encoded
from chalicelib.gateway.wire.incoming import Incoming, Pairs

ACS3_WINDOW_S: Final = 15 * 60
RPC_WINDOW_S: Final = 31 * 60
ROA_WINDOW_S: Final = 15 * 60
_ACS3: Final = re.compile(
    r"ACS3-HMAC-SHA256 +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), "
    r"*Signature=([0-9a-fA-F]{64})"
)
_ROA: Final = re.compile(r"acs ([^:\s]+):(\S+)")
_MUST_SIGN: Final = frozenset(
    {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-content-sha256"}
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signed request says about itself."""

    scheme: str
    key_id: str
    action: str
    version: str
    moment: float
    """When it says it was signed, seconds since the epoch."""
    window_s: int
    """How far `moment` may be from now, either way."""
    nonce: str
    """Different for each request; the signature itself where the scheme has none."""
    temporary: bool
    """Whether it carries a security token (STS)."""
    signature: bytes = field(repr=False)
    texts: tuple[bytes, ...] = field(repr=False)
    """Strings to sign."""

    def matches(self, secret: str) -> bool:
        """Whether the signature was made with `secret`, in constant time."""
        if self.scheme == "ACS3":
            made = [
                hmac.new(secret.encode(), text, hashlib.sha256).hexdigest().encode()
                for text in self.texts
            ]
        else:
            key = secret + "&" if self.scheme == "RPC" else secret
            made = [
                base64.b64encode(hmac.digest(key.encode(), text, "sha1")) for text in self.texts
            ]
        # a list, not a generator: every candidate is compared, so that the time tells nothing
        return any([hmac.compare_digest(candidate, self.signature) for candidate in made])  # noqa: C419


def read_claim(
    incoming: Incoming, form: Pairs, *, hosts: Sequence[str], unsigned_bodies: bool
) -> Claim | None:
    """The claim of a signed request, or None for one without a signature.

    `form`: the body's parameters. `hosts`: names that clients may have used instead of the Host
    received. `unsigned_bodies`: accept ROA requests whose signature does not cover the body. Raises
    Unauthenticated for what is malformed or contradicts itself.
    """
    authorization = incoming.header("authorization")
    if authorization.startswith("ACS3-"):
        return read_acs3(incoming, hosts=hosts)
    if authorization.startswith("acs "):
        return read_roa(incoming, unsigned_bodies=unsigned_bodies)
    if any(name == "Signature" for name, _ in (*incoming.query, *form)):
        return read_rpc(incoming, form)
    return None


def _incomplete(message: str) -> Unauthenticated:
    return Unauthenticated(AuthFault.INCOMPLETE, message)


def read_acs3(incoming: Incoming, *, hosts: Sequence[str] = ()) -> Claim:
    """ACS3-HMAC-SHA256 (SIGNATURES §1)."""
    match = _ACS3.fullmatch(incoming.header("authorization"))
    if match is None:
        raise _incomplete(
            "Authorization must read ACS3-HMAC-SHA256 Credential=ID,SignedHeaders=a;b,Signature=64 "
            "hex digits"
        )
    key_id, signed, signature = match.groups()
    names = signed.split(";")
    missing = sorted(_MUST_SIGN - set(names))
    if missing:
        raise _incomplete(f"these headers must be signed: {', '.join(missing)}")
    if names != sorted(set(names)):
        raise _incomplete("SignedHeaders must be sorted and without repetition")
    absent = [name for name in names if name not in incoming.headers]
    if absent:
        raise _incomplete(f"signed headers that did not arrive: {', '.join(absent)}"[:300])
    stray = sorted(
        name for name in incoming.headers if name.startswith("x-acs-") and name not in names
    )
    if stray:
        raise _incomplete(
            f"every x-acs- header must be signed, these are not: {', '.join(stray)}"[:300]
        )
    body_hash = hashlib.sha256(incoming.body).hexdigest()
    if not hmac.compare_digest(
        incoming.header("x-acs-content-sha256").lower().encode(), body_hash.encode()
    ):
        raise Unauthenticated(
            AuthFault.SIGNATURE,
            "x-acs-content-sha256 is not the hash of the body: the body was changed on its way",
        )
    moment = _moment(incoming.header("x-acs-date"))
    texts = _acs3_texts(incoming, names, body_hash, hosts)
    return _by_headers(
        incoming,
        "ACS3",
        key_id=key_id,
        signature=signature.lower(),
        moment=moment,
        window_s=ACS3_WINDOW_S,
        texts=texts,
    )


def _by_headers(
    incoming: Incoming,
    scheme: str,
    *,
    key_id: str,
    signature: str,
    moment: float,
    window_s: int,
    texts: Sequence[bytes],
) -> Claim:
    """The claim of a scheme whose signature covers the x-acs- headers."""
    return Claim(
        scheme=scheme,
        key_id=key_id,
        action=incoming.header("x-acs-action"),
        version=incoming.header("x-acs-version"),
        moment=moment,
        window_s=window_s,
        nonce=incoming.header("x-acs-signature-nonce") or signature,
        temporary=bool(incoming.header("x-acs-security-token")),
        signature=signature.encode(),
        texts=tuple(texts),
    )


def _acs3_texts(
    incoming: Incoming, names: list[str], body_hash: str, hosts: Sequence[str]
) -> list[bytes]:
    texts = []
    for host in dict.fromkeys((incoming.host, *hosts)):
        values = {name: (host,) if name == "host" else incoming.headers[name] for name in names}
        block = "".join(f"{name}:{','.join(sorted(values[name]))}\n" for name in names)
        for query in _queries(incoming.query, _encoded):
            canonical = "\n".join(
                (incoming.method, incoming.path, query, block, ";".join(names), body_hash)
            )
            texts.append(
                b"ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest().encode()
            )
    return texts


def _encoded(text: str) -> str:
    return encode(text.encode()).decode("ascii")


def _plain(text: str) -> str:
    return text


def _queries(query: Pairs, write: Callable[[str], str]) -> list[str]:
    pairs = sorted(query)
    full = "&".join(f"{write(name)}={write(value)}" for name, value in pairs)
    bare = "&".join(
        f"{write(name)}={write(value)}" if value else write(name) for name, value in pairs
    )
    return [full] if full == bare else [full, bare]


def read_rpc(incoming: Incoming, form: Pairs) -> Claim:
    """RPC v1 (SIGNATURES §2). Action and version are the signed parameters'; headers are not
    signed here.
    """
    params = {**dict(incoming.query), **dict(form)}
    if incoming.body and not form:
        raise _incomplete(
            "this signature covers forms only: send the parameters as "
            "application/x-www-form-urlencoded"
        )
    signature = params.pop("Signature", "")
    if (
        not signature
        or params.get("SignatureMethod") != "HMAC-SHA1"
        or params.get("SignatureVersion") != "1.0"
    ):
        raise _incomplete(
            "Signature, SignatureMethod=HMAC-SHA1 and SignatureVersion=1.0 are required"
        )
    for name in ("AccessKeyId", "Action", "Version", "Timestamp", "SignatureNonce"):
        if not params.get(name):
            raise _incomplete(f"the parameter {name} is required in a signed request")
    # Encoding the canonical string as a whole would scan the picture again; what is encoded already
    # only needs its % escaped.
    pairs = [
        (encode(encode(name.encode())), value)
        for name, value in sorted(_rpc_values(incoming, params).items())
    ]
    canonical = b"%26".join(name + b"%3D" + value.replace(b"%", b"%25") for name, value in pairs)
    return Claim(
        scheme="RPC",
        key_id=params["AccessKeyId"],
        action=params["Action"],
        version=params["Version"],
        moment=_moment(params["Timestamp"]),
        window_s=RPC_WINDOW_S,
        nonce=params["SignatureNonce"],
        temporary=bool(params.get("SecurityToken")),
        signature=signature.encode(),
        texts=(incoming.method.encode() + b"&%2F&" + canonical,),
    )


def _rpc_values(incoming: Incoming, params: dict[str, str]) -> dict[str, bytes]:
    """Encoded values. A picture is not encoded anew when the form holds it in the very same
    encoding.
    """
    sent = {}
    if incoming.content_type == FORM:
        for part in incoming.body.split(b"&"):
            name, _, value = part.partition(b"=")
            if len(value) > 65_536 and is_encoded(value):
                sent[name.decode(errors="replace")] = value
    return {name: sent.get(name) or encode(value.encode()) for name, value in params.items()}


def read_roa(incoming: Incoming, *, unsigned_bodies: bool = False) -> Claim:
    """ROA v1 (SIGNATURES §3). Without Content-MD5 the body is not covered: accepted only with
    `unsigned_bodies`.
    """
    match = _ROA.fullmatch(incoming.header("authorization"))
    if match is None:
        raise _incomplete("Authorization must read acs ID:SIGNATURE")
    key_id, signature = match.groups()
    # API Gateway hands this header on under another name
    digest = incoming.header("content-md5") or incoming.header("x-amzn-remapped-content-md5")
    if digest:
        body_digest = base64.b64encode(hashlib.md5(incoming.body, usedforsecurity=False).digest())
        if not hmac.compare_digest(digest.encode(), body_digest):
            raise Unauthenticated(
                AuthFault.SIGNATURE,
                "Content-MD5 is not the digest of the body: the body was changed on its way",
            )
    elif incoming.body and not unsigned_bodies:
        raise _incomplete(
            "without Content-MD5 this signature does not cover the body; sign with "
            "ACS3-HMAC-SHA256, or let the deployment set "
            "LOOKALIKE_UNSIGNED_BODIES=true"
        )
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
    texts = [
        (head + (f"?{query}" if query else "")).encode()
        for query in _queries(incoming.query, _plain)
    ]
    moment = _http_date(incoming.header("date"))
    return _by_headers(
        incoming,
        "ROA",
        key_id=key_id,
        signature=signature,
        moment=moment,
        window_s=ROA_WINDOW_S,
        texts=texts,
    )


def _moment(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise _incomplete(
            f"the time stamp {text[:40]!r} does not read YYYY-MM-DDThh:mm:ssZ"
        ) from None


def _http_date(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        raise _incomplete(f"the Date header {text[:40]!r} is no HTTP date") from None
