"""JSON Schemas of the answers, for /openapi.json and for the tests that hold render.py to them
(CONTRACT §3, §4, §7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Schema = dict[str, object]

_TEXT: Final[Schema] = {"type": "string"}
_INT: Final[Schema] = {"type": "integer"}
_SCORE: Final[Schema] = {"type": "number", "minimum": 0, "maximum": 1}
_REGION: Final[Schema] = {"type": "string", "pattern": "^[0-9]+,[0-9]+,[0-9]+,[0-9]+$"}
_MS_TEXT: Final[Schema] = {"type": "string", "pattern": "^[0-9]+$"}
_STATUS: Final[Schema] = {"enum": ["PROCESSING", "SUCCESS", "FAIL"]}


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def _list(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _answer(
    message: str | None, members: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> Schema:
    """With Code 0, Success and a message member, or the short form of the actions that have no
    Code.
    """
    base: dict[str, Schema] = {"RequestId": {"type": "string", "pattern": "^[0-9A-F-]{36}$"}}
    if message:
        base |= {"Code": {"const": 0}, message: {"const": "success"}, "Success": {"const": True}}
    return _object({**base, **members}, optional)


ERROR: Final[Schema] = _object(
    {"RequestId": _TEXT, "HostId": _TEXT, "Code": _TEXT, "Message": _TEXT}
)

_ATTRIBUTES: Final[Mapping[str, Schema]] = {
    "CustomContent": _TEXT,
    **{f"IntAttr{n}": _INT for n in ("", "2", "3", "4")},
    **{f"StrAttr{n}": _TEXT for n in ("", "2", "3", "4")},
}
_IDENTITY: Final[Mapping[str, Schema]] = {"ProductId": _TEXT, "PicName": _TEXT, "CategoryId": _INT}
_RANK: Final[Mapping[str, Schema]] = {
    "Score": _SCORE,
    "SortExprValues": {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(e\+[0-9]+)?;[0-9]+$"},
}
_ROW: Final = _object(_IDENTITY, _ATTRIBUTES)
_HIT: Final = _object({**_IDENTITY, **_RANK}, _ATTRIBUTES)
_HIT_2019: Final = _object(
    {**_IDENTITY, **_RANK},
    {name: _ATTRIBUTES[name] for name in ("CustomContent", "IntAttr", "StrAttr")},
)
_PIC_INFO: Final = _object(
    {
        "CategoryId": _INT,
        "Region": _REGION,
        "MultiRegion": _list(_object({"Region": _REGION})),
        "AllCategories": _list(_object({"Id": _INT, "Name": _TEXT})),
    }
)
_HEAD: Final = _object({"DocsFound": _INT, "DocsReturn": _INT, "SearchTime": _INT})
_TRUE: Final[Mapping[str, Schema]] = {"Success": {"const": True}}
_FOUND: Final = _answer("Msg", {"Head": _HEAD, "PicInfo": _PIC_INFO, "Auctions": _list(_HIT)})
_TASK: Final[Mapping[str, Schema]] = {
    "Id": _INT,
    "Status": _STATUS,
    "Code": _TEXT,
    "Msg": _TEXT,
    "UtcCreate": _MS_TEXT,
    "UtcModified": _INT,
}
_PAGE: Final[Mapping[str, Schema]] = {"PageNumber": _INT, "PageSize": _INT, "TotalCount": _INT}
_INSTANCE: Final = _object(
    {
        "Name": _TEXT,
        "Region": _TEXT,
        "ServiceType": _INT,
        "Capacity": _INT,
        "Qps": _INT,
        "TotalCount": _INT,
        "UtcCreate": _MS_TEXT,
        "UtcExpireTime": _MS_TEXT,
    }
)
_INCREMENT: Final = _object(
    {**_TASK, "BucketName": _TEXT, "Path": _TEXT}, {"CallbackAddress": _TEXT, "ErrorUrl": _TEXT}
)

ANSWERS_2020: Final[Mapping[str, Schema]] = {
    "AddImage": _answer("Message", {"PicInfo": _PIC_INFO}),
    "DeleteImage": _answer("Message", {"Data": _object({"PicNames": _list(_TEXT)})}),
    "UpdateImage": _answer("Message", {}),
    "SearchImageByPic": _FOUND,
    "SearchImageByName": _FOUND,
    "SearchImageByText": _FOUND,
    "SearchImageByFilter": _answer("Msg", {"Auctions": _list(_ROW)}),
    "CheckImageExists": _answer("Msg", {"Exists": {"type": "boolean"}}, {"Auctions": _ROW}),
    "CompareSimilarByImage": _answer("Msg", {"Score": _SCORE}),
    "Detail": _answer(None, {**_TRUE, "Instance": _INSTANCE}),
    "IncreaseInstance": _answer(
        None, {**_TRUE, "Data": _object({"Id": _MS_TEXT, "IncrementStatus": _STATUS})}
    ),
    "IncreaseList": _answer(
        None, {"Data": _object({**_PAGE, "Increments": _object({"Instance": _list(_INCREMENT)})})}
    ),
    "DumpMeta": _answer(
        None, {**_TRUE, "Data": _object({"Id": _MS_TEXT, "DumpMetaStatus": _STATUS})}
    ),
    "DumpMetaList": _answer(
        None,
        {"Data": _object({**_PAGE, "DumpMetaList": _list(_object(_TASK, {"MetaUrl": _TEXT}))})},
    ),
}
"""By action of 2020-12-14."""

ANSWERS_2019: Final[Mapping[str, Schema]] = {
    "AddImage": _answer("Message", {"PicInfo": _object({"CategoryId": _INT, "Region": _REGION})}),
    "DeleteImage": _answer("Message", {}),
    "SearchImage": _answer(
        "Msg", {"Head": _HEAD, "PicInfo": _PIC_INFO, "Auctions": _list(_HIT_2019)}
    ),
}
"""By action of 2019-03-25."""
