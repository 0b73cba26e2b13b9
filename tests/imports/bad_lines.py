"""Twenty-five lines of an increment.meta that cannot be carried out, each for a reason of its own or at another place."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.imports.shop import add, delete

NOT_A_PICTURE = b"<html>no picture</html>"
TOO_BIG = b"\xff\xd8\xff\xe0" + bytes(4 * 1024 * 1024)

FILES: Mapping[str, bytes] = {"bad/text.jpg": NOT_A_PICTURE, "bad/empty.jpg": b"", "bad/big.jpg": TOO_BIG}
"""What lies beside the pictures for them."""


def bad_lines(good: str, small: str) -> list[tuple[str, str]]:
    """(line, code). `good` is a picture that is added by another, later line as product `twice`; `small` one with sides below 200."""
    lines: list[tuple[str | dict[str, object], str]] = [
        (add("twice", good, IntAttr=1), "Superseded"),
        (add("x1", "bad/missing.jpg"), "PicNotExist"),
        (add("x2", "BAD/TEXT.JPG"), "PicNotExist"),
        (add("x3", "bad/text.jpg"), "UnsupportedPicFormat"),
        (add("x4", "bad/empty.jpg"), "UnsupportedPicFormat"),
        (add("x5", "bad/big.jpg"), "InvalidPicContent"),
        (add("x6", good, CategoryId=10), "InvalidCategory"),
        (add("x7", good, CategoryId=-1), "InvalidCategory"),
        (add("x8", good, Region="10,20,30"), "InvalidRegion"),
        (add("x9", good, Region="50,10,10,50"), "InvalidRegion"),
        (add("x10", small, Region="0,5000,0,5000"), "InvalidRegion"),
        ({"OperationType": "UPSERT", "ProductId": "x11", "PicName": good}, "BadRequest"),
        ({"ProductId": "x12", "PicName": good}, "BadRequest"),
        ('{"OperationType":"ADD","ProductId":"x13","PicName":', "BadRequest"),
        ("ProductId,PicName", "BadRequest"),
        ('["ADD","x15","a.jpg"]', "BadRequest"),
        (delete("x16", good), "PicNotExist"),
        (delete("x17"), "PicNotExist"),
        ({"OperationType": "ADD", "PicName": good}, "NoSpecifiedProductId"),
        ({"OperationType": "ADD", "ProductId": "x19"}, "NoSpecifiedPicName"),
        (add("x" * 513, good), "InvalidProductId"),
        (add("x21", "/" + good), "InvalidPicName"),
        (add("x22", good, IntAttr=2**31), "InvalidIntAttr"),
        (add("x23", good, StrAttr3="100 %"), "InvalidStrAttr3"),
        (add("x24", good, Colour="red"), "BadRequest"),
    ]
    return [(line if isinstance(line, str) else json.dumps(line), code) for line, code in lines]
