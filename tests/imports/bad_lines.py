"""Twenty-five lines of an increment.meta that cannot be carried out, each for a reason of its own
or at another place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from tests.imports.shop import add, delete

NOT_A_PICTURE = b"<html>no picture</html>"
TOO_BIG = b"\xff\xd8\xff\xe0" + bytes(4 * 1024 * 1024)

FILES: Mapping[str, bytes] = {
    "bad/text.jpg": NOT_A_PICTURE,
    "bad/empty.jpg": b"",
    "bad/big.jpg": TOO_BIG,
}
"""What lies beside the pictures for them."""


def bad_lines(good: str, small: str) -> list[tuple[str, str, str]]:
    """(line, code, words of the reason). `good` is a picture that is added by another, later line
    as product `twice`; `small` another.
    """
    lines: list[tuple[str | dict[str, object], str, str]] = [
        (add("twice", good, IntAttr=1), "Superseded", "speaks of the same picture"),
        (
            add("x1", "bad/missing.jpg"),
            "PicNotExist",
            "no object '2024/spring/bad/missing.jpg' in bucket 'catalogue'",
        ),
        (add("x2", "BAD/TEXT.JPG"), "PicNotExist", "upper and lower case count"),
        (add("x3", "bad/text.jpg"), "UnsupportedPicFormat", "not a picture"),
        (add("x4", "bad/empty.jpg"), "UnsupportedPicFormat", "not a picture"),
        (add("x5", "bad/big.jpg"), "InvalidPicContent", "4194308 bytes; at most 4194304"),
        (
            add("x6", good, CategoryId=10),
            "InvalidCategory",
            "CategoryId is 10; choose one of 0, 1,",
        ),
        (add("x7", good, CategoryId=-1), "InvalidCategory", "CategoryId is -1"),
        (add("x8", good, Region="10,20,30"), "InvalidRegion", "is not x1,x2,y1,y2 in pixels"),
        (add("x9", good, Region="50,10,10,50"), "InvalidRegion", "x1 < x2"),
        (add("x10", small, Region="0,5000,0,5000"), "InvalidRegion", "the picture"),
        (
            {"OperationType": "UPSERT", "ProductId": "x11", "PicName": good},
            "BadRequest",
            "'UPSERT'; it must be ADD or DELETE",
        ),
        ({"ProductId": "x12", "PicName": good}, "BadRequest", "OperationType is missing"),
        (
            '{"OperationType":"ADD","ProductId":"x13","PicName":',
            "BadRequest",
            "not a JSON object: Expecting value at character 52",
        ),
        ("ProductId,PicName", "BadRequest", "not a JSON object"),
        ('["ADD","x15","a.jpg"]', "BadRequest", "not a JSON object in braces"),
        (delete("x16", good), "PicNotExist", "of product 'x16' to delete"),
        (delete("x17"), "PicNotExist", "no picture of product 'x17' to delete"),
        ({"OperationType": "ADD", "PicName": good}, "NoSpecifiedProductId", "ProductId is missing"),
        ({"OperationType": "ADD", "ProductId": "x19"}, "NoSpecifiedPicName", "PicName is missing"),
        (add("x" * 513, good), "InvalidProductId", "ProductId has 513 characters; at most 512"),
        (add("x21", "/" + good), "InvalidPicName", "relative to increment.meta"),
        (add("x22", good, IntAttr=2**31), "InvalidIntAttr", "IntAttr is 2147483648"),
        (add("x23", good, StrAttr3="100 %"), "InvalidStrAttr3", "StrAttr3 contains '%'"),
        (add("x24", good, Colour="red"), "BadRequest", "unknown member 'Colour'"),
    ]
    return [
        (line if isinstance(line, str) else json.dumps(line), code, words)
        for line, code, words in lines
    ]
