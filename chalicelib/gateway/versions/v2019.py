"""2019-03-25: paths instead of action names, fewer parameters and members, no upload helper
(CONTRACT §4). Each action is one of 2020-12-14 with some of it left out.
"""

from __future__ import annotations

from typing import Any, Final

from chalicelib.contract import messages as m
from chalicelib.errors import InvalidField
from chalicelib.gateway.actions import pictures, searches
from chalicelib.gateway.actions.declaration import V2019, Action, Call, Hosts, Json, Values
from chalicelib.gateway.actions.parameters import (
    CUSTOM,
    FILTER,
    INSTANCE,
    INTS,
    NAME,
    NUM,
    PICTURE,
    PRODUCT,
    START,
    STRS,
    VIEW,
)
from chalicelib.gateway.wire import members, schema
from chalicelib.gateway.wire.fields import Fields, Parameter
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.usecases import manage

_LATER: Final = frozenset(f"{kind}Attr{n}" for kind in ("Int", "Str") for n in (2, 3, 4))
"""Members of a row that came with 2020-12-14."""


def _form(action: Action, _: Incoming, values: Values, __: Hosts) -> Fields:
    """As in 2020-12-14, but no URL stands for a picture."""
    return Fields(values, action.parameters, hosts=())


def _added(seen: Any) -> Json:
    whole = members.pic_info(seen)
    kept = {name: whole[name] for name in ("CategoryId", "Region")}
    return {**members.done("Message"), "PicInfo": kept}


ADD: Final = pictures.ADD._replace(
    version=V2019,
    path="/v2/image/add",
    fields=_form,
    parameters=(INSTANCE, PRODUCT, NAME, PICTURE, *VIEW, CUSTOM, INTS[0], STRS[0]),
    answer=_added,
    schema=schema.answer(
        "Message", {"PicInfo": schema.record({"CategoryId": schema.INT, "Region": schema.REGION})}
    ),
)


def _delete(message: m.DeletePictures, call: Call) -> None:
    manage.delete(message, call.deployment)


DELETE: Final = pictures.DELETE._replace(
    version=V2019,
    path="/v2/image/delete",
    fields=_form,
    parameters=(INSTANCE, PRODUCT, NAME.but(note="absent: every picture of the product")),
    run=_delete,
    answer=members.nothing,
    schema=schema.answer("Message", {}),
)


def _search(fields: Fields) -> m.SearchByPicture | m.SearchByName:
    """Two searches in one action."""
    kind = fields.text("Type") or "SearchByPic"
    if kind not in {"SearchByPic", "SearchByName"}:
        raise InvalidField(
            "search_type", f"Type is {kind[:40]!r}; it must be SearchByPic or SearchByName"
        )
    message: m.SearchByPicture | m.SearchByName = _kind(kind).read(fields)
    return message


def _kind(kind: str) -> Action:
    return searches.BY_NAME if kind == "SearchByName" else searches.BY_PICTURE


def _run(message: m.SearchByPicture | m.SearchByName, call: Call) -> Any:
    kind = "SearchByName" if isinstance(message, m.SearchByName) else "SearchByPic"
    return _kind(kind).run(message, call)


def _found(results: Any) -> Json:
    """The answer of 2020-12-14 without the attributes that came with it."""
    whole = searches.BY_PICTURE.answer(results)
    rows: Any = whole["Auctions"]
    kept = [{name: value for name, value in row.items() if name not in _LATER} for row in rows]
    return {**whole, "Auctions": kept}


SEARCH: Final = Action(
    "SearchImage",
    "Find what looks like a picture, sent or stored.",
    access="read",
    version=V2019,
    path="/v2/image/search",
    fields=_form,
    parameters=(
        INSTANCE,
        Parameter(
            "Type",
            "search_type",
            note="SearchByPic (default) or SearchByName",
            limits={"enum": ["SearchByPic", "SearchByName"], "default": "SearchByPic"},
        ),
        PICTURE.but(note="required by SearchByPic"),
        PRODUCT.but(note="required by SearchByName"),
        NAME.but(note="required by SearchByName"),
        *VIEW,
        NUM,
        START,
        FILTER,
    ),
    read=_search,
    run=_run,
    answer=_found,
    schema=schema.answer(
        "Msg",
        {
            "Head": schema.HEAD,
            "PicInfo": schema.PIC_INFO,
            "Auctions": schema.array(
                schema.record(
                    {**schema.IDENTITY, **schema.RANK},
                    {name: kind for name, kind in schema.ATTRIBUTES.items() if name not in _LATER},
                )
            ),
        },
    ),
)

ACTIONS: Final = (ADD, DELETE, SEARCH)
