"""`lookalike add`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.contract.messages import AddPicture
from chalicelib.contract.values import AttributeValues, View, parse_region
from chalicelib.errors import LookalikeError, MissingField
from cli.local import attributes, chosen_collection, open_deployment, read_picture
from cli.options import Category, CollectionName, Subject, Whole
from cli.output import JSON, AsJson, emit, exit_code, note, out, progress, visible

if TYPE_CHECKING:
    from chalicelib.usecases.deployment import Deployment

EXAMPLE = (
    "Example: lookalike add shoe.jpg --collection shoes --product 4711"
    " --set int_attr=42 --set str_attr=red"
)


def add(
    pictures: Annotated[
        list[str],
        typer.Argument(help="Picture files, or - for standard input.", show_default=False),
    ],
    collection: CollectionName = None,
    product: Annotated[
        str | None,
        typer.Option(
            "--product", help="Product id; the file's name without suffix where not given."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Picture name; the file's name where not given.")
    ] = None,
    category: Category = None,
    region: Subject = None,
    whole: Whole = False,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="An attribute, NAME=VALUE: int_attr=3, str_attr=red, custom_content=…;"
            " repeat for more.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add pictures. Only features are kept; the same product and picture name again replaces the
    record.
    """
    _check_names(pictures, product, name)
    deployment = open_deployment()
    view = View(
        category_id=category, crop=not whole, region=parse_region(region) if region else None
    )
    plan = _Plan(
        chosen_collection(collection, deployment), product, name, view, attributes(attribute or [])
    )
    if len(pictures) == 1:
        _show(plan.add(pictures[0], deployment), plan.collection, as_json=as_json)
        return
    # Several: one that fails does not stop the others, and the exit code says that one did.
    rows = list(_added(pictures, plan, deployment, quiet=as_json))
    failed = sum(1 for row in rows if "error" in row)
    if as_json:
        emit(rows)
    else:
        out.print(f"Added {len(rows) - failed:,} of {len(rows):,} to {plan.collection}.")
    if failed:
        raise typer.Exit(1)


def _check_names(pictures: list[str], product: str | None, name: str | None) -> None:
    """Raises MissingField where the names do not fit the number or kind of pictures."""
    if len(pictures) > 1 and name is not None:
        raise MissingField("name", "--name names one picture; leave it out for several")
    if "-" in pictures and (product is None or name is None):
        raise MissingField("product", "a picture from standard input needs --product and --name")


def _show(added: dict[str, JSON], collection: str, *, as_json: bool) -> None:
    """Says what was added, as `_Plan.add` gives it."""
    if as_json:
        emit(added)
        return
    what = visible(f"{added['product_id']} / {added['pic_name']}")
    out.print(f"Added {what} to {collection}, category {added['category_id']}.", soft_wrap=True)


class _Plan:
    """What is said of every picture of one command."""

    def __init__(
        self,
        collection: str,
        product: str | None,
        name: str | None,
        view: View,
        values: AttributeValues,
    ) -> None:
        self.collection, self._product, self._name, self._view, self._values = (
            collection,
            product,
            name,
            view,
            values,
        )

    def add(self, path: str, deployment: Deployment) -> dict[str, JSON]:
        """Adds the file; what to print of it."""
        from chalicelib.usecases.add import add_picture

        product, name = self._product or Path(path).stem, self._name or Path(path).name
        added = add_picture(
            AddPicture(
                self.collection, product, name, read_picture(path), self._view, self._values
            ),
            deployment,
        )
        return {
            "path": path,
            "product_id": product,
            "pic_name": name,
            "category_id": added.category_id,
            "region": added.region.text(),
        }


def _added(
    pictures: list[str], plan: _Plan, deployment: Deployment, *, quiet: bool
) -> Iterator[dict[str, JSON]]:
    """Adds each; a failure is reported and does not stop the rest."""
    with progress("Adding", len(pictures), quiet=quiet) as bar:
        for path in pictures:
            try:
                yield plan.add(path, deployment)
            except LookalikeError as error:
                if not quiet:
                    note("error:", f"{path}: {error}", style="red")
                yield {
                    "path": path,
                    "error": {
                        "kind": type(error).__name__,
                        "message": str(error),
                        "exit_code": exit_code(error),
                    },
                }
            bar.advance(bar.task_ids[0])
