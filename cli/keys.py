"""`lookalike keys create | list | rotate | retire | revoke`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from chalicelib.errors import InvalidField
from cli.local import open_deployment
from cli.output import AsJson, emit, err, out, row, table

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke access keys.")


def _ids() -> list[str]:
    from chalicelib.usecases.keys import list_keys

    return [key.key_id for key in list_keys(open_deployment())]


KeyId = Annotated[
    str, typer.Argument(help="Access key id.", show_default=False, autocompletion=_ids)
]


@app.command(epilog="Example: lookalike keys create --name till --access read --collection shoes")
def create(
    name: Annotated[str, typer.Option("--name", help="Who or what it is for.")] = "",
    access: Annotated[
        str, typer.Option("--access", help="read (search) or write (search and change).")
    ] = "write",
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", help="Only this collection; repeat for more. None: all."),
    ] = None,
    bearer: Annotated[
        bool,
        typer.Option(
            "--bearer", help="Also accept `Authorization: Bearer ID.SECRET`, for scripts."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown once."""
    from chalicelib.usecases.keys import create_key

    made = create_key(
        open_deployment(),
        name=name,
        access=_access(access),
        collections=frozenset(collection or ()),
        bearer=bearer,
    )
    _show(made.key_id, made.secret, as_json=as_json)


@app.command("list", epilog="Example: lookalike keys list")
def list_(as_json: AsJson = False) -> None:
    """List the keys, without their secrets."""
    from chalicelib.usecases.keys import list_keys

    keys = list_keys(open_deployment())
    if as_json:
        emit(
            [
                {
                    "access_key_id": key.key_id,
                    "name": key.name,
                    "access": key.access,
                    "collections": sorted(key.collections),
                    "created": _time(key.created),
                    "bearer": key.bearer,
                    "rotating": key.rotating,
                }
                for key in keys
            ]
        )
        return
    made = table("Key", "Name", "Access", "Collections", "Created", "")
    for key in keys:
        row(
            made,
            key.key_id,
            key.name,
            key.access,
            ", ".join(sorted(key.collections)) or "all",
            _time(key.created),
            "rotating" * key.rotating,
        )
    out.print(made if keys else "No key yet. Make one: lookalike keys create")


@app.command(
    epilog="Example: lookalike keys rotate LAab12…"
    "  (then change the clients, then: lookalike keys retire LAab12…)"
)
def rotate(key_id: KeyId, as_json: AsJson = False) -> None:
    """Give a key a second secret; the old one stays valid until `retire`."""
    from chalicelib.usecases.keys import rotate_key

    made = rotate_key(open_deployment(), key_id)
    _show(made.key_id, made.secret, as_json=as_json)


@app.command(epilog="Example: lookalike keys retire LAab12…")
def retire(key_id: KeyId, as_json: AsJson = False) -> None:
    """End the older secret of a key that was rotated."""
    from chalicelib.usecases.keys import retire_key

    retire_key(open_deployment(), key_id)
    if as_json:
        emit({"retired": key_id})
    else:
        out.print(f"{key_id} has one secret, the newest.")


@app.command(epilog="Example: lookalike keys revoke LAab12…")
def revoke(key_id: KeyId, as_json: AsJson = False) -> None:
    """End a key."""
    from chalicelib.usecases.keys import revoke_key

    revoke_key(open_deployment(), key_id)
    if as_json:
        emit({"revoked": key_id})
    else:
        out.print(f"Revoked {key_id}.")


def _access(text: str) -> Literal["read", "write"]:
    if text == "read":
        return "read"
    if text == "write":
        return "write"
    raise InvalidField("access", f"access is {text!r}; it must be read or write")


def _show(key_id: str, secret: str, *, as_json: bool) -> None:
    """Prints a key the only time that its secret can be read."""
    if as_json:
        emit({"access_key_id": key_id, "access_key_secret": secret})
        return
    made = table("", "")
    row(made, "access key", key_id)
    row(made, "secret", secret)
    out.print(made)
    err.print("Note the secret now: it is not shown again.", style="dim")


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
