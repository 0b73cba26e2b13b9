"""Links to one object of the store, for people without a key: signed, and good for two hours. (S3
presigns its own.)
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Final

from chalicelib.errors import AuthFault, NotFound, ObjectMissing, Unauthenticated
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import known_signing_secret, signing_secret

VALID_S: Final = 7200
"""CONTRACT §7: ErrorUrl and MetaUrl are good for two hours."""


def sign_download(key: str, deployment: Deployment, *, valid_s: int = VALID_S) -> str:
    """A token for /files/{token}: URL-safe text that allows reading the object `key` for `valid_s`
    seconds. Raises StoreUnavailable.
    """
    content = json.dumps(
        {"key": key, "expires": int(deployment.clock()) + valid_s}, separators=(",", ":")
    ).encode()
    return _text(content) + "." + _text(_mac(content, signing_secret(deployment)))


def open_download(token: str, deployment: Deployment) -> bytes:
    """The object. Raises Unauthenticated for a token that is not genuine or has expired, NotFound
    when the object is gone.
    """
    try:
        content, mac = (
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in token.split(".", 1)
        )
    except ValueError as error:
        raise Unauthenticated(
            AuthFault.TOKEN, "this link is incomplete; copy the whole of it"
        ) from error
    # whoever asks is a stranger: where no link was ever signed, none is genuine
    secret = known_signing_secret(deployment)
    if secret is None or not hmac.compare_digest(mac, _mac(content, secret)):
        raise Unauthenticated(AuthFault.TOKEN, "this link is not genuine; ask for a new one")
    fields = json.loads(content)
    if deployment.clock() > fields["expires"]:
        raise Unauthenticated(
            AuthFault.EXPIRED, "this link has expired; list the job again for a new one"
        )
    try:
        return deployment.store.get(fields["key"]).data
    except ObjectMissing as error:
        raise NotFound("the file behind this link is gone") from error


def _mac(content: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), b"lookalike-download\n" + content, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
