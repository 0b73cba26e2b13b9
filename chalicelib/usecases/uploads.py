"""Pictures sent ahead of the call that uses them (CONTRACT §6): allowed by a signed, expiring
grant; private to one key; used once.

The grant needs no memory: it is a policy text with an HMAC under the key's own secret, so revoking
the key ends its grants too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final

from chalicelib.contract.values import Uploaded
from chalicelib.errors import AuthFault, Conflict, InvalidField, ObjectMissing, Unauthenticated
from chalicelib.service import MAX_PICTURE_BYTES
from chalicelib.storage.object_store import ObjectStore
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import AccessKey

PREFIX: Final = "uploads/"
GRANT_S: Final = 600
"""Seconds in which an allowed upload must arrive."""
KEEP_S: Final = 3600
"""Seconds after which an upload that was never used is swept away; longer than a grant."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission to upload one picture."""

    object_key: str
    """`uploads/{key id}/{32 hex digits}`."""
    policy: str
    """Base64 of what is allowed."""
    signature: str
    """Base64 HMAC-SHA256 of `policy`."""


def authorize_upload(key: AccessKey, deployment: Deployment) -> Grant:
    """A grant for `key`, valid for GRANT_S seconds."""
    object_key = f"{PREFIX}{key.key_id}/{deployment.new_id()}"
    content = {
        "key": object_key,
        "expires": int(deployment.clock()) + GRANT_S,
        "max_bytes": MAX_PICTURE_BYTES,
    }
    policy = base64.b64encode(json.dumps(content, separators=(",", ":")).encode()).decode()
    return Grant(object_key=object_key, policy=policy, signature=_sign(policy, key.secrets[0]))


def _sign(policy: str, secret: str) -> str:
    # the prefix keeps this from being mistaken for the signature of a request
    return base64.b64encode(
        hmac.new(secret.encode(), b"lookalike-upload\n" + policy.encode(), hashlib.sha256).digest()
    ).decode()


def store_upload(grant: Grant, data: bytes, *, key: AccessKey, deployment: Deployment) -> None:
    """Keeps the picture until it is used.

    Raises Unauthenticated when the grant is not genuine, has expired or was used,
    InvalidField("picture") for an empty or too large file.
    """
    # all secrets are compared, so that the time does not tell which was right
    genuine = [
        hmac.compare_digest(_sign(grant.policy, secret).encode(), grant.signature.encode())
        for secret in key.secrets
    ]
    if not any(genuine):
        raise Unauthenticated(
            AuthFault.SIGNATURE,
            "the upload's signature does not match its policy: ask for a new grant",
        )
    content = json.loads(base64.b64decode(grant.policy))
    if content["key"] != grant.object_key:
        raise Unauthenticated(
            AuthFault.SIGNATURE, "the upload's key is not the one that was granted"
        )
    if deployment.clock() > content["expires"]:
        raise Unauthenticated(
            AuthFault.EXPIRED,
            f"the grant to upload has expired after {GRANT_S} s: ask for a new one",
        )
    if not data:
        raise InvalidField("picture", "the uploaded file is empty")
    if len(data) > content["max_bytes"]:
        raise InvalidField(
            "picture",
            f"the uploaded file has {len(data)} bytes; at most {content['max_bytes']} are allowed",
        )
    # create-only: of two uploads with one grant the second fails
    try:
        _transit(deployment).create(grant.object_key, data)
    except Conflict as error:
        raise Unauthenticated(
            AuthFault.REPLAYED, "this grant to upload has been used: ask for a new one"
        ) from error


def take(picture: bytes | Uploaded, deployment: Deployment) -> bytes:
    """The picture's bytes. An uploaded one is deleted before this returns. Raises
    InvalidField("picture_url") when it is not there.
    """
    if isinstance(picture, bytes):
        return picture
    key = f"{PREFIX}{picture.owner}/{picture.object_id}"
    try:
        data = _transit(deployment).get(key).data
    except ObjectMissing as error:
        raise InvalidField(
            "picture_url",
            "no such upload: it was never sent, has been used already, or has expired",
        ) from error
    _transit(deployment).delete(key)
    return data


def sweep_uploads(deployment: Deployment) -> int:
    """Deletes uploads that nobody used for KEEP_S seconds; how many."""
    stale = [
        stat.key
        for stat in _transit(deployment).list(PREFIX)
        if deployment.clock() - stat.modified > KEEP_S
    ]
    for key in stale:
        _transit(deployment).delete(key)
    return len(stale)


def _transit(deployment: Deployment) -> ObjectStore:
    return deployment.transit or deployment.store
