"""Pieces of JSON Schema that the answers of several actions share, for /openapi.json and for the
tests that hold the answers to them (CONTRACT §3, §7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Schema = dict[str, object]

TEXT: Final[Schema] = {"type": "string"}
INT: Final[Schema] = {"type": "integer"}
SCORE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
REGION: Final[Schema] = {"type": "string", "pattern": "^[0-9]+,[0-9]+,[0-9]+,[0-9]+$"}
MS_TEXT: Final[Schema] = {"type": "string", "pattern": "^[0-9]+$"}
STATUS: Final[Schema] = {"enum": ["PROCESSING", "SUCCESS", "FAIL"]}
TRUE: Final[Mapping[str, Schema]] = {"Success": {"const": True}}


def record(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """An object with these members and no others."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def array(item: Schema) -> Schema:
    """A list of `item`."""
    return {"type": "array", "items": item}


def answer(
    message: str | None, members: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> Schema:
    """With Code 0, Success and a member called `message`, or the short form of the actions that
    have no Code.
    """
    base: dict[str, Schema] = {"RequestId": {"type": "string", "pattern": "^[0-9A-F-]{36}$"}}
    if message:
        base |= {"Code": {"const": 0}, message: {"const": "success"}, "Success": {"const": True}}
    return record({**base, **members}, optional)


ERROR: Final[Schema] = record({"RequestId": TEXT, "HostId": TEXT, "Code": TEXT, "Message": TEXT})

ATTRIBUTES: Final[Mapping[str, Schema]] = {
    "CustomContent": TEXT,
    **{f"IntAttr{n}": INT for n in ("", "2", "3", "4")},
    **{f"StrAttr{n}": TEXT for n in ("", "2", "3", "4")},
}
IDENTITY: Final[Mapping[str, Schema]] = {"ProductId": TEXT, "PicName": TEXT, "CategoryId": INT}
RANK: Final[Mapping[str, Schema]] = {
    "Score": SCORE,
    "SortExprValues": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(e\+[0-9]+)?;[0-9]+$"},
}
ROW: Final = record(IDENTITY, ATTRIBUTES)
PIC_INFO: Final = record(
    {
        "CategoryId": INT,
        "Region": REGION,
        "MultiRegion": array(record({"Region": REGION})),
        "AllCategories": array(record({"Id": INT, "Name": TEXT})),
    }
)
HEAD: Final = record({"DocsFound": INT, "DocsReturn": INT, "SearchTime": INT})
TASK: Final[Mapping[str, Schema]] = {
    "Id": INT,
    "Status": STATUS,
    "Code": TEXT,
    "Msg": TEXT,
    "UtcCreate": MS_TEXT,
    "UtcModified": INT,
}
PAGE: Final[Mapping[str, Schema]] = {"PageNumber": INT, "PageSize": INT, "TotalCount": INT}
