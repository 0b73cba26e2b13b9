"""Every way in which a record can die, or a part of it."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.contract.filters import parse
from chalicelib.contract.messages import DeleteByFilter, DeletePictures, UpdatePictures
from chalicelib.contract.values import AttributeValues
from chalicelib.index.format.records import Key, Put
from chalicelib.jobs.imports import start_folder_import
from chalicelib.jobs.rebuild import start_rebuild
from chalicelib.usecases.manage import delete, delete_by_filter, update
from tests.imports import shop as importing
from tests.usecases.erasing import CONTENT, OTHERS, SECRET, Shop


def by_picture(shop: Shop) -> None:
    delete(DeletePictures("shop", *SECRET), shop.shop.deployment)


def by_product(shop: Shop) -> None:
    delete(DeletePictures("shop", SECRET.product_id), shop.shop.deployment)


def by_filter(shop: Shop) -> None:
    wanted = parse('str_attr="secret-word-in-an-attribute"')
    assert len(delete_by_filter(DeleteByFilter("shop", wanted), shop.shop.deployment)) == 1


def by_import(shop: Shop) -> None:
    shop.shop.write_meta(importing.delete(*SECRET))
    start_folder_import("shop", shop.shop.location, shop.shop.deployment)
    shop.shop.work_off()


def by_replacement(shop: Shop) -> None:
    """The key stays; feature and attributes are others."""
    new = shop.collection.snapshot().find(Key("0", "0.jpg"))
    assert new is not None
    shop.collection.append([Put(replace(new, key=SECRET))])
    shop.pieces = tuple(piece for piece in shop.pieces if piece.decode("latin") not in SECRET)


def by_update(shop: Shop) -> None:
    changes = AttributeValues(custom_content="another", str_attr="word")
    update(UpdatePictures("shop", *SECRET, changes), shop.shop.deployment)
    shop.pieces = (CONTENT.encode(), b"secret-word-in-an-attribute")


def by_clearing(shop: Shop) -> None:
    changes = AttributeValues(custom_content="", str_attr="")
    update(UpdatePictures("shop", *SECRET, changes), shop.shop.deployment)
    shop.pieces = (CONTENT.encode(), b"secret-word-in-an-attribute")


def by_rebuild(shop: Shop) -> None:
    shop.shop.write_meta(*(importing.add(str(n), f"{n}.jpg") for n in range(OTHERS)))
    start_rebuild("shop", shop.shop.location, shop.shop.deployment)
    shop.shop.work_off()


def by_drop(shop: Shop) -> None:
    shop.shop.deployment.catalog.drop("shop")


WAYS = [
    by_picture,
    by_product,
    by_filter,
    by_import,
    by_replacement,
    by_update,
    by_clearing,
    by_rebuild,
    by_drop,
]
