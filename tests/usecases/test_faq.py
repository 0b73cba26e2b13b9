"""The FAQ's rules, in its own words."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chalicelib.contract.values import View
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.region import Region
from chalicelib.service import OTHERS, Service
from chalicelib.vision.analysis import Request
from tests.doubles import TinyAnalyzer
from tests.gateway.client import FORM, HOST, Client, b64, picture, roa
from tests.gateway.test_post_content import build

SIZE = (500, 460)
WHOLE = "0,500,0,460"
PART = "100,300,50,400"


@pytest.mark.parametrize("service", list(Service), ids=lambda service: service.name.lower())
@pytest.mark.parametrize(
    ("crop", "region", "honoured", "ignored"),
    [
        ("true", PART, PART, WHOLE),
        (None, PART, PART, WHOLE),
        ("true", None, WHOLE, WHOLE),
        ("false", PART, WHOLE, WHOLE),
        ("false", None, WHOLE, WHOLE),
    ],
    ids=["crop+region", "default+region", "crop", "nocrop+region", "nocrop"],
)
def test_crop_and_region_by_service_type(
    client: Client,
    service: Service,
    crop: str | None,
    region: str | None,
    honoured: str,
    ignored: str,
) -> None:
    """With Crop=false the whole picture counts whatever Region says; fabric search takes the whole
    picture in any case.
    """
    params = {
        name: value for name, value in (("Crop", crop), ("Region", region)) if value is not None
    }
    expected = ignored if service is Service.FABRIC else honoured
    collection = service.name.lower()
    added = client.add(collection, "p", "n", picture(1, SIZE), **params)
    assert added["PicInfo"]["Region"] == expected
    found = client.ok(
        "SearchImageByPic",
        {"InstanceName": collection, "PicContent": b64(picture(1, SIZE)), **params},
    )
    assert found["PicInfo"]["Region"] == expected
    assert found["Auctions"][0]["SortExprValues"] == "7.33136443711219e+24;0", (
        "adding and searching see the same"
    )


@pytest.mark.parametrize("collection", ["generic", "fabric", "trademark"])
@pytest.mark.parametrize("category", [None, 0, 20, OTHERS])
def test_category_of_cloth_brand_and_generic_search_is_always_88888888(
    client: Client, collection: str, category: int | None
) -> None:
    params: dict[str, object] = {} if category is None else {"CategoryId": category}
    assert (
        client.add(collection, "p", "n", picture(1, SIZE), **params)["PicInfo"]["CategoryId"]
        == OTHERS
    )
    found = client.ok(
        "SearchImageByPic",
        {"InstanceName": collection, "PicContent": b64(picture(1, SIZE)), **params},
    )
    assert found["PicInfo"]["CategoryId"] == OTHERS
    assert found["Auctions"][0]["CategoryId"] == OTHERS


def test_product_search_a_given_category_wins_and_is_returned(client: Client) -> None:
    assert client.add("product", "p", "n", picture(1), CategoryId=20)["PicInfo"]["CategoryId"] == 20


@pytest.mark.parametrize(("bright", "category"), [(True, 0), (False, 4)])
def test_product_search_a_missing_category_is_predicted_and_returned(
    client: Client, bright: bool, category: int
) -> None:
    assert (
        client.add("product", "p", "n", picture(1, bright=bright))["PicInfo"]["CategoryId"]
        == category
    )


def test_build_post_content_fails_when_the_body_reaches_8_mb(client: Client) -> None:
    body = build(
        {"item_id": "1", "cat_id": "0", "pic_list": "YQ==", "YQ==": "A" * (8 * 1024 * 1024)}
    )
    incoming = roa(
        client.key, "/item/add", now=client.clock.now, query={"instanceName": "product"}, body=body
    )
    answer = client.send(incoming)
    assert (answer.status, json.loads(answer.body)["Code"]) == (413, "RequestBodyTooLarge")


def test_a_body_just_below_8_mb_is_read(client: Client) -> None:
    headers = [("host", HOST), ("content-type", FORM)]
    answer = client.send(
        Incoming.of(
            "POST", "/", query=[], headers=headers, body=b"a=" + b"x" * (8 * 1024 * 1024 - 3)
        )
    )
    assert json.loads(answer.body)["Code"] == "MissingParameter", (
        "it was read and found to be unsigned"
    )


@pytest.mark.parametrize("absent", ["item_id", "pic_list", "YQ=="])
def test_build_post_content_fails_when_a_required_field_is_missing(
    client: Client, absent: str
) -> None:
    values = {"item_id": "1", "cat_id": "0", "pic_list": "YQ==", "YQ==": b64(picture(1))}
    del values[absent]
    incoming = roa(
        client.key,
        "/item/add",
        now=client.clock.now,
        query={"instanceName": "product"},
        body=build(values),
    )
    assert client.send(incoming).status == 400


@pytest.mark.parametrize("absent", ["InstanceName", "ProductId", "PicName", "PicContent"])
def test_adding_fails_when_a_required_field_is_missing(client: Client, absent: str) -> None:
    params = {
        "InstanceName": "product",
        "ProductId": "p",
        "PicName": "n",
        "PicContent": b64(picture(1)),
    }
    del params[absent]
    assert client.call("AddImage", params)[0] == 400


def test_an_instance_name_is_not_an_instance_id(client: Client) -> None:
    assert client.code("Detail", {"InstanceName": "imagesearch-cn-1"}) == (
        400,
        "Console.InstanceNotFound",
    )


def test_a_picture_replaces_another_of_the_same_product_and_name(client: Client) -> None:
    for seed in (1, 2):
        client.add("product", "p", "n", picture(seed))
    assert client.ok("Detail", {"InstanceName": "product"})["Instance"]["TotalCount"] == 1


def test_images_are_not_stored_only_features(client: Client) -> None:
    """No eight bytes in a row of a picture, of its base64 or of its decoded pixels are anywhere in
    the store afterwards.
    """
    pixels = np.random.default_rng(7).integers(0, 256, (120, 120, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    data = buffer.getvalue()
    client.add("product", "p", "n", data)
    client.ok("SearchImageByPic", {"InstanceName": "product", "PicContent": b64(data)})
    everything = b"\n".join(
        client.deployment.store.get(stat.key).data for stat in client.deployment.store.list("")
    )
    stored = {everything[at : at + 8] for at in range(len(everything) - 7)}
    decoded = np.asarray(Image.open(io.BytesIO(data))).tobytes()
    for form in (data, b64(data).encode(), decoded):
        runs = {form[at : at + 8] for at in range(len(form) - 7)}
        # a run of few different bytes, such as zeros, says nothing
        assert not {run for run in runs & stored if len(set(run)) > 4}
    assert not list(client.deployment.store.list("uploads/"))


@dataclass(slots=True)
class Recorder(TinyAnalyzer):
    """Remembers what it was asked."""

    asked: list[Request]

    def analyze(self, data: bytes, request: Request) -> Any:
        self.asked.append(request)
        return TinyAnalyzer.analyze(self, data, request)


def test_adding_and_searching_ask_the_same_of_the_algorithm() -> None:
    import dataclasses

    from chalicelib.contract.messages import AddPicture, SearchByPicture
    from chalicelib.usecases.add import add_picture
    from chalicelib.usecases.search import search_by_picture

    client = Client.new()
    recorder = Recorder([])
    deployment = dataclasses.replace(client.deployment, analyzer=lambda: recorder)
    view = View(crop=True, region=Region(10, 90, 20, 80))
    add_picture(AddPicture("product", "p", "n", picture(1), view), deployment)
    search_by_picture(SearchByPicture("product", picture(1), view), deployment)
    assert (
        recorder.asked == [Request(Service.PRODUCT, crop=True, region=Region(10, 90, 20, 80))] * 2
    )
