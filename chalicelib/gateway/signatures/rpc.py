"""RPC v1 (SIGNATURES §2), which hand-written clients send. Action and version are the signed
parameters'; headers are not signed here, nor is the path, which is always /.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from chalicelib.gateway.signatures.claim import Claim, incomplete, moment
from chalicelib.gateway.wire.codec import encode, encode_base64
from chalicelib.gateway.wire.forms import FORM, LARGE, split_form
from chalicelib.gateway.wire.incoming import Incoming, Pairs

WINDOW_S: Final = 31 * 60
_CHUNK: Final = 65_536


def read_rpc(incoming: Incoming, form: Pairs) -> Claim:
    """`form`: the body's parameters; large ones may be left out, they are signed as they were
    sent. Raises Unauthenticated.
    """
    params = {**dict(incoming.query), **dict(form)}
    if incoming.body and incoming.content_type != FORM:
        raise incomplete(
            "this signature covers forms only: send the parameters as "
            "application/x-www-form-urlencoded"
        )
    if incoming.path != "/":
        raise incomplete("this signature covers the path / only")
    # signed is everything but the signature itself
    signature = params.pop("Signature", "")
    known = (params.get("SignatureMethod"), params.get("SignatureVersion"))
    if not signature or known != ("HMAC-SHA1", "1.0"):
        raise incomplete(
            "Signature, SignatureMethod=HMAC-SHA1 and SignatureVersion=1.0 are required"
        )
    for name in ("AccessKeyId", "Action", "Version", "Timestamp", "SignatureNonce"):
        if not params.get(name):
            raise incomplete(f"the parameter {name} is required in a signed request")
    return Claim(
        scheme="RPC",
        key_id=params["AccessKeyId"],
        action=params["Action"],
        version=params["Version"],
        moment=moment(params["Timestamp"]),
        window_s=WINDOW_S,
        nonce=params["SignatureNonce"],
        temporary=bool(params.get("SecurityToken")),
        signature=signature.encode(),
        write=lambda: [_text(incoming, params)],
    )


def _text(incoming: Incoming, params: dict[str, str]) -> Iterator[bytes]:
    """The one string to sign, in chunks.

    A picture is encoded already, and encoding the canonical string as a whole would scan it again:
    its escapes only need their % escaped.
    """
    yield incoming.method.encode() + b"&%2F&"
    between = b""
    for name, value in sorted(_encoded(incoming, params)):
        yield between + encode(encode(name.encode())) + b"%3D"
        yield from _escaped(value)
        between = b"%26"


def _escaped(value: bytes) -> Iterator[bytes]:
    for start in range(0, len(value), _CHUNK):
        yield value[start : start + _CHUNK].replace(b"%", b"%25")


def _encoded(incoming: Incoming, params: dict[str, str]) -> Iterable[tuple[str, bytes]]:
    """Names with encoded values."""
    large = {}
    if incoming.content_type == FORM:
        large = {name: raw for name, raw in split_form(incoming.body) if len(raw) > LARGE}
    yield from ((name, encode(text.encode())) for name, text in params.items() if name not in large)
    yield from ((name, encode_base64(raw)) for name, raw in large.items())
