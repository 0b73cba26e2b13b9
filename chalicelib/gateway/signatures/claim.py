"""What a signed request says about itself. Proved only by `matches`."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.errors import AuthFault, Unauthenticated

Chunks = Iterable[bytes]
"""A text in pieces: a picture in it need not be copied as a whole."""


def covered() -> None:
    """For a scheme whose signature is made of the body itself."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says they sent it, when, for what; and the texts whose HMAC would prove it.

    Several texts: SDKs differ in how they write empty query values, and a proxy may have replaced
    the Host header, so any of them will do. They are written only when `matches` is asked, after
    key and clock have been looked at: strangers do not get them written.
    """

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
    write: Callable[[], Iterable[Chunks]] = field(repr=False)
    """Writes the strings to sign."""
    check_body: Callable[[], None] = field(repr=False, default=covered)
    """Raises Unauthenticated unless the body is the one whose digest was signed."""

    @property
    def texts(self) -> tuple[bytes, ...]:
        """Strings to sign."""
        return tuple(b"".join(chunks) for chunks in self.write())

    def matches(self, secret: str) -> bool:
        """Whether the signature was made with `secret`, in constant time. Raises Unauthenticated
        where it was, but not of this body.
        """
        made = [self._made(secret, chunks) for chunks in self.write()]
        # a list, not a generator: every candidate is compared, so that the time tells nothing
        same = [hmac.compare_digest(candidate, self.signature) for candidate in made]
        if not any(same):
            return False
        # only now: hashing megabytes is done for those who hold the secret
        self.check_body()
        return True

    def _made(self, secret: str, chunks: Chunks) -> bytes:
        """The signature of a text, as this scheme writes it."""
        key = secret + "&" if self.scheme == "RPC" else secret
        digest = hmac.new(key.encode(), digestmod="sha256" if self.scheme == "ACS3" else "sha1")
        for chunk in chunks:
            digest.update(chunk)
        if self.scheme == "ACS3":
            return digest.hexdigest().encode()
        return base64.b64encode(digest.digest())


def incomplete(message: str) -> Unauthenticated:
    """What is wrong with the form of a signature."""
    return Unauthenticated(AuthFault.INCOMPLETE, message)


def changed(message: str) -> Unauthenticated:
    """The body is not what was signed."""
    return Unauthenticated(AuthFault.SIGNATURE, f"{message}: the body was changed on its way")


def sha256_of(body: bytes) -> str:
    """In hex."""
    return hashlib.sha256(body).hexdigest()


def moment(text: str) -> float:
    """Seconds since the epoch of YYYY-MM-DDThh:mm:ssZ. Raises Unauthenticated."""
    try:
        # a longer text is none, and would be searched through
        return datetime.strptime(text[:30], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise incomplete(
            f"the time stamp {text[:40]!r} does not read YYYY-MM-DDThh:mm:ssZ"
        ) from None
