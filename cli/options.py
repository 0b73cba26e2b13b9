"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.local import open_deployment


def collection_names() -> list[str]:
    """For completion in the shell."""
    return open_deployment().catalog.names()


CollectionName = Annotated[
    str | None,
    typer.Option(
        "--collection",
        "-c",
        help="Collection; may be left out where there is only one.",
        autocompletion=collection_names,
    ),
]
Category = Annotated[
    int | None,
    typer.Option(
        "--category", help="Category id (product collections); predicted where not given."
    ),
]
Subject = Annotated[
    str | None,
    typer.Option("--region", help="The subject, as x1,x2,y1,y2 in pixels; found where not given."),
]
Whole = Annotated[
    bool, typer.Option("--whole", help="Take the whole picture; look for no subject.")
]
