"""`lookalike compact | scrub | gc`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.local import open_deployment
from cli.options import collection_names
from cli.output import AsJson, emit, out, progress, row, table

if TYPE_CHECKING:
    from chalicelib.usecases.maintain import ScrubReport

Done = TypeVar("Done")

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Collections; all of them where none is named.",
        autocompletion=collection_names,
        show_default=False,
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command("compact", epilog="Example: lookalike compact shoes --dry-run")(compact)
    app.command("scrub", epilog="Example: lookalike scrub --json")(scrub)
    app.command("gc", epilog="Example: lookalike gc --dry-run")(gc)


def _each(label: str, names: list[str], work: Callable[[str], Done], *, quiet: bool) -> list[Done]:
    """What `work` says of each collection, with a bar on the way."""
    done = []
    with progress(label, len(names), quiet=quiet) as bar:
        for name in names:
            done.append(work(name))
            bar.advance(bar.task_ids[0])
    return done


def compact(
    names: Names = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="Rewrite all into as few segments as possible.")
    ] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Turn the log into segments and merge small segments."""
    from chalicelib.usecases import maintain

    deployment = open_deployment()
    wanted = names or deployment.catalog.names()
    done = _each(
        "Compacting",
        wanted,
        lambda name: maintain.compact(deployment, name, everything=everything, dry_run=dry_run),
        quiet=as_json,
    )
    if as_json:
        emit([asdict(one) for one in done])
        return
    made = table(
        "Collection", "Absorbed#", "Merged#", "Graphs#", "Log left#", "Segments#", "Rows#", "MiB#"
    )
    for one in done:
        row(
            made,
            one.collection,
            one.absorbed,
            one.merged,
            one.graphs,
            one.log_objects,
            one.segments,
            one.rows,
            f"{one.bytes / 2**20:.1f}",
        )
    out.print(made)
    if dry_run:
        out.print("Nothing was changed.")


def scrub(
    names: Names = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Build damaged graphs anew; damaged records need a backup."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what --repair would do, and do nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Verify every byte and every invariant."""
    from chalicelib.usecases import maintain

    deployment = open_deployment()
    wanted = names or deployment.catalog.names()
    done = _each(
        "Verifying",
        wanted,
        lambda name: maintain.scrub(deployment, name, repair=repair and not dry_run),
        quiet=as_json,
    )
    if as_json:
        emit([asdict(one) for one in done])
    else:
        _show_scrubbed(done)
        if dry_run:
            graphs = sum(one.repairable for one in done)
            what = "1 graph" if graphs == 1 else f"{graphs} graphs"
            out.print(f"Nothing was changed; --repair would build {what} anew.")
    return 1 if any(len(one.problems) > one.repaired for one in done) else 0


def _show_scrubbed(done: list[ScrubReport]) -> None:
    """A row a collection, then a line a problem."""
    made = table("Collection", "Objects#", "Rows#", "MiB#", "Problems#", "Repairable#", "Repaired#")
    for one in done:
        row(
            made,
            one.collection,
            one.objects,
            one.rows,
            f"{one.bytes / 2**20:.1f}",
            len(one.problems),
            one.repairable,
            one.repaired,
        )
    out.print(made)
    for one in done:
        for problem in one.problems:
            out.print(f"{problem.key}: {problem.what}", soft_wrap=True)


def gc(names: Names = None, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Delete what nothing refers to any more, a grace period after it was first seen."""
    from chalicelib.usecases import maintain

    deployment = open_deployment()
    with progress("Collecting", 1, quiet=as_json) as bar:
        done = (
            [maintain.collect(deployment, name, dry_run=dry_run) for name in names]
            if names
            else maintain.collect_all(deployment, dry_run=dry_run)
        )
        bar.advance(bar.task_ids[0])
    if as_json:
        emit([asdict(one) for one in done])
        return
    made = table("Collection", "Named#", "Deleted#", "MiB#")
    for one in done:
        row(made, one.collection, one.named, one.removed, f"{one.bytes / 2**20:.1f}")
    out.print(made)
    out.print(
        "Nothing was changed."
        if dry_run
        else f"What was named now goes after {deployment.settings.grace_s} s."
    )
