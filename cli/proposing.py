"""Asks whether a folder without increment.meta is to be imported by the names of its files."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.text import Text

from chalicelib.errors import InvalidField, MissingField
from chalicelib.storage.source import META, Location
from cli.folders import Proposal, propose
from cli.output import err, row, show_under, table, visible

_SHOWN = 20
"""Names of what a folder import leaves out."""


def made_up(location: Location, source: str, *, yes: bool, quiet: bool) -> bytes | None:
    """What stands for the increment.meta that a folder of this machine lacks, once it was agreed
    to; None where there is one.
    """
    folder = Path(location.path)
    if location.kind == "bucket" or (folder / META).is_file():
        return None
    proposal = propose(folder)
    if not proposal.pictures:
        raise InvalidField("source", f"there is neither {META} nor a picture in {source}")
    if not quiet:
        _show(proposal, source)
    if not yes:
        if quiet or not sys.stdin.isatty():
            raise MissingField(
                "yes",
                (
                    f"{source} has no {META}; add --yes to import its {len(proposal.pictures)} "
                    "pictures by their names"
                ),
            )
        typer.confirm("Import them so?", abort=True, err=True)
    return proposal.lines()


def _show(proposal: Proposal, source: str) -> None:
    """What would be imported, and what would be left out."""
    shown = table("Product", "Picture")
    for picture in proposal.pictures[:10]:
        row(shown, *picture)
    show_under(
        f"{source} has no {META}; by their names, its {len(proposal.pictures)} pictures are:",
        shown,
        on=err,
    )
    if len(proposal.pictures) > 10:
        err.print(f"… and {len(proposal.pictures) - 10} more")
    if proposal.others:
        kinds = ", ".join(f"{ending} {count}" for ending, count in proposal.endings[:8])
        err.print(f"{proposal.others} other files are left out: {visible(kinds)}")
    for name, reason in proposal.left_out[:_SHOWN]:
        err.print(Text(visible(f"left out: {name}: {reason}"), style="yellow"))
    if len(proposal.left_out) > _SHOWN:
        err.print(f"… and {len(proposal.left_out) - _SHOWN} more are left out")
