"""`lookalike collections create | list | show | drop`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.contract.messages import CreateCollection, Describe
from cli.local import open_deployment, service_named
from cli.options import collection_names
from cli.output import JSON, AsJson, emit, out, row, table

if TYPE_CHECKING:
    from chalicelib.usecases.manage import Described

app = typer.Typer(no_args_is_help=True, help="Make and look at collections.")

Name = Annotated[
    str,
    typer.Argument(
        help="Name of the collection.", show_default=False, autocompletion=collection_names
    ),
]


@app.command(epilog="Example: lookalike collections create shoes --type product")
def create(
    name: Name,
    type_: Annotated[
        str, typer.Option("--type", help="product, generic, fabric or trademark.")
    ] = "product",
    as_json: AsJson = False,
) -> None:
    """Make an empty collection."""
    from chalicelib.storage.probe import probe
    from chalicelib.usecases.manage import create_collection

    deployment = open_deployment()
    probe(
        deployment.store, deployment.settings.store, new_id=deployment.new_id
    )  # a store that ignores conditions would lose records
    made = create_collection(CreateCollection(name, service_named(type_)), deployment)
    if as_json:
        emit(_value(made))
    else:
        out.print(f"Created {made.name}, a {made.service.name.lower()} collection.")


@app.command("list", epilog="Example: lookalike collections list --json")
def list_(as_json: AsJson = False) -> None:
    """List the collections."""
    deployment = open_deployment()
    infos = [deployment.catalog.open(name).info for name in deployment.catalog.names()]
    if as_json:
        emit(
            [
                {
                    "name": info.name,
                    "type": info.service.name.lower(),
                    "created": _time(info.created),
                }
                for info in infos
            ]
        )
        return
    made = table("Name", "Type", "Created")
    for info in infos:
        row(made, info.name, info.service.name.lower(), _time(info.created))
    out.print(
        made
        if infos
        else f"No collection in {deployment.settings.store} yet."
        " Make one: lookalike collections create NAME --type product",
        soft_wrap=not infos,
    )


@app.command(epilog="Example: lookalike collections show shoes")
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one collection: what it is and how much it holds."""
    from chalicelib.usecases.manage import describe

    deployment = open_deployment()
    described = describe(Describe(name), deployment)
    info = deployment.catalog.open(name).info
    value = {
        **_value(described),
        "fingerprint": info.fingerprint,
        "dimension": info.dimension,
        "bits": info.bits,
    }
    if as_json:
        emit(value)
        return
    made = table("", "")
    for label, text in value.items():
        row(made, label, f"{text:,}" if isinstance(text, int) else str(text))
    out.print(made)


@app.command(epilog="Example: lookalike collections drop shoes --yes")
def drop(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete a collection with all its records."""
    from chalicelib.usecases.picture_urls import set_picture_url

    deployment = open_deployment()
    count = describe_count(name)
    if not yes:
        typer.confirm(f"Delete {name} with its {count:,} records?", abort=True, err=True)
    deployment.catalog.drop(name)
    set_picture_url(name, None, deployment)
    if as_json:
        emit({"dropped": name, "records": count})
    else:
        out.print(f"Deleted {name}.")


def describe_count(name: str) -> int:
    """Records in a collection. Raises CollectionNotFound."""
    return len(open_deployment().catalog.open(name).snapshot())


def _value(described: Described) -> dict[str, JSON]:
    """For --json."""
    return {
        "name": described.name,
        "type": described.service.name.lower(),
        "records": described.count,
        "capacity": described.capacity,
        "created": _time(described.created),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
