"""Parameters that several actions share. `limits` are as JSON Schema says them; contract/values.py
checks them.
"""

from __future__ import annotations

from typing import Final

from chalicelib.contract import values as v
from chalicelib.gateway.wire.fields import Fields, Parameter

INSTANCE: Final = Parameter(
    "InstanceName",
    "collection",
    required=True,
    note="name of the collection, 1 to 20 characters",
    limits={
        "minLength": 1,
        "maxLength": v.MAX_COLLECTION,
        "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    },
)
PRODUCT: Final = Parameter(
    "ProductId",
    "product_id",
    required=True,
    note="1 to 512 characters",
    limits={"minLength": 1, "maxLength": v.MAX_ID},
)
NAME: Final = Parameter(
    "PicName",
    "pic_name",
    required=True,
    note="1 to 512 characters; with ProductId it identifies the picture",
    limits={"minLength": 1, "maxLength": v.MAX_ID},
)
PICTURE: Final = Parameter(
    "PicContent",
    "picture",
    "picture",
    required=True,
    note="base64 of the file, at most 4 MiB before encoding, or an upload's URL",
)
CATEGORY: Final = Parameter(
    "CategoryId", "category_id", "integer", note="product collections only; predicted when absent"
)
VIEW: Final = (
    CATEGORY,
    Parameter(
        "Crop", "crop", "boolean", note="default true: find the subject; false: the whole picture"
    ),
    Parameter(
        "Region",
        "region",
        "region",
        note="subject as x1,x2,y1,y2 in pixels; ignored when Crop is false",
    ),
)
CUSTOM: Final = Parameter(
    "CustomContent",
    "custom_content",
    note="at most 4096 characters, returned by searches",
    limits={"maxLength": v.MAX_CUSTOM_CONTENT},
)
INTS: Final = tuple(
    Parameter(
        f"IntAttr{n}",
        f"int_attr{n}",
        "integer",
        note="32 bit; filterable",
        limits={"minimum": -(2**31), "maximum": 2**31 - 1},
    )
    for n in ("", "2", "3", "4")
)
STRS: Final = tuple(
    Parameter(
        f"StrAttr{n}",
        f"str_attr{n}",
        note="at most 128 characters without \\ ¥ $ & %; filterable",
        limits={"maxLength": v.MAX_STR_ATTR, "pattern": r"^[^\\¥$&%]*$"},
    )
    for n in ("", "2", "3", "4")
)
ATTRIBUTES: Final = (CUSTOM, *INTS, *STRS)
NUM: Final = Parameter(
    "Num",
    "count",
    "integer",
    note="1 to 100, default 10",
    limits={"minimum": 1, "maximum": v.MAX_COUNT, "default": 10},
)
START: Final = Parameter(
    "Start",
    "start",
    "integer",
    note="0 to 499, default 0; Start + Num at most 500",
    limits={"minimum": 0, "maximum": v.MAX_START, "default": 0},
)
FILTER: Final = Parameter(
    "Filter",
    "filter",
    "filter",
    note='such as int_attr>=100 AND str_attr in ("a","b"); at most 4096 characters',
)
RANKED: Final = (
    NUM,
    START,
    FILTER,
    Parameter(
        "DistinctProductId",
        "distinct",
        "boolean",
        note="true: the best picture of each product only",
    ),
    Parameter(
        "ScoreThreshold",
        "min_score",
        "score",
        note="0.00 to 1.00; only results whose Score reaches it",
    ),
)
JOB: Final = Parameter("Id", "job_id", "integer", note="only this job")
PAGES: Final = (
    Parameter(
        "PageNumber",
        "page_number",
        "integer",
        note="1 to 500, default 1",
        limits={"minimum": 1, "maximum": v.MAX_PAGE, "default": 1},
    ),
    Parameter(
        "PageSize",
        "page_size",
        "integer",
        note="1 to 500, default 10",
        limits={"minimum": 1, "maximum": v.MAX_PAGE, "default": 10},
    ),
)


def identity(fields: Fields) -> tuple[str, str, str]:
    """(collection, product id, picture name)."""
    return fields.text("InstanceName"), fields.text("ProductId"), fields.text("PicName")


def jobs_page(fields: Fields) -> v.JobsPage:
    """PageNumber and PageSize. Raises InvalidField."""
    number, size = fields.integer("PageNumber"), fields.integer("PageSize")
    return v.JobsPage(number=1 if number is None else number, size=10 if size is None else size)
