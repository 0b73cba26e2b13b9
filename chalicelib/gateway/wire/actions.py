"""Every (version, action): what it needs, how its parameters become a message, what is done with
it, how the result is rendered.

A cold start pays for what it uses: dispatch.py imports this module at the first call, and this
module what only some actions need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from chalicelib.contract import messages as m
from chalicelib.gateway.wire import parameters as wire
from chalicelib.gateway.wire import render
from chalicelib.gateway.wire.fields import Fields
from chalicelib.gateway.wire.incoming import Incoming
from chalicelib.gateway.wire.render import Json
from chalicelib.usecases import manage
from chalicelib.usecases.deployment import Deployment

if TYPE_CHECKING:
    from chalicelib.usecases.search import SearchResults

V2020: Final = "2020-12-14"
V2019: Final = "2019-03-25"
V2018: Final = "2018-01-20"

PATHS: Final[Mapping[str, tuple[str, str]]] = {
    "/v2/image/add": (V2019, "AddImage"),
    "/v2/image/search": (V2019, "SearchImage"),
    "/v2/image/delete": (V2019, "DeleteImage"),
    "/item/add": (V2018, "AddItem"),
    "/item/search": (V2018, "SearchItem"),
    "/item/delete": (V2018, "DeleteItem"),
}
"""Path to version and action, in the two versions where the path decides."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, with what an action may need of it."""

    deployment: Deployment
    base: str
    """scheme://host the client used."""


@dataclass(frozen=True, slots=True)
class Action:
    """One entry of the table. `Any` is the message's own class: a parser and its run belong
    together.
    """

    access: Literal["read", "write"]
    run: Callable[[Any, Call], Json]
    """From the message to the members of the answer, without RequestId."""


def _add(message: m.AddPicture, call: Call) -> Json:
    from chalicelib.usecases import add

    return render.added(add.add_picture(message, call.deployment))


def _add_2019(message: m.AddPicture, call: Call) -> Json:
    from chalicelib.usecases import add

    return render.added_2019(add.add_picture(message, call.deployment))


def _delete(message: m.DeletePictures | m.DeleteByFilter, call: Call) -> Json:
    if isinstance(message, m.DeleteByFilter):
        return render.deleted(manage.delete_by_filter(message, call.deployment))
    return render.deleted(manage.delete(message, call.deployment))


def _delete_2019(message: m.DeletePictures, call: Call) -> Json:
    manage.delete(message, call.deployment)
    return render.done()


def _update(message: m.UpdatePictures, call: Call) -> Json:
    manage.update(message, call.deployment)
    return render.done()


def _find(message: m.SearchByPicture | m.SearchByName, call: Call) -> SearchResults:
    from chalicelib.usecases import search

    if isinstance(message, m.SearchByName):
        return search.search_by_name(message, call.deployment)
    return search.search_by_picture(message, call.deployment)


def _search(message: m.SearchByPicture | m.SearchByName, call: Call) -> Json:
    return render.found(_find(message, call))


def _search_2019(message: m.SearchByPicture | m.SearchByName, call: Call) -> Json:
    return render.found_2019(_find(message, call))


def _by_text(message: m.SearchByText, call: Call) -> Json:
    from chalicelib.usecases import search

    return render.found(search.search_by_text(message, call.deployment))


def _by_filter(message: m.SearchByFilter, call: Call) -> Json:
    from chalicelib.usecases import search

    return render.rows(search.search_by_filter(message, call.deployment))


def _exists(message: m.LookUp, call: Call) -> Json:
    return render.looked_up(manage.look_up(message, call.deployment))


def _compare(message: m.ComparePictures, call: Call) -> Json:
    from chalicelib.usecases import search

    return render.compared(search.compare(message, call.deployment))


def _detail(message: m.Describe, call: Call) -> Json:
    return render.described(
        manage.describe(message, call.deployment), call.deployment.settings.region
    )


def _increase(message: m.StartImport, call: Call) -> Json:
    from chalicelib.jobs import imports

    return render.import_started(imports.start_import(message, call.deployment))


def _increase_list(message: m.ListImports, call: Call) -> Json:
    from chalicelib.jobs import imports

    page = imports.list_imports(message, call.deployment)
    return render.imports(
        page.jobs, number=page.number, size=page.size, total=page.total, base=call.base
    )


def _dump(message: m.StartExport, call: Call) -> Json:
    from chalicelib.jobs import exports

    return render.export_started(exports.start_export(message, call.deployment))


def _dump_list(message: m.ListExports, call: Call) -> Json:
    from chalicelib.jobs import exports

    page = exports.list_exports(message, call.deployment)
    return render.exports(
        page.jobs, number=page.number, size=page.size, total=page.total, base=call.base
    )


def _add_item(messages: list[m.AddPicture], call: Call) -> Json:
    from chalicelib.usecases import add

    add.add_pictures(messages, call.deployment)
    return render.done()


def _search_item(message: m.SearchByPicture, call: Call) -> Json:
    from chalicelib.usecases import search

    return render.found_2018(search.search_by_picture(message, call.deployment))


def _delete_item(messages: list[m.DeletePictures], call: Call) -> Json:
    for message in messages:
        manage.delete(message, call.deployment)
    return render.done()


ACTIONS: Final[Mapping[tuple[str, str], Action]] = {
    (V2020, "AddImage"): Action("write", _add),
    (V2020, "DeleteImage"): Action("write", _delete),
    (V2020, "UpdateImage"): Action("write", _update),
    (V2020, "SearchImageByPic"): Action("read", _search),
    (V2020, "SearchImageByName"): Action("read", _search),
    (V2020, "SearchImageByText"): Action("read", _by_text),
    (V2020, "SearchImageByFilter"): Action("read", _by_filter),
    (V2020, "CheckImageExists"): Action("read", _exists),
    (V2020, "CompareSimilarByImage"): Action("read", _compare),
    (V2020, "Detail"): Action("read", _detail),
    (V2020, "IncreaseInstance"): Action("write", _increase),
    (V2020, "IncreaseList"): Action("read", _increase_list),
    # an export hands out everything at once, and starts a job: more than looking
    (V2020, "DumpMeta"): Action("write", _dump),
    (V2020, "DumpMetaList"): Action("write", _dump_list),
    (V2019, "AddImage"): Action("write", _add_2019),
    (V2019, "SearchImage"): Action("read", _search_2019),
    (V2019, "DeleteImage"): Action("write", _delete_2019),
    (V2018, "AddItem"): Action("write", _add_item),
    (V2018, "SearchItem"): Action("read", _search_item),
    (V2018, "DeleteItem"): Action("write", _delete_item),
}


def read_message(
    version: str,
    action: str,
    incoming: Incoming,
    params: Mapping[str, str],
    *,
    hosts: tuple[str, ...],
) -> tuple[str, Any]:
    """(collection, message) of a request. `params`: query and body, merged. Raises InvalidRequest."""
    if version == V2018:
        from chalicelib.gateway.wire import post_content

        collection = post_content.collection_of(dict(incoming.query))
        values = post_content.parse_post_content(incoming.body)
        if action == "AddItem":
            return collection, post_content.add_item(collection, values)
        if action == "SearchItem":
            return collection, post_content.search_item(collection, values)
        return collection, post_content.delete_item(collection, values)
    parameters = (wire.PARAMETERS_2020 if version == V2020 else wire.PARAMETERS_2019)[action]
    parser = (wire.PARSERS_2020 if version == V2020 else wire.PARSERS_2019)[action]
    message = parser(Fields(params, parameters, hosts=hosts if version == V2020 else ()))
    return message.collection, message
