"""Pictures: added, deleted, and their attributes changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chalicelib.contract import messages as m
from chalicelib.errors import InvalidRequest, MissingField
from chalicelib.gateway.actions.declaration import Action, Call, Json
from chalicelib.gateway.actions.parameters import (
    ATTRIBUTES,
    FILTER,
    INSTANCE,
    NAME,
    PICTURE,
    PRODUCT,
    VIEW,
    identity,
)
from chalicelib.gateway.wire import members, schema
from chalicelib.gateway.wire.fields import Fields, Parameter
from chalicelib.usecases import manage

if TYPE_CHECKING:
    from chalicelib.contract.filters import Filter
    from chalicelib.index.format.records import Key
    from chalicelib.usecases.add import Added


def _addition(fields: Fields) -> m.AddPicture:
    return m.AddPicture(
        *identity(fields), fields.picture("PicContent"), fields.view(), fields.attributes()
    )


def _add(message: m.AddPicture, call: Call) -> Added:
    from chalicelib.usecases import add

    return add.add_picture(message, call.deployment)


def _added(seen: Added) -> Json:
    return {**members.done("Message"), "PicInfo": members.pic_info(seen)}


ADD: Final = Action(
    "AddImage",
    "Add a picture, or replace the one of the same ProductId and PicName.",
    access="write",
    parameters=(INSTANCE, PRODUCT, NAME, PICTURE, *VIEW, *ATTRIBUTES),
    read=_addition,
    run=_add,
    answer=_added,
    schema=schema.answer("Message", {"PicInfo": schema.PIC_INFO}),
)


def _deletion(fields: Fields) -> m.DeletePictures | m.DeleteByFilter:
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
    return m.DeleteByFilter(collection, needed(wanted))


def needed(wanted: Filter | None) -> Filter:
    """The filter. Raises MissingField where there is none."""
    if wanted is None:
        raise MissingField("filter", "Filter is missing")
    return wanted


def _delete(message: m.DeletePictures | m.DeleteByFilter, call: Call) -> list[Key]:
    if isinstance(message, m.DeleteByFilter):
        return manage.delete_by_filter(message, call.deployment)
    return manage.delete(message, call.deployment)


def _deleted(keys: list[Key]) -> Json:
    """The names of what is gone; how many are left out where they would not fit into an answer."""
    names = members.fitting(key.pic_name for key in keys)
    left_out = {"NamesLeftOut": len(keys) - len(names)} if len(names) < len(keys) else {}
    return {**members.done("Message"), "Data": {"PicNames": names, **left_out}}


DELETE: Final = Action(
    "DeleteImage",
    "Delete one picture, all of a product, or what a filter matches.",
    access="write",
    parameters=(
        INSTANCE,
        PRODUCT.but(
            note="required unless IsDeleteByFilter is true; alone: every picture of the product"
        ),
        NAME.but(note="with ProductId: this picture only"),
        Parameter(
            "IsDeleteByFilter", "by_filter", "boolean", note="true: delete what Filter matches"
        ),
        FILTER.but(note="required when IsDeleteByFilter is true"),
    ),
    read=_deletion,
    run=_delete,
    answer=_deleted,
    schema=schema.answer(
        "Message",
        {
            "Data": schema.record(
                {"PicNames": schema.array(schema.TEXT)}, {"NamesLeftOut": schema.INT}
            )
        },
    ),
)


def _changes(fields: Fields) -> m.UpdatePictures:
    return m.UpdatePictures(
        fields.text("InstanceName"),
        fields.text("ProductId"),
        fields.optional("PicName"),
        fields.attributes(),
    )


def _update(message: m.UpdatePictures, call: Call) -> None:
    manage.update(message, call.deployment)


UPDATE: Final = Action(
    "UpdateImage",
    "Change attributes without a new picture; those not sent stay.",
    access="write",
    parameters=(
        INSTANCE,
        PRODUCT,
        NAME.but(note="absent: every picture of the product"),
        *ATTRIBUTES,
    ),
    read=_changes,
    run=_update,
    answer=members.nothing,
    schema=schema.answer("Message", {}),
)

ACTIONS: Final = (ADD, DELETE, UPDATE)
