"""Captured requests become the right messages; parameters are read with care."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.contract import messages as m
from chalicelib.contract import values as v
from chalicelib.errors import InvalidField, InvalidRequest, MissingField
from chalicelib.gateway.actions import pictures
from chalicelib.gateway.actions.declaration import V2018, V2019, V2020, Action
from chalicelib.gateway.actions.registry import ACTIONS
from chalicelib.gateway.wire.body import body_pairs
from chalicelib.gateway.wire.fields import Fields
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.region import Region
from tests.gateway.captures import captured, load

PNG = b"\x89PNG"


def read_message(
    version: str, action: str, incoming: Incoming, params: Mapping[str, str], hosts: tuple[str, ...]
) -> tuple[str, Any]:
    declared = ACTIONS.of(version)[action]
    asked = declared.fields(declared, incoming, params, hosts)
    return asked.collection, declared.read(asked)


def message_of(name: str) -> tuple[str, Any]:
    capture = load(name)
    incoming = capture.incoming
    params = {**dict(incoming.query), **dict(body_pairs(incoming))}
    return read_message(
        capture.version, capture.action, incoming, params, hosts=(incoming.host, "127.0.0.1:33781")
    )


@captured(but="advance")
def test_every_capture_becomes_a_message_about_its_collection(name: str) -> None:
    collection, message = message_of(name)
    assert collection in {"demoinstance1", "i"}
    for one in message if isinstance(message, list) else [message]:
        assert one.collection == collection
    capture = load(name)
    action = ACTIONS.of(capture.version)[capture.action]
    if capture.version != V2020:
        assert ACTIONS.at(capture.incoming.path) is action


class TestCaptures:
    def test_add_image_carries_everything(self) -> None:
        _, message = message_of("acs3_2020-12-14_AddImage")
        assert isinstance(message, m.AddPicture)
        assert isinstance(message.picture, bytes)
        assert message.picture.startswith(PNG)
        assert message.view == v.View(category_id=88888888, crop=True, region=message.view.region)
        values = message.attributes
        assert (values.int_attr, values.int_attr2, values.int_attr3, values.int_attr4) == (
            22,
            23,
            24,
            25,
        )
        assert values.custom_content == "k1:v1,k2:v2"
        assert values.str_attr is not None

    def test_names_and_content_are_unicode(self) -> None:
        _, message = message_of("acs3_2020-12-14_AddImage_unicode")
        assert message.attributes.custom_content == '{"名":"值 é"}'

    def test_form_and_query_are_merged(self) -> None:
        _, update = message_of("acs3_2020-12-14_UpdateImage")
        assert isinstance(update, m.UpdatePictures)
        assert update.changes.int_attr3 is not None
        _, search = message_of("rpc1_2020-12-14_SearchImageByPic")
        assert search.narrow.min_score == 0.5
        assert search.narrow.distinct
        assert search.narrow.filter.text == 'int_attr>=100 AND str_attr!="value1"'

    def test_an_uploaded_picture_is_a_reference(self) -> None:
        capture = load("advance_3_AddImage")
        params = dict(body_pairs(capture.incoming))
        with pytest.raises(InvalidField, match="own upload helper"):
            read_message(V2020, "AddImage", capture.incoming, params, hosts=("127.0.0.1:33781",))
        params["PicContent"] = f"http://127.0.0.1:33781/uploads/testid/{'0' * 32}"
        _, message = read_message(
            V2020, "AddImage", capture.incoming, params, hosts=("127.0.0.1:33781",)
        )
        assert message.picture == v.Uploaded("testid", "0" * 32)

    def test_2019_searches_by_name_and_by_picture(self) -> None:
        assert isinstance(message_of("acs3_2019-03-25_SearchImage_name")[1], m.SearchByName)
        assert isinstance(message_of("acs3_2019-03-25_SearchImage_pic")[1], m.SearchByPicture)
        assert isinstance(message_of("roa1core_2019-03-25_SearchImage")[1], m.SearchByPicture)

    def test_2018_adds_one_picture_per_name(self) -> None:
        collection, messages = message_of("roa1core_2018-01-20_AddItem")
        assert collection == "demoinstance1"
        assert [(one.product_id, one.pic_name, one.view.category_id) for one in messages] == [
            ("1000", "a.png", 0),
            ("1000", "b.png", 0),
        ]
        assert all(
            one.picture.startswith(PNG) and one.attributes.custom_content == "k1:v1"
            for one in messages
        )
        _, search = message_of("roa1core_2018-01-20_SearchItem")
        assert (search.page, search.view.category_id) == (v.Page(10, 0), 0)
        _, deletes = message_of("roa1core_2018-01-20_DeleteItem")
        assert deletes == [m.DeletePictures("demoinstance1", "1000", "a.png")]

    def test_jobs(self) -> None:
        _, start = message_of("acs3_2020-12-14_IncreaseInstance_special")
        assert start == m.StartImport("i", "b", "/上衣 a+b/c*~", "http://x.example/cb?a=1&b=2#z")
        _, listing = message_of("acs3_2020-12-14_IncreaseList")
        assert listing == m.ListImports(
            "demoinstance1", 500, "bucket", "/girlCloth", v.JobsPage(1, 10)
        )
        assert message_of("acs3_2020-12-14_DumpMetaList")[1] == m.ListExports(
            "demoinstance1", 500, v.JobsPage(1, 10)
        )


def fields(values: Mapping[str, str], action: str = "AddImage") -> Fields:
    return Fields(values, ACTIONS.of(V2020)[action].parameters, hosts=("search.example",))


def test_a_parameter_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="no parameter 'ProdcutId'"):
        fields({"ProdcutId": "1"})


def test_parameters_of_the_transport_are_allowed_everywhere() -> None:
    fields({"Format": "json", "RegionId": "x", "SignatureType": ""})


def test_2019_refuses_what_came_later() -> None:
    with pytest.raises(InvalidRequest, match="'IntAttr2'"):
        Fields({"IntAttr2": "1"}, ACTIONS.of(V2019)["AddImage"].parameters, hosts=())


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("true", True), ("FALSE", False), ("", True)]
)
def test_booleans_in_any_case(text: str, value: bool) -> None:
    assert fields({"Crop": text}).view().crop is value


@pytest.mark.parametrize("text", ["1", "yes", "tru"])
def test_other_words_are_no_booleans(text: str) -> None:
    with pytest.raises(InvalidField, match="true or false"):
        fields({"Crop": text}).view()


@pytest.mark.parametrize("text", ["1.5", "x", "١", "9" * 30, "1e3", "0x1"])
def test_integers_are_decimal_text(text: str) -> None:
    with pytest.raises(InvalidField, match="whole number") as caught:
        fields({"IntAttr2": text}).attributes()
    assert caught.value.field == "int_attr2"


def test_empty_text_is_a_value_of_an_attribute_and_absent_elsewhere() -> None:
    read = fields(
        {"StrAttr": "", "CustomContent": "", "IntAttr": "", "CategoryId": "", "Region": ""}
    )
    assert read.attributes() == v.AttributeValues(custom_content="", str_attr="")
    assert read.view() == v.View()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example/uploads/LA/" + "0" * 32,
        "http://search.example/secret",
        "http://search.example/uploads/LA/../../x",
        "http://search.example/uploads/LA/" + "0" * 31,
        "http://search.example@evil.example/uploads/LA/" + "0" * 32,
        "http://search.example/uploads/LA/" + "0" * 32 + "?x",
    ],
)
def test_foreign_urls_are_refused_and_never_fetched(url: str) -> None:
    with pytest.raises(InvalidField, match="upload helper") as caught:
        fields({"PicContent": url}).picture("PicContent")
    assert caught.value.field == "picture_url"


def test_region_and_category_are_read() -> None:
    assert fields({"Region": "1,5,2,9", "CategoryId": "20", "Crop": "false"}).view() == v.View(
        20, crop=False, region=Region(1, 5, 2, 9)
    )


def test_delete_by_filter_and_by_product_exclude_each_other() -> None:
    base = {"InstanceName": "c"}
    with pytest.raises(MissingField, match="Filter"):
        pictures.DELETE.read(fields({**base, "IsDeleteByFilter": "true"}, "DeleteImage"))
    with pytest.raises(InvalidRequest, match="no meaning"):
        pictures.DELETE.read(
            fields(
                {**base, "IsDeleteByFilter": "true", "Filter": "int_attr=1", "ProductId": "p"},
                "DeleteImage",
            )
        )
    with pytest.raises(InvalidRequest, match="IsDeleteByFilter is not true"):
        pictures.DELETE.read(
            fields({**base, "ProductId": "p", "Filter": "int_attr=1"}, "DeleteImage")
        )


def named(actions: Mapping[str, Action]) -> set[str]:
    assert all(action.name == name and action.parameters for name, action in actions.items())
    return set(actions)


def test_every_action_is_declared_under_its_version() -> None:
    assert len(named(ACTIONS.of(V2020))) == 14
    assert named(ACTIONS.of(V2019)) == {"AddImage", "SearchImage", "DeleteImage"}
    assert named(ACTIONS.of(V2018)) == {"AddItem", "SearchItem", "DeleteItem"}
    assert ACTIONS.of("2016-01-01") == {}


def test_an_action_has_one_name_and_one_place() -> None:
    seen = [(action.version, action.name) for action in ACTIONS.everything()]
    paths = [action.path for action in ACTIONS.everything() if action.path != "/"]
    assert len(set(seen)) == len(seen)
    assert len(set(paths)) == len(paths)
    assert all(
        ACTIONS.at(action.path) is action for action in ACTIONS.everything() if action.path != "/"
    )
    assert ACTIONS.at("/") is ACTIONS.at("/v2/image") is ACTIONS.at("/item/add/") is None


def test_pictures_survive_the_round_trip() -> None:
    data = bytes(range(256))
    incoming = Incoming.of("POST", "/", query=[], headers=[], body=b"")
    params = {"InstanceName": "c", "PicContent": base64.b64encode(data).decode()}
    assert read_message(V2020, "SearchImageByPic", incoming, params, hosts=())[1].picture == data
