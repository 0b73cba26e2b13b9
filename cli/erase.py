"""`lookalike erase`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from chalicelib.contract.messages import DeletePictures
from cli.local import chosen_collection, open_deployment
from cli.options import CollectionName
from cli.output import AsJson, emit, out, progress

if TYPE_CHECKING:
    from chalicelib.usecases.erase import Certificate

EXAMPLE = "Example: lookalike erase -c shoes --product 4711 --json"


def erase(
    product: Annotated[str, typer.Option("--product", help="Product id.", show_default=False)],
    picture: Annotated[
        str | None,
        typer.Option("--picture", help="One picture of it; all of them where not given."),
    ] = None,
    collection: CollectionName = None,
    as_json: AsJson = False,
) -> int:
    """Delete a product for good, at once, and print a certificate."""
    from chalicelib.usecases.erase import erase as erased

    deployment = open_deployment()
    message = DeletePictures(chosen_collection(collection, deployment), product, picture)
    with progress("Erasing", 1, quiet=as_json) as bar:
        done = erased(message, deployment)
        bar.advance(bar.task_ids[0])
    if as_json:
        emit(asdict(done))
    else:
        for line in _lines(done):
            out.print(line, soft_wrap=True)
    return 1 if done.left else 0


def _lines(done: Certificate) -> list[str]:
    """The certificate in words."""
    what = f"product {done.product_id}" + (f", picture {done.pic_name}" if done.pic_name else "")
    lines = [
        f"Erased from {done.collection} at {_time(done.erased_at)}: {what}",
    ]
    lines.append(
        f"{done.records} records were deleted, {done.segments} segments with {done.rows} other rows"
        f" rewritten, {done.objects} objects removed."
    )
    lines.append(
        "A note of the deletion, which names it and what was changed of it lately, stays until"
        f" {_time(done.ids_until)} at the latest, so that a late repetition of an earlier request"
        " does not bring it back."
    )
    if done.version_days == 0:
        lines.append("The store keeps no versions.")
    elif done.last_version_expires is None:
        lines.append("The bucket keeps versions, and no rule that this key may read ends them.")
    else:
        lines.append(
            f"The bucket keeps versions for {done.version_days} days; the last one expires by"
            f" {_time(done.last_version_expires)}."
        )
    lines.append("Exports and files of jobs were not looked into.")
    lines += [f"Still there, or not looked into: {key}" for key in done.left]
    return lines


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
