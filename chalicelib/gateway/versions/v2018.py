"""2018-01-20: one binary body instead of parameters, several pictures of an item at once
(CONTRACT §5). Its entries are put into the words of 2020-12-14, whose actions read them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.contract import messages as m
from chalicelib.contract.categories import categories_of
from chalicelib.contract.values import check_collection
from chalicelib.errors import InvalidRequest, MissingField
from chalicelib.gateway.actions import pictures, searches
from chalicelib.gateway.actions.declaration import V2018, Action, Call, Hosts, Json, Values
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
from chalicelib.gateway.versions.post_content import parse_post_content
from chalicelib.gateway.wire import members, schema
from chalicelib.gateway.wire.faults import WireFault
from chalicelib.gateway.wire.fields import Fields, Parameter
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.usecases import manage

MAX_PICTURES: Final = 20
_LIST: Final = "pic_list"
_HERE: Final[Mapping[str, str]] = {
    "item_id": "ProductId",
    "cat_id": "CategoryId",
    "cust_content": "CustomContent",
    "crop": "Crop",
    "region": "Region",
    "int_attr": "IntAttr",
    "str_attr": "StrAttr",
    "s": "Start",
    "n": "Num",
    "filter": "Filter",
    _LIST: "PicName",
}
"""Entry of a body to the parameter of 2020-12-14."""
_THERE: Final = {here: there for there, here in _HERE.items()}


def _spoken(parameter: Parameter) -> Parameter:
    """The parameter under this version's name: the picture's is the name of the picture."""
    others = {"InstanceName": "instanceName", "PicContent": "the picture"}
    return parameter._replace(called=(_THERE | others)[parameter.name])


class Items(Fields):
    """A body's entries, by the names of 2020-12-14; pictures apart."""

    def __init__(
        self,
        collection: str,
        entries: Mapping[str, str],
        parameters: tuple[Parameter, ...],
        picture: tuple[str, str] | None = None,
    ) -> None:
        """`picture`: name and base64 of the one that is read, where there are several."""
        self.entries, self._parameters = entries, parameters
        values = {_HERE[name]: text for name, text in entries.items() if name in _HERE}
        name, content = picture or ("", "")
        values |= {"InstanceName": collection, "PicName": name, "PicContent": content}
        names = {parameter.name for parameter in parameters}
        super().__init__(
            {name: text for name, text in values.items() if name in names}, parameters, hosts=()
        )

    def of(self, name: str, content: str = "") -> Items:
        """The same about one picture."""
        return Items(self.collection, self.entries, self._parameters, (name, content))

    def keys(self) -> list[str]:
        """The entries of the pictures that pic_list names; each is the base64 of a name."""
        keys = [key for key in self.entries.get(_LIST, "").split(",") if key]
        if len(keys) > MAX_PICTURES or len(set(keys)) < len(keys):
            raise WireFault(
                "InvalidPicList", f"pic_list must name at most {MAX_PICTURES} different pictures"
            )
        return keys

    def only(self, keys: list[str]) -> None:
        """Raises InvalidRequest for an entry that the action does not know."""
        known = {parameter.called for parameter in self._parameters}
        unknown = sorted(set(self.entries) - known - {_LIST} - set(keys))
        if unknown:
            raise InvalidRequest(
                f"the body has an entry {unknown[0][:40]!r} that this action does not know"
            )

    def content(self, key: str, absent: str) -> str:
        """The base64 of the picture under `key`. Raises WireFault(`absent`)."""
        if not self.entries.get(key):
            raise WireFault(
                absent, f"pic_list names {key[:40]!r}, but the body has no such picture"
            )
        return self.entries[key]

    def item(self) -> None:
        """Raises WireFault where item_id is missing."""
        if not self.entries.get("item_id"):
            raise WireFault("NoSpecifiedItemId", "item_id is missing")


def _body(action: Action, incoming: Incoming, _: Values, __: Hosts) -> Items:
    """Raises MissingField, InvalidField, WireFault."""
    collection = collection_of(dict(incoming.query))
    return Items(collection, parse_post_content(incoming.body), action.parameters)


def collection_of(query: Mapping[str, str]) -> str:
    """The collection's name in the query. Raises MissingField, InvalidField."""
    name = query.get("instanceName", "")
    if not name:
        raise MissingField("collection", "instanceName is missing in the query")
    check_collection(name)
    return name


def _name(key: str) -> str:
    """The picture's name that `key` is the base64 of."""
    try:
        return base64.b64decode(key, validate=True).decode()
    except (binascii.Error, ValueError):
        raise WireFault(
            "InvalidPicList", f"{key[:40]!r} in pic_list is not the base64 of a name"
        ) from None


