"""Looks for pictures where there must be none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tests.imports.stack import Stack

SIGNATURES = re.compile(
    rb"\xff\xd8\xff[\xc0-\xfe]|\x89PNG\r\n|GIF8[79]a|WEBPVP8|II\*\0|MM\0\*"
    rb"|BM.{4}\0{4}.{2}\0\0[\x0c-\x7c]\0\0\0",
    re.DOTALL,
)
"""Of JPEG, PNG, GIF, WEBP, TIFF and BMP, so long that no feature vector has one by chance."""


def no_picture_anywhere(stack: Stack, log: str, pictures: Sequence[bytes]) -> None:
    """Neither the store nor the log holds a picture's signature or any 64 bytes of a picture."""
    windows = {
        data[at : at + 64]
        for data in pictures
        for at in range(0, len(data) - 63, 64)
        if len(set(data[at : at + 64])) > 8
    }
    scanned = 0
    for where, data in [
        *(
            (stat.key, stack.deployment.store.get(stat.key).data)
            for stat in stack.deployment.store.list("")
        ),
        ("log", log.encode()),
    ]:
        scanned += len(data)
        assert SIGNATURES.search(data) is None, where
        # Windows start at multiples of 64 in a picture, so looking at every offset of the store
        # finds them wherever they were put.
        assert not any(data[at : at + 64] in windows for at in range(len(data) - 63)), where
    assert scanned > 10_000
