"""Each limit of CONTRACT §1.4, just inside and just outside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalicelib.contract import messages as m
from chalicelib.contract import values as v
from chalicelib.contract.filters import parse
from chalicelib.errors import InvalidField, InvalidRequest, MissingField, OverLimit
from chalicelib.region import Region
from chalicelib.service import MAX_PICTURE_BYTES

ID = "x" * 512


@pytest.mark.parametrize(
    "build",
    [
        lambda: m.AddPicture("c" * 20, ID, ID, b"p" * MAX_PICTURE_BYTES),
        lambda: m.AddPicture("a-b_c.9", "上衣 1/ü", "上衣.jpg", v.Uploaded("LA", "0" * 32)),
        lambda: v.View(category_id=88888888, crop=False, region=Region(0, 1, 0, 1)),
        lambda: v.AttributeValues(
            custom_content="c" * 4096,
            int_attr=2**31 - 1,
            int_attr4=-(2**31),
            str_attr="s" * 128,
            str_attr4="",
        ),
        lambda: v.AttributeValues(custom_content="$ & % ¥ \\ \n are fine here"),
        lambda: v.Page(100, 400),
        lambda: v.Page(1, 499),
        lambda: v.Narrow(filter=parse("int_attr=1"), distinct=True, min_score=1.0),
        lambda: m.SearchByText("c", "t" * 512),
        lambda: v.JobsPage(500, 500),
        lambda: m.StartImport("c", "bucket", "/"),
        lambda: m.StartImport("c", "bucket", "/上衣 a+b/c*~", "http://x.example/cb?a=1&b=2#z"),
    ],
)
def test_what_is_within_the_limits_is_accepted(build: Callable[[], object]) -> None:
    build()


@pytest.mark.parametrize(
    ("build", "field", "kind"),
    [
        (lambda: m.Describe(""), "collection", MissingField),
        (lambda: m.Describe("c" * 21), "collection", InvalidField),
        (lambda: m.Describe("../secrets"), "collection", InvalidField),
        (lambda: m.Describe(".."), "collection", InvalidField),
        (lambda: m.Describe("a\n"), "collection", InvalidField),
        (lambda: m.LookUp("c", "", "n"), "product_id", MissingField),
        (lambda: m.LookUp("c", "p", ""), "pic_name", MissingField),
        (lambda: m.LookUp("c", ID + "x", "n"), "product_id", InvalidField),
        (lambda: m.LookUp("c", "p", "a\x00"), "pic_name", InvalidField),
        (lambda: m.AddPicture("c", "p", "n", b""), "picture", MissingField),
        (
            lambda: m.AddPicture("c", "p", "n", b"p" * (MAX_PICTURE_BYTES + 1)),
            "picture",
            InvalidField,
        ),
        (lambda: m.DeletePictures("c", ""), "product_id", MissingField),
        (lambda: m.UpdatePictures("c", "p", "x" * 513), "pic_name", InvalidField),
        (lambda: m.SearchByPicture("c", b""), "picture", MissingField),
        (lambda: m.ComparePictures("c", b"", b"x"), "primary_picture", MissingField),
        (lambda: m.ComparePictures("c", b"x", b""), "secondary_picture", MissingField),
        (lambda: v.View(category_id=10), "category_id", InvalidField),
        (lambda: m.SearchByName("c", "p", "n", category_id=-1), "category_id", InvalidField),
        (lambda: v.AttributeValues(int_attr=2**31), "int_attr", InvalidField),
        (lambda: v.AttributeValues(int_attr3=-(2**31) - 1), "int_attr3", InvalidField),
        (lambda: v.AttributeValues(str_attr2="s" * 129), "str_attr2", InvalidField),
        (lambda: v.AttributeValues(str_attr="50%"), "str_attr", InvalidField),
        (lambda: v.AttributeValues(custom_content="c" * 4097), "custom_content", InvalidField),
        (lambda: v.AttributeValues(custom_content="\ud800"), "custom_content", InvalidField),
        (lambda: v.Page(0), "count", InvalidField),
        (lambda: v.Page(101), "count", OverLimit),
        (lambda: v.Page(10, -1), "start", InvalidField),
        (lambda: v.Page(10, 500), "start", InvalidField),
        (lambda: v.Page(100, 401), "start", OverLimit),
        (lambda: v.Narrow(min_score=1.5), "min_score", InvalidField),
        (lambda: m.SearchByText("c", " "), "text", MissingField),
        (lambda: m.SearchByText("c", "t" * 513), "text", OverLimit),
        (lambda: v.JobsPage(0), "page_number", InvalidField),
        (lambda: v.JobsPage(1, 501), "page_size", InvalidField),
        (lambda: m.StartImport("c", "", "/a"), "bucket", MissingField),
        (lambda: m.StartImport("c", "Bucket", "/a"), "bucket", InvalidField),
        (lambda: m.StartImport("c", "bucket", ""), "path", MissingField),
        (lambda: m.StartImport("c", "bucket", "a"), "path", InvalidField),
        (lambda: m.StartImport("c", "bucket", "/a/"), "path", InvalidField),
        (lambda: m.StartImport("c", "bucket", "/a", "ftp://x"), "callback", InvalidField),
    ],
)
def test_what_is_outside_them_is_refused_by_name(
    build: Callable[[], object], field: str, kind: type[InvalidRequest]
) -> None:
    with pytest.raises(kind) as caught:
        build()
    assert isinstance(caught.value, MissingField | InvalidField)
    assert caught.value.field == field
    assert type(caught.value) is kind


@pytest.mark.parametrize("text", ["219,486,143,505", " 0, 1 ,0,1 "])
def test_a_region_is_both_x_first_then_both_y(text: str) -> None:
    region = v.parse_region(text)
    assert region == Region(*map(int, text.split(",")))
    assert (region.width, region.height) == (region.x2 - region.x1, region.y2 - region.y1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2,3",
        "1,2,3,4,5",
        "a,b,c,d",
        "5,5,1,2",
        "9,5,1,2",
        "1,5,2,2",
        "-1,5,1,2",
        "1.0,5,1,2",
        "1" * 4000,
    ],
)
def test_a_region_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidField, match="x1,x2,y1,y2") as caught:
        v.parse_region(text)
    assert caught.value.field == "region"
