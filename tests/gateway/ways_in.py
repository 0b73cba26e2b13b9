"""What fits through each way in (CONTRACT §11): a body stands inside of Lambda's event, some of
them in base64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from chalicelib.gateway.dispatch import MAX_BODY
from chalicelib.service import MAX_PICTURE_BYTES

LAMBDA: Final = 6 * 1024 * 1024
"""Bytes of an event."""
AROUND: Final = 16 * 1024
"""Of which headers, paths and texts may take so many."""
FORM: Final = 64 / 48 * (1 + 2 * 2 / 64)
"""Bytes of a form per byte of a picture: base64, two of whose 64 characters are escaped."""
BASE64: Final = 4 / 3
WAYS: Final[dict[str, float]] = {
    "API Gateway": LAMBDA - AROUND,
    "function URL": (LAMBDA - AROUND) / BASE64,
    "`lookalike serve`": MAX_BODY - AROUND,
}
"""To the bytes of a text body; API Gateway alone hands files on in base64, the function URL all."""
KINDS: Final[dict[str, Callable[[str], float]]] = {
    "a form": lambda way: WAYS[way] / FORM,
    "JSON": lambda way: WAYS[way] / BASE64,
    "a file (`curl -F`)": lambda way: WAYS[way] / BASE64 if way == "API Gateway" else WAYS[way],
}
"""To the bytes of pictures that it carries through a way."""


def largest(way: str, kind: str, pictures: int) -> float:
    """MiB of each of `pictures`, down to hundredths."""
    fitting = min(KINDS[kind](way) / pictures, MAX_PICTURE_BYTES)
    return int(fitting / 1024 / 1024 * 100) / 100


def table() -> str:
    """Rows by way, columns by kind: one picture, and each of two."""
    lines = [
        f"| MiB of a picture sent as | {' | '.join(KINDS)} |",
        "|---|" + "---|" * len(KINDS),
    ]
    for way in WAYS:
        cells = [
            f"{largest(way, kind, 1):g}, each of two {largest(way, kind, 2):g}" for kind in KINDS
        ]
        lines.append(f"| through {way} | {' | '.join(cells)} |")
    return "\n".join(lines)
