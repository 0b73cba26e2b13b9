"""Which signature a request carries. Pure: from a request to the Claim it makes."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.gateway.signatures.claim import Claim
from chalicelib.gateway.wire.incoming import Incoming, Pairs


def read_claim(
    incoming: Incoming, form: Pairs, *, hosts: Sequence[str], unsigned_bodies: bool
) -> Claim | None:
    """The claim of a signed request, or None for one without a signature.

    `form`: the body's parameters; RPC v1 alone looks at them. `hosts`: names that clients may have
    used instead of the Host received. `unsigned_bodies`: accept ROA requests whose signature does
    not cover the body. Raises Unauthenticated for what is malformed or contradicts itself.
    """
    authorization = incoming.header("authorization")
    if authorization.startswith("ACS3-"):
        from chalicelib.gateway.signatures.acs3 import read_acs3

        return read_acs3(incoming, hosts=hosts)
    if authorization.startswith("acs "):
        from chalicelib.gateway.signatures.roa import read_roa

        return read_roa(incoming, unsigned_bodies=unsigned_bodies)
    if any(name == "Signature" for name, _ in (*incoming.query, *form)):
        from chalicelib.gateway.signatures.rpc import read_rpc

        return read_rpc(incoming, form)
    return None
