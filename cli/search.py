"""`lookalike search`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.contract.categories import categories_of
from chalicelib.contract.filters import parse
from chalicelib.contract.messages import SearchByName, SearchByPicture
from chalicelib.contract.values import Narrow, Page, View, parse_region
from chalicelib.errors import MissingField
from cli.local import chosen_collection, open_deployment, read_picture
from cli.options import Category, CollectionName, Subject, Whole
from cli.output import JSON, AsJson, emit, out, row, show_under, table, visible
from cli.thumbnails import CELLS, Graphics, drawn, this_terminal
from demo.samples import picture_of, samples_folder

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment
    from chalicelib.usecases.search import Match, SearchResults

EXAMPLE = (
    "Example: lookalike search photo.jpg --collection shoes --filter 'int_attr < 100' --distinct"
)


def search(
    picture: Annotated[
        str | None,
        typer.Argument(help="A picture file, or - for standard input.", show_default=False),
    ] = None,
    collection: CollectionName = None,
    like: Annotated[
        tuple[str, str] | None,
        typer.Option("--like", help="PRODUCT NAME of an indexed picture, instead of a file."),
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", help="Results, 1 to 100.")] = 10,
    start: Annotated[int, typer.Option("--start", help="Results to skip.")] = 0,
    where: Annotated[
        str | None,
        typer.Option("--filter", help='For instance: int_attr < 100 AND str_attr = "red".'),
    ] = None,
    category: Category = None,
    region: Subject = None,
    whole: Whole = False,
    distinct: Annotated[
        bool, typer.Option("--distinct", help="Only the best picture of each product.")
    ] = False,
    least: Annotated[float, typer.Option("--least", help="Least score, 0 to 1.")] = 0.0,
    pictures: Annotated[
        bool | None,
        typer.Option(
            "--pictures/--no-pictures",
            help="Show results as pictures where terminal and samples allow it.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find what looks like a picture, or like one that is in the collection."""
    from chalicelib.usecases.search import search_by_name, search_by_picture

    if (picture is None) == (like is None):
        raise MissingField("picture", "give a picture file, or --like PRODUCT NAME")
    deployment = open_deployment()
    name = chosen_collection(collection, deployment)
    page = Page(count=count, start=start)
    narrow = Narrow(filter=parse(where) if where else None, distinct=distinct, min_score=least)
    began = time.perf_counter()
    if like is not None:
        found = search_by_name(
            SearchByName(name, *like, category_id=category, page=page, narrow=narrow), deployment
        )
    else:
        assert picture is not None  # noqa: S101  # one of the two was given
        view = View(
            category_id=category, crop=not whole, region=parse_region(region) if region else None
        )
        found = search_by_picture(
            SearchByPicture(name, read_picture(picture), view=view, page=page, narrow=narrow),
            deployment,
        )
    took_ms = (time.perf_counter() - began) * 1000
    if as_json:
        emit(value(found, took_ms))
        return
    how = (
        this_terminal(terminal=out.is_terminal, colours=out.color_system)
        if pictures is not False
        else None
    )
    show(found, took_ms, start=start)
    if how is not None:
        show_pictures(name, found, how, deployment, start=start)


def show(found: SearchResults, took_ms: float, *, start: int = 0) -> None:
    """Prints the results as a table."""
    if not found.matches:
        out.print("Nothing like it.")
        return
    made = table("Rank#", "Product", "Picture", "Category", "Score#", "SortExprValues")
    names = categories_of(found.service)
    for rank, match in enumerate(found.matches, start + 1):
        category = match.row.category_id
        row(
            made,
            rank,
            match.row.key.product_id,
            match.row.key.pic_name,
            names.get(category, category),
            f"{match.score:.4f}",
            match.sort_values,
        )
    show_under(
        f"{found.found:,} {'candidate' if found.found == 1 else 'candidates'}, {took_ms:,.0f} ms",
        made,
    )


def show_pictures(
    collection: str, found: SearchResults, how: Graphics, deployment: Deployment, *, start: int
) -> None:
    """Prints the results' pictures, of those that the demo's samples hold: beside one another where
    they are made of characters.
    """
    from rich.columns import Columns
    from rich.text import Text

    from chalicelib.usecases.picture_urls import picture_urls

    url, folder = picture_urls(deployment).get(collection), samples_folder(deployment.settings)
    beside: list[Text] = []
    for rank, match in enumerate(found.matches, start + 1):
        path = picture_of(match.row.key, url, folder)
        made = drawn(path, how) if path is not None else None
        caption = Text.assemble(
            f"{rank}  {visible(match.row.key.product_id)}  ", (f"{match.score:.4f}", "dim")
        )
        if isinstance(made, str):
            sys.stdout.write(made + "\n")
            sys.stdout.flush()
            out.print(caption, "")
        elif made is not None:
            caption.truncate(CELLS, overflow="ellipsis")
            beside.append(made.append_text(Text("\n")).append_text(caption).append("\n"))
    if beside:
        out.print()
        out.print(Columns(beside, width=CELLS, padding=(0, 2)))


def value(found: SearchResults, took_ms: float) -> dict[str, JSON]:
    """The answer as one JSON value."""
    return {
        "found": found.found,
        "category_id": found.category_id,
        "region": found.region.text(),
        "regions": [region.text() for region in found.regions],
        "ms": round(took_ms, 1),
        "results": [_match(rank, match) for rank, match in enumerate(found.matches, 1)],
    }


def _match(rank: int, match: Match) -> dict[str, JSON]:
    """One result, with the attributes that its record has."""
    attributes = match.row.attributes
    names = (
        "custom_content",
        *(f"{kind}_attr{number}" for kind in ("int", "str") for number in ("", "2", "3", "4")),
    )
    given: dict[str, JSON] = {
        name: getattr(attributes, name) for name in names if getattr(attributes, name) is not None
    }
    return {
        "rank": rank,
        "product_id": match.row.key.product_id,
        "pic_name": match.row.key.pic_name,
        "category_id": match.row.category_id,
        "score": match.score,
        "sort_expr_values": match.sort_values,
        **given,
    }
