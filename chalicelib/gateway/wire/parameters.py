"""Parameters of 2020-12-14 and 2019-03-25 by action, and their way into messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from chalicelib.contract import messages as m
from chalicelib.contract import values as v
from chalicelib.errors import InvalidField, InvalidRequest, MissingField
from chalicelib.gateway.wire.fields import Fields, Parameter

if TYPE_CHECKING:
    from chalicelib.contract.filters import Filter

_INSTANCE: Final = Parameter(
    "InstanceName", "collection", required=True, note="name of the collection, 1 to 20 characters"
)
_PRODUCT: Final = Parameter("ProductId", "product_id", required=True, note="1 to 512 characters")
_NAME: Final = Parameter(
    "PicName",
    "pic_name",
    required=True,
    note="1 to 512 characters; with ProductId it identifies the picture",
)
_PICTURE: Final = Parameter(
    "PicContent",
    "picture",
    "picture",
    required=True,
    note="base64 of the file, at most 4 MiB before encoding, or an upload's URL",
)
_CATEGORY: Final = Parameter(
    "CategoryId", "category_id", "integer", note="product collections only; predicted when absent"
)
_CROP: Final = Parameter(
    "Crop", "crop", "boolean", note="default true: find the subject; false: the whole picture"
)
_REGION: Final = Parameter(
    "Region",
    "region",
    "region",
    note="subject as x1,x2,y1,y2 in pixels; ignored when Crop is false",
)
_CUSTOM: Final = Parameter(
    "CustomContent", "custom_content", note="at most 4096 characters, returned by searches"
)
_INTS: Final = tuple(
    Parameter(f"IntAttr{n}", f"int_attr{n}", "integer", note="32 bit; filterable")
    for n in ("", "2", "3", "4")
)
_STRS: Final = tuple(
    Parameter(
        f"StrAttr{n}", f"str_attr{n}", note="at most 128 characters without \\ ¥ $ & %; filterable"
    )
    for n in ("", "2", "3", "4")
)
_NUM: Final = Parameter("Num", "count", "integer", note="1 to 100, default 10")
_START: Final = Parameter(
    "Start", "start", "integer", note="0 to 499, default 0; Start + Num at most 500"
)
_FILTER: Final = Parameter(
    "Filter",
    "filter",
    "filter",
    note='such as int_attr>=100 AND str_attr in ("a","b"); at most 4096 characters',
)
_DISTINCT: Final = Parameter(
    "DistinctProductId", "distinct", "boolean", note="true: the best picture of each product only"
)
_THRESHOLD: Final = Parameter(
    "ScoreThreshold", "min_score", "score", note="0.00 to 1.00; only results whose Score reaches it"
)
_JOB: Final = Parameter("Id", "job_id", "integer", note="only this job")
_PAGES: Final = (
    Parameter("PageNumber", "page_number", "integer", note="1 to 500, default 1"),
    Parameter("PageSize", "page_size", "integer", note="1 to 500, default 10"),
)


def _required(parameter: Parameter) -> Parameter:
    return Parameter(
        parameter.name, parameter.field, parameter.kind, required=True, note=parameter.note
    )


def _optional(parameter: Parameter, note: str = "") -> Parameter:
    return Parameter(parameter.name, parameter.field, parameter.kind, note=note or parameter.note)


_LOOK: Final = (_CATEGORY, _CROP, _REGION)
_ATTRIBUTES: Final = (_CUSTOM, *_INTS, *_STRS)
_RANKED: Final = (_NUM, _START, _FILTER, _DISTINCT, _THRESHOLD)
_BY_FILTER: Final = Parameter(
    "IsDeleteByFilter", "by_filter", "boolean", note="true: delete what Filter matches"
)

PARAMETERS_2020: Final[Mapping[str, tuple[Parameter, ...]]] = {
    "AddImage": (_INSTANCE, _PRODUCT, _NAME, _PICTURE, *_LOOK, *_ATTRIBUTES),
    "DeleteImage": (
        _INSTANCE,
        _optional(
            _PRODUCT,
            "required unless IsDeleteByFilter is true; alone: every picture of the product",
        ),
        _optional(_NAME, "with ProductId: this picture only"),
        _BY_FILTER,
        _optional(_FILTER, "required when IsDeleteByFilter is true"),
    ),
    "UpdateImage": (
        _INSTANCE,
        _PRODUCT,
        _optional(_NAME, "absent: every picture of the product"),
        *_ATTRIBUTES,
    ),
    "SearchImageByPic": (_INSTANCE, _PICTURE, *_LOOK, *_RANKED),
    "SearchImageByName": (_INSTANCE, _PRODUCT, _NAME, _CATEGORY, *_RANKED),
    "SearchImageByText": (
        _INSTANCE,
        Parameter("Text", "text", required=True, note="at most 512 characters"),
        *_RANKED,
    ),
    "SearchImageByFilter": (_INSTANCE, _required(_FILTER), _NUM, _START),
    "CheckImageExists": (_INSTANCE, _PRODUCT, _NAME),
    "CompareSimilarByImage": (
        _INSTANCE,
        Parameter(
            "PrimaryPicContent", "primary_picture", "picture", required=True, note=_PICTURE.note
        ),
        Parameter(
            "SecondaryPicContent", "secondary_picture", "picture", required=True, note=_PICTURE.note
        ),
    ),
    "Detail": (_INSTANCE,),
    "IncreaseInstance": (
        _INSTANCE,
        Parameter(
            "BucketName", "bucket", required=True, note="a bucket in this deployment's region"
        ),
        Parameter(
            "Path",
            "path",
            required=True,
            note="folder that holds increment.meta: begins with /, does not end with it",
        ),
        Parameter("CallbackAddress", "callback", note="http(s) URL told of the end"),
    ),
    "IncreaseList": (
        _INSTANCE,
        _JOB,
        Parameter("BucketName", "bucket"),
        Parameter("Path", "path"),
        *_PAGES,
    ),
    "DumpMeta": (_INSTANCE,),
    "DumpMetaList": (_INSTANCE, _JOB, *_PAGES),
}
"""What each action of 2020-12-14 takes (CONTRACT §3, §7)."""

PARAMETERS_2019: Final[Mapping[str, tuple[Parameter, ...]]] = {
    "AddImage": (_INSTANCE, _PRODUCT, _NAME, _PICTURE, *_LOOK, _CUSTOM, _INTS[0], _STRS[0]),
    "DeleteImage": (_INSTANCE, _PRODUCT, _optional(_NAME, "absent: every picture of the product")),
    "SearchImage": (
        _INSTANCE,
        Parameter("Type", "search_type", note="SearchByPic (default) or SearchByName"),
        _optional(_PICTURE, "required by SearchByPic"),
        _optional(_PRODUCT, "required by SearchByName"),
        _optional(_NAME, "required by SearchByName"),
        *_LOOK,
        _NUM,
        _START,
        _FILTER,
    ),
}
"""What each action of 2019-03-25 takes (CONTRACT §4)."""


def add_image(fields: Fields) -> m.AddPicture:
    """AddImage of both versions."""
    return m.AddPicture(
        *_identity(fields), fields.picture("PicContent"), fields.view(), fields.attributes()
    )


def _identity(fields: Fields) -> tuple[str, str, str]:
    return fields.text("InstanceName"), fields.text("ProductId"), fields.text("PicName")


def delete_image(fields: Fields) -> m.DeletePictures | m.DeleteByFilter:
    """DeleteImage of both versions."""
    collection, wanted = fields.text("InstanceName"), fields.filter("Filter")
    if not fields.boolean("IsDeleteByFilter", default=False):
        if wanted is not None:
            # deleting by product and ignoring the filter would delete more than was meant
            raise InvalidRequest(
                "Filter is given but IsDeleteByFilter is not true; leave one out or set the other"
            )
        return m.DeletePictures(collection, fields.text("ProductId"), fields.optional("PicName"))
    if fields.optional("ProductId") or fields.optional("PicName"):
        raise InvalidRequest(
            "ProductId and PicName have no meaning when IsDeleteByFilter is true; leave them out"
        )
    return m.DeleteByFilter(collection, _needed(wanted))


def _needed(wanted: Filter | None) -> Filter:
    if wanted is None:
        raise MissingField("filter", "Filter is missing")
    return wanted


def update_image(fields: Fields) -> m.UpdatePictures:
    """UpdateImage."""
    return m.UpdatePictures(
        fields.text("InstanceName"),
        fields.text("ProductId"),
        fields.optional("PicName"),
        fields.attributes(),
    )


def search_by_pic(fields: Fields) -> m.SearchByPicture:
    """SearchImageByPic."""
    return m.SearchByPicture(
        fields.text("InstanceName"),
        fields.picture("PicContent"),
        fields.view(),
        fields.page(),
        fields.narrow(),
    )


def search_by_name(fields: Fields) -> m.SearchByName:
    """SearchImageByName."""
    return m.SearchByName(
        *_identity(fields), fields.integer("CategoryId"), fields.page(), fields.narrow()
    )


def search_image_2019(fields: Fields) -> m.SearchByPicture | m.SearchByName:
    """SearchImage, which is two searches in one action."""
    kind = fields.text("Type") or "SearchByPic"
    if kind == "SearchByName":
        return search_by_name(fields)
    if kind != "SearchByPic":
        raise InvalidField(
            "search_type", f"Type is {kind[:40]!r}; it must be SearchByPic or SearchByName"
        )
    return search_by_pic(fields)


def search_by_text(fields: Fields) -> m.SearchByText:
    """SearchImageByText."""
    return m.SearchByText(
        fields.text("InstanceName"), fields.text("Text"), fields.page(), fields.narrow()
    )


def search_by_filter(fields: Fields) -> m.SearchByFilter:
    """SearchImageByFilter."""
    v.check_collection(fields.text("InstanceName"))
    return m.SearchByFilter(
        fields.text("InstanceName"), _needed(fields.filter("Filter")), fields.page()
    )


def check_image_exists(fields: Fields) -> m.LookUp:
    """CheckImageExists."""
    return m.LookUp(*_identity(fields))


def compare_similar(fields: Fields) -> m.ComparePictures:
    """CompareSimilarByImage."""
    return m.ComparePictures(
        fields.text("InstanceName"),
        fields.picture("PrimaryPicContent"),
        fields.picture("SecondaryPicContent"),
    )


def detail(fields: Fields) -> m.Describe:
    """Detail."""
    return m.Describe(fields.text("InstanceName"))


def increase_instance(fields: Fields) -> m.StartImport:
    """IncreaseInstance."""
    return m.StartImport(
        fields.text("InstanceName"),
        fields.text("BucketName"),
        fields.text("Path"),
        fields.optional("CallbackAddress"),
    )


def increase_list(fields: Fields) -> m.ListImports:
    """IncreaseList."""
    return m.ListImports(
        collection=fields.text("InstanceName"),
        job_id=fields.integer("Id"),
        bucket=fields.optional("BucketName"),
        path=fields.optional("Path"),
        page=_jobs_page(fields),
    )


def dump_meta(fields: Fields) -> m.StartExport:
    """DumpMeta."""
    return m.StartExport(fields.text("InstanceName"))


def dump_meta_list(fields: Fields) -> m.ListExports:
    """DumpMetaList."""
    return m.ListExports(fields.text("InstanceName"), fields.integer("Id"), _jobs_page(fields))


def _jobs_page(fields: Fields) -> v.JobsPage:
    number, size = fields.integer("PageNumber"), fields.integer("PageSize")
    return v.JobsPage(number=1 if number is None else number, size=10 if size is None else size)


PARSERS_2020: Final[Mapping[str, Callable[[Fields], m.Message]]] = {
    "AddImage": add_image,
    "DeleteImage": delete_image,
    "UpdateImage": update_image,
    "SearchImageByPic": search_by_pic,
    "SearchImageByName": search_by_name,
    "SearchImageByText": search_by_text,
    "SearchImageByFilter": search_by_filter,
    "CheckImageExists": check_image_exists,
    "CompareSimilarByImage": compare_similar,
    "Detail": detail,
    "IncreaseInstance": increase_instance,
    "IncreaseList": increase_list,
    "DumpMeta": dump_meta,
    "DumpMetaList": dump_meta_list,
}
PARSERS_2019: Final[Mapping[str, Callable[[Fields], m.Message]]] = {
    "AddImage": add_image,
    "DeleteImage": delete_image,
    "SearchImage": search_image_2019,
}
