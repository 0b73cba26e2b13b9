"""How uploads are named: the helper's action, and the URLs of what was sent, the only ones that a
picture may be given by.

They are recognised, never fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from chalicelib.contract.values import Uploaded
from chalicelib.errors import InvalidField

_URL: Final = re.compile(
    r"(?:https?://)+([^/?#]+)/(uploads/([A-Za-z0-9]{1,64})/([0-9a-f]{32}))", re.ASCII
)


def read_url(text: str, hosts: Sequence[str]) -> Uploaded:
    """The upload that a URL names, if it is on one of `hosts`. Raises InvalidField("picture_url")
    for every other URL.

    The scheme may come twice: the SDK writes `http://` before a bucket that already begins with it
    (CONTRACT §6, plain HTTP).
    """
    match = _URL.fullmatch(text)
    # the helper names a host in two parts; what it makes of them is what comes back in the URL
    known = {
        name.lower() for host in hosts for name in (host, ".".join(split_host(host, secure=True)))
    }
    if match is None or match[1].lower() not in known:
        raise InvalidField(
            "picture_url",
            "only URLs of this service's own upload helper are accepted; send the picture itself "
            "as base64",
        )
    return Uploaded(owner=match[3], object_id=match[4])


def split_host(host: str, *, secure: bool) -> tuple[str, str]:
    """(Bucket, Endpoint) of the upload helper's answer, such that `Bucket.Endpoint` is `host`,
    `name[:port]`.

    The Python SDK uploads over HTTPS whatever the client's protocol; a scheme inside Bucket is the
    one way to make it speak plain HTTP, which is what a client of a plain HTTP service needs. A
    host of one label cannot be split: localhost becomes 127.0.0.1.
    """
    name, colon, port = host.partition(":")
    if name.lower() == "localhost":
        name = "127.0.0.1"
    first, _, rest = name.partition(".")
    return (first if secure else f"http://{first}"), rest + colon + port
