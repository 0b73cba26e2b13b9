"""`lookalike bind`: which collection the increment.meta files of a bucket's folder go to."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from chalicelib.contract.messages import StartImport
from chalicelib.errors import InvalidField
from chalicelib.storage.source import Role
from cli.local import chosen_collection, open_deployment
from cli.options import CollectionName
from cli.output import JSON, AsJson, emit, err, out, row, table, visible

EXAMPLE = "Example: lookalike bind s3://my-bucket/catalogue -c shop"
UNBIND_EXAMPLE = "Example: lookalike unbind s3://my-bucket/catalogue"
BINDINGS_EXAMPLE = "Example: lookalike bindings --json"

Folder = Annotated[
    str,
    typer.Argument(help="s3://bucket/path; everything below it belongs to it.", show_default=False),
]


def bind(
    folder: Folder,
    collection: CollectionName = None,
    role: Annotated[
        str | None,
        typer.Option(
            "--role", help="ARN of a role of the bucket's owner, where that is another account."
        ),
    ] = None,
    external_id: Annotated[
        str | None,
        typer.Option(
            "--external-id", help="What that role's trust policy demands; made where not given."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Import every increment.meta that comes into a bucket's folder into a collection, from now on
    and by itself.
    """
    from chalicelib.jobs.bindings import Binding, binding_of
    from chalicelib.jobs.bindings import bind as write

    deployment = open_deployment()
    bucket, path = _parts(folder)
    name = chosen_collection(collection, deployment)
    deployment.catalog.open(name)
    lent: Role | None = None
    if role is not None:
        before = binding_of(bucket, path, deployment.store)
        kept = (
            before.role.external_id if before and before.role and before.role.arn == role else None
        )
        lent = Role(role, external_id or kept or deployment.new_id())
        lent.check()
    elif external_id is not None:
        raise InvalidField("external_id", "an external id belongs to a role; give --role too")
    write(Binding(bucket, path, name, lent), deployment.store)
    if as_json:
        emit(_value(Binding(bucket, path, name, lent)))
        return
    out.print(visible(f"s3://{bucket}{path} → {name}"), soft_wrap=True)
    if lent:
        err.print(
            "The role's trust policy must name this external id"
            " (docs/IMPORTS.md shows the whole policy):"
        )
        out.print(
            json.dumps({"StringEquals": {"sts:ExternalId": lent.external_id}}), soft_wrap=True
        )


def unbind(folder: Folder, as_json: AsJson = False) -> None:
    """Let a bucket's folder belong to no collection any more. What was imported stays."""
    from chalicelib.jobs.bindings import unbind as remove

    bucket, path = _parts(folder)
    remove(bucket, path, open_deployment().store)
    if as_json:
        emit({"unbound": f"s3://{bucket}{path}"})
    else:
        out.print(
            visible(f"s3://{bucket}{path} → nothing; what was imported stays"), soft_wrap=True
        )


def bindings(as_json: AsJson = False) -> None:
    """List the folders that are bound."""
    from chalicelib.jobs.bindings import bindings as read

    found = read(open_deployment().store)
    if as_json:
        emit([_value(each) for each in found])
        return
    shown = table("Folder", "Collection", "Role", "External id")
    for each in found:
        lent = each.role
        row(
            shown,
            f"s3://{each.bucket}{each.path}",
            each.collection,
            lent.arn if lent else "",
            lent.external_id if lent else "",
        )
    out.print(shown)


def _parts(folder: str) -> tuple[str, str]:
    if not folder.startswith("s3://"):
        raise InvalidField("folder", f"{folder!r} is not s3://bucket/path")
    bucket, _, path = folder.removeprefix("s3://").partition("/")
    checked = StartImport("x", bucket, "/" + path.strip("/"))
    return checked.bucket, checked.path


def _value(binding: object) -> JSON:
    """For --json: where the pictures are, whose they become, and the role that is lent."""
    from chalicelib.jobs.bindings import Binding

    assert isinstance(binding, Binding)  # noqa: S101  # narrows the lazily imported type
    lent = binding.role
    return {
        "bucket": binding.bucket,
        "path": binding.path,
        "collection": binding.collection,
        "role": lent.arn if lent else None,
        "external_id": lent.external_id if lent else None,
    }
