"""With the models that ship and real pictures, over the wire: what was added comes first, and so
does its JPEG, well above the second.
"""

from __future__ import annotations

import io

import pytest
from PIL import Image

from chalicelib.vision.analyze import Analyzer
from demo.pictures import plan
from tests.gateway.client import Client, b64

PRODUCTS = {
    "product": ["cat", "coffee-cup", "motorcycle", "temple"],
    "generic": ["astronaut", "galaxies", "moon", "book-page"],
    "fabric": ["brick-wall", "grass", "gravel", "astronaut"],
    "trademark": ["mark-docker", "mark-firefox", "mark-python", "mark-ubuntu"],
}
"""Of the demo's pictures, those that suit a type of collection by what they show and by their
sides.
"""


@pytest.fixture(scope="module")
def client() -> Client:
    return Client.new(models=Analyzer(threads=1))


def jpeg(data: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


@pytest.mark.parametrize("collection", PRODUCTS)
def test_an_added_picture_is_first_and_identical_and_its_jpeg_is_first_by_far(
    client: Client, collection: str
) -> None:
    planned = {one.key.product_id: one for one in plan()}
    pictures = {product: planned[product].load().data for product in PRODUCTS[collection]}
    for product, data in pictures.items():
        client.add(collection, product, "a", data)
    for product, data in pictures.items():
        found = client.ok(
            "SearchImageByPic", {"InstanceName": collection, "PicContent": b64(data)}
        )["Auctions"]
        assert (found[0]["ProductId"], found[0]["SortExprValues"], found[0]["Score"]) == (
            product,
            "7.33136443711219e+24;0",
            1,
        )
        first, second = client.ok(
            "SearchImageByPic",
            {"InstanceName": collection, "PicContent": b64(jpeg(data)), "Num": 2},
        )["Auctions"]
        assert first["ProductId"] == product
        assert first["Score"] > second["Score"] + 0.5
