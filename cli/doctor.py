"""`lookalike doctor`: what would make this deployment fail, and what to do about it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from chalicelib import __version__
from cli.local import ROOT, open_deployment
from cli.output import AsJson, emit, out, visible

if TYPE_CHECKING:
    from chalicelib.storage.account import Account
    from chalicelib.usecases.doctor import Check

_MARKS = {"ok": ("ok    ", "green"), "warn": ("look  ", "yellow"), "fail": ("broken", "bold red")}


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command(epilog="Example: lookalike doctor. Exit code 1 when something is broken.")(doctor)


def doctor(
    collection: Annotated[
        str | None, typer.Argument(help="Only this collection.", show_default="all")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check credentials, region, store, permissions, clock, keys, models, package and
    collections.
    """
    from chalicelib.jobs.doctor import job_checks
    from chalicelib.usecases.doctor import Check, checks
    from chalicelib.usecases.doctor_machine import machine_checks
    from chalicelib.wiring import local_folder, local_queue

    deployment = open_deployment()
    packages = sorted((ROOT / "build").glob("package-*/deployment.zip"))
    account = _account(deployment.settings.store, deployment.settings.region)
    settings = deployment.settings
    found: list[Check] = []
    # Each is shown as it is made: some take seconds.
    for check in chain(
        [Check("version", "ok", f"lookalike {__version__}")],
        checks(deployment, collection, account=account, package=packages[-1] if packages else None),
        job_checks(deployment, collection),
        machine_checks(local_folder(settings), local_queue(settings), now=deployment.clock()),
    ):
        found.append(check)
        if not as_json:
            mark, style = _MARKS[check.state]
            out.print(
                Text.assemble(
                    (mark, style), "  ", (visible(check.name), "bold"), "  ", visible(check.message)
                )
            )
    if as_json:
        emit(
            [
                {"name": check.name, "state": check.state, "message": check.message}
                for check in found
            ]
        )
    if any(check.state == "fail" for check in found):
        raise typer.Exit(1)


def _account(store: str, region: str) -> Account | None:
    if not store.startswith("s3://"):
        return None
    from chalicelib.storage.account import AwsAccount

    return AwsAccount(region)
