"""Finding: what looks like a picture, what a filter matches, whether a picture is there, how alike
two are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chalicelib.contract import messages as m
from chalicelib.contract.values import check_collection
from chalicelib.gateway.actions.declaration import Action, Call, Json
from chalicelib.gateway.actions.parameters import (
    CATEGORY,
    FILTER,
    INSTANCE,
    NAME,
    NUM,
    PICTURE,
    PRODUCT,
    RANKED,
    START,
    VIEW,
    identity,
)
from chalicelib.gateway.actions.pictures import needed
from chalicelib.gateway.wire import members, schema
from chalicelib.gateway.wire.faults import COMPARE as COMPARE_CODES
from chalicelib.gateway.wire.fields import Fields, Parameter
from chalicelib.usecases import manage

if TYPE_CHECKING:
    from chalicelib.index.read.query import Row
    from chalicelib.usecases.search import SearchResults


def _by_picture(fields: Fields) -> m.SearchByPicture:
    return m.SearchByPicture(
        fields.text("InstanceName"),
        fields.picture("PicContent"),
        fields.view(),
        fields.page(),
        fields.narrow(),
    )


def _search_by_picture(message: m.SearchByPicture, call: Call) -> SearchResults:
    from chalicelib.usecases import search

    return search.search_by_picture(message, call.deployment)


def _found(results: SearchResults) -> Json:
    return {
        **members.done("Msg"),
        "Head": {
            # CONTRACT §2.7: DocsReturn is what this answer holds; the current reference has the two
            # the wrong way round
            "DocsFound": results.found,
            "DocsReturn": len(results.matches),
            "SearchTime": results.milliseconds,
        },
        "PicInfo": members.pic_info(results),
        "Auctions": [
            {
                **members.row(match.row),
                "Score": round(match.score, 6),
                "SortExprValues": match.sort_values,
            }
            for match in results.matches
        ],
    }


_FOUND: Final = schema.answer(
    "Msg",
    {
        "Head": schema.HEAD,
        "PicInfo": schema.PIC_INFO,
        "Auctions": schema.array(
            schema.record({**schema.IDENTITY, **schema.RANK}, schema.ATTRIBUTES)
        ),
    },
)

BY_PICTURE: Final = Action(
    "SearchImageByPic",
    "Find what looks like a picture.",
    access="read",
    parameters=(INSTANCE, PICTURE, *VIEW, *RANKED),
    read=_by_picture,
    run=_search_by_picture,
    answer=_found,
    schema=_FOUND,
)


def _by_name(fields: Fields) -> m.SearchByName:
    return m.SearchByName(
        *identity(fields), fields.integer("CategoryId"), fields.page(), fields.narrow()
    )


def _search_by_name(message: m.SearchByName, call: Call) -> SearchResults:
    from chalicelib.usecases import search

    return search.search_by_name(message, call.deployment)


BY_NAME: Final = Action(
    "SearchImageByName",
    "Find what looks like a stored picture.",
    access="read",
    parameters=(INSTANCE, PRODUCT, NAME, CATEGORY, *RANKED),
    read=_by_name,
    run=_search_by_name,
    answer=_found,
    schema=_FOUND,
)


def _by_text(fields: Fields) -> m.SearchByText:
    return m.SearchByText(
        fields.text("InstanceName"), fields.text("Text"), fields.page(), fields.narrow()
    )


def _search_by_text(message: m.SearchByText, call: Call) -> SearchResults:
    from chalicelib.usecases import search

    return search.search_by_text(message, call.deployment)


BY_TEXT: Final = Action(
    "SearchImageByText",
    "Refused: no type of collection understands text yet.",
    access="read",
    parameters=(
        INSTANCE,
        Parameter(
            "Text",
            "text",
            required=True,
            note="at most 512 characters",
            limits={"minLength": 1, "maxLength": m.MAX_TEXT},
        ),
        *RANKED,
    ),
    read=_by_text,
    run=_search_by_text,
    answer=_found,
    schema=_FOUND,
)


def _by_filter(fields: Fields) -> m.SearchByFilter:
    check_collection(fields.text("InstanceName"))
    return m.SearchByFilter(
        fields.text("InstanceName"), needed(fields.filter("Filter")), fields.page()
    )


def _search_by_filter(message: m.SearchByFilter, call: Call) -> list[Row]:
    from chalicelib.usecases import search

    return search.search_by_filter(message, call.deployment)


def _listed(rows: list[Row]) -> Json:
    return {**members.done("Msg"), "Auctions": [members.row(found) for found in rows]}


BY_FILTER: Final = Action(
    "SearchImageByFilter",
    "List what a filter matches, by ProductId and PicName.",
    access="read",
    parameters=(INSTANCE, FILTER.but(required=True), NUM, START),
    read=_by_filter,
    run=_search_by_filter,
    answer=_listed,
    schema=schema.answer("Msg", {"Auctions": schema.array(schema.ROW)}),
)


def _look_up(fields: Fields) -> m.LookUp:
    return m.LookUp(*identity(fields))


def _looked_up(message: m.LookUp, call: Call) -> Row | None:
    return manage.look_up(message, call.deployment)


def _exists(found: Row | None) -> Json:
    """Auctions is one object, absent when there is no such picture."""
    there = {} if found is None else {"Auctions": members.row(found)}
    return {**members.done("Msg"), "Exists": found is not None, **there}


EXISTS: Final = Action(
    "CheckImageExists",
    "Whether a picture is stored, and its attributes.",
    access="read",
    parameters=(INSTANCE, PRODUCT, NAME),
    read=_look_up,
    run=_looked_up,
    answer=_exists,
    schema=schema.answer("Msg", {"Exists": {"type": "boolean"}}, {"Auctions": schema.ROW}),
)


def _two_pictures(fields: Fields) -> m.ComparePictures:
    return m.ComparePictures(
        fields.text("InstanceName"),
        fields.picture("PrimaryPicContent"),
        fields.picture("SecondaryPicContent"),
    )


def _compare(message: m.ComparePictures, call: Call) -> float:
    from chalicelib.usecases import search

    return search.compare(message, call.deployment)


def _compared(score: float) -> Json:
    return {**members.done("Msg"), "Score": round(score, 6)}


COMPARE: Final = Action(
    "CompareSimilarByImage",
    "How alike two pictures are, 0 to 1. Stores nothing.",
    access="read",
    parameters=(
        INSTANCE,
        Parameter(
            "PrimaryPicContent", "primary_picture", "picture", required=True, note=PICTURE.note
        ),
        Parameter(
            "SecondaryPicContent", "secondary_picture", "picture", required=True, note=PICTURE.note
        ),
    ),
    read=_two_pictures,
    run=_compare,
    answer=_compared,
    schema=schema.answer("Msg", {"Score": schema.SCORE}),
    codes=COMPARE_CODES,
)

ACTIONS: Final = (BY_PICTURE, BY_NAME, BY_TEXT, BY_FILTER, EXISTS, COMPARE)