def _needs_list(items: Items) -> None:
    if _LIST not in items.entries:
        raise WireFault("NoPicList", "pic_list is missing")


def _additions(items: Items) -> list[m.AddPicture]:
    """One message per picture."""
    keys = items.keys()
    items.item()
    _needs_list(items)
    if not keys:
        raise WireFault(
            "NoSpecifiedPic", "pic_list is empty; an item is added with at least one picture"
        )
    names = [_name(key) for key in keys]
    items.only(keys)
    return [
        pictures.ADD.read(items.of(name, items.content(key, "NoSpecifiedAddPic")))
        for key, name in zip(keys, names, strict=True)
    ]


def _add(messages: list[m.AddPicture], call: Call) -> None:
    from chalicelib.usecases import add

    add.add_pictures(messages, call.deployment)


def _search(items: Items) -> Any:
    """The one picture that pic_list names, whatever it is called."""
    keys = items.keys()
    _needs_list(items)
    if len(keys) != 1:
        raise WireFault(
            "InvalidPicList", f"pic_list names {len(keys)} pictures; a search takes exactly one"
        )
    items.only(keys)
    return searches.BY_PICTURE.read(items.of("", items.content(keys[0], "NoSpecifiedSearchPic")))


def _found(results: Any) -> Json:
    """Numbers as text, lists wrapped."""
    whole = searches.BY_PICTURE.answer(results)
    rows: Any = whole["Auctions"]
    auctions = [
        {
            "ItemId": row["ProductId"],
            "ProductId": row["ProductId"],
            "PicName": row["PicName"],
            "CatId": str(row["CategoryId"]),
            "CustContent": row.get("CustomContent", ""),
            "SortExprValues": row["SortExprValues"],
        }
        for row in rows
    ]
    categories = [
        {"Name": name, "Id": str(number)} for number, name in categories_of(results.service).items()
    ]
    return {
        **members.done("Message"),
        "Head": whole["Head"],
        "PicInfo": {
            "Category": str(results.category_id),
            "Region": results.region.text(),
            "AllCategory": {"Category": categories},
        },
        "Auctions": {"Auction": auctions},
    }


def _deletions(items: Items) -> list[m.DeletePictures]:
    """The pictures named, or the whole item."""
    keys = items.keys()
    items.only(keys)
    items.item()
    named = [items.of(_name(key)) for key in keys] or [items]
    return [pictures.DELETE.read(one) for one in named]


def _delete(messages: list[m.DeletePictures], call: Call) -> None:
    for message in messages:
        manage.delete(message, call.deployment)


def _wrapped(name: str, item: dict[str, schema.Schema]) -> schema.Schema:
    """A list inside an object, as this version has them."""
    return schema.record({name: schema.array(schema.record(item))})


def _at(path: str, *parameters: Parameter) -> dict[str, Any]:
    """What an action of this version has of its own."""
    spoken = tuple(_spoken(parameter) for parameter in parameters)
    return {"version": V2018, "path": path, "fields": _body, "raw_body": True, "parameters": spoken}


_DONE: Final = schema.answer("Message", {})

ADD: Final = pictures.ADD._replace(
    name="AddItem",
    **_at("/item/add", INSTANCE, PRODUCT, NAME, PICTURE, *VIEW, CUSTOM, INTS[0], STRS[0]),
    read=_additions,
    run=_add,
    answer=members.nothing,
    schema=_DONE,
)
SEARCH: Final = searches.BY_PICTURE._replace(
    name="SearchItem",
    **_at("/item/search", INSTANCE, PICTURE, *VIEW, NUM, START, FILTER),
    read=_search,
    answer=_found,
    schema=schema.answer(
        "Message",
        {
            "Head": schema.HEAD,
            "PicInfo": schema.record(
                {
                    "Category": schema.TEXT,
                    "Region": schema.REGION,
                    "AllCategory": _wrapped("Category", {"Name": schema.TEXT, "Id": schema.TEXT}),
                }
            ),
            "Auctions": _wrapped(
                "Auction",
                {
                    "ItemId": schema.TEXT,
                    "ProductId": schema.TEXT,
                    "PicName": schema.TEXT,
                    "CatId": schema.TEXT,
                    "CustContent": schema.TEXT,
                    "SortExprValues": schema.RANK["SortExprValues"],
                },
            ),
        },
    ),
)
DELETE: Final = pictures.DELETE._replace(
    name="DeleteItem",
    **_at("/item/delete", INSTANCE, PRODUCT, NAME),
    read=_deletions,
    run=_delete,
    answer=members.nothing,
    schema=_DONE,
)

ACTIONS: Final = (ADD, SEARCH, DELETE)
