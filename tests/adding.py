"""A client in a process of its own: adds pictures one after the other and prints each acknowledged
name, until the server is gone.

`python -m tests.adding URL HOST KEY_ID SECRET TAG`
"""

from __future__ import annotations

import sys
from http.client import IncompleteRead
from itertools import count

from tests.gateway.client import b64, picture
from tests.live import Caller


def main(url: str, host: str, key_id: str, secret: str, tag: str) -> None:
    """Ends with the first request that is not answered."""
    caller = Caller(url, host, key_id, secret)
    data = [b64(picture(seed)) for seed in range(8)]
    for number in count():
        name = f"{tag}-{number}.png"
        try:
            caller.call(
                "AddImage",
                {
                    "InstanceName": "generic",
                    "ProductId": tag,
                    "PicName": name,
                    "PicContent": data[number % 8],
                },
            )
        except (OSError, IncompleteRead):  # an answer cut short acknowledges nothing
            return
        print(name, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
