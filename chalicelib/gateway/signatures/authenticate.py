"""Who calls: a signed request or a bearer key, fresh, with a key that exists."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.errors import AuthFault, Unauthenticated
from chalicelib.gateway.signatures.claim import Claim
from chalicelib.gateway.signatures.schemes import read_claim
from chalicelib.gateway.wire.faults import WireFault
from chalicelib.gateway.wire.forms import small_form
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.keys import AccessKey, find_key
from chalicelib.usecases.nonces import spend

KEYS_AGE_S: Final = 60.0
"""How old the list of keys may be for a request that it accepts: a revoked key works that much
longer at most.
"""
RETRY_AGE_S: Final = 3.0
"""And for one that it refuses: a new key is known after that, and strangers cannot make us read the
keys at every request.
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request."""

    key: AccessKey
    action: str
    """As signed; empty where it follows from the path alone, or where nothing was signed."""
    version: str
    scheme: str


def authenticate(incoming: Incoming, *, hosts: Sequence[str], deployment: Deployment) -> Caller:
    """Raises Unauthenticated, or WireFault where there is nothing to authenticate.

    Nothing that costs more than the headers is done before a key of ours was named and the clock
    agrees, and the body is hashed only for those who hold the secret.
    """
    authorization = incoming.header("authorization")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return _bearer(incoming, credentials.strip(), deployment)
    in_header = authorization.startswith(("ACS3-", "acs "))
    claim = read_claim(
        incoming,
        () if in_header else small_form(incoming),
        hosts=hosts,
        unsigned_bodies=deployment.settings.unsigned_bodies,
    )
    if claim is None:
        raise WireFault(
            "MissingParameter",
            "the request is not signed: AccessKeyId and Signature, or an Authorization header, are "
            "missing; `curl -F` and FormData need a bearer key (Authorization: Bearer ID.SECRET)",
        )
    apart = abs(deployment.clock() - claim.moment)
    if apart > claim.window_s:
        raise Unauthenticated(
            AuthFault.EXPIRED,
            f"the request was signed {apart:.0f} s away from now; {claim.window_s} s are allowed: "
            "check the clock",
        )
    # from here on a key of ours is named and fresh
    key = _owner(claim, deployment)
    if claim.temporary:
        raise _token()
    if deployment.settings.strict_replay:
        spend(claim.key_id, claim.nonce, moment=claim.moment, deployment=deployment)
    return Caller(key=key, action=claim.action, version=claim.version, scheme=claim.scheme)


def _owner(claim: Claim, deployment: Deployment) -> AccessKey:
    """The key whose secret made the signature. What the remembered keys refuse is tried once more
    with fresher ones, if they are others.
    """
    tried: set[str] = set()
    for age in (KEYS_AGE_S, RETRY_AGE_S):
        key = find_key(deployment, claim.key_id, max_age_s=age)
        untried = set(key.secrets if key is not None else ()) - tried
        # a list, not a generator: both secrets of a key being rotated are tried, so that the time
        # tells nothing
        if key is not None and any([claim.matches(secret) for secret in untried]):  # noqa: C419
            return key
        tried |= untried
    if key is None and claim.temporary:
        # temporary credentials have a key id of their own, which nobody here can know
        raise _token()
    if key is None:
        raise Unauthenticated(
            AuthFault.UNKNOWN_KEY,
            f"there is no access key {claim.key_id[:40]!r} here: create one or check its spelling",
        )
    raise Unauthenticated(
        AuthFault.SIGNATURE,
        "the signature does not match: check the access key secret, and that nothing between "
        "changes Host, headers or body",
    )


def _token() -> Unauthenticated:
    return Unauthenticated(
        AuthFault.TOKEN,
        "security tokens (STS) are not used here: sign with an access key of this deployment",
    )


def _bearer(incoming: Incoming, credentials: str, deployment: Deployment) -> Caller:
    """The caller who sent the secret itself, `ID.SECRET`. Its action may be among the parameters,
    which are read after this.
    """
    key_id, _, secret = credentials.partition(".")
    sent = secret.encode("utf-8", "replace")
    for age in (KEYS_AGE_S, RETRY_AGE_S):
        key = find_key(deployment, key_id, max_age_s=age)
        if key is not None and any(
            [hmac.compare_digest(sent, live.encode()) for live in key.secrets]  # noqa: C419
        ):
            break
    else:
        raise Unauthenticated(
            AuthFault.TOKEN,
            "the bearer key must read ID.SECRET of a key of this deployment: check both parts",
        )
    if not key.bearer:
        raise Unauthenticated(
            AuthFault.TOKEN,
            f"key {key_id} may only sign: create one for scripts with `lookalike keys create "
            "--bearer`",
        )
    return Caller(
        key=key,
        action=incoming.header("x-acs-action"),
        version=incoming.header("x-acs-version"),
        scheme="Bearer",
    )
