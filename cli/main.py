"""The `lookalike` command."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

import chalicelib
from chalicelib.errors import LookalikeError, StoreUnavailable
from cli import (
    add,
    collections,
    doctor,
    erase,
    importing,
    keys,
    maintaining,
    quality,
    search,
    serve,
)
from cli.local import settings
from cli.output import EXIT_CODES, err, report, report_usage

app = typer.Typer(
    name="lookalike",
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Image search that runs serverless in its owner's own AWS account."
    " Pictures are never kept, only features.",
    epilog=EXIT_CODES + " Settings come from LOOKALIKE_… (docs/SETTINGS.md);"
    " `lookalike --install-completion` completes in your shell.",
)
app.command("add", epilog=add.EXAMPLE)(add.add)
app.command("search", epilog=search.EXAMPLE)(search.search)
app.command("serve", epilog=serve.EXAMPLE)(serve.serve)
app.command("demo", epilog=serve.DEMO_EXAMPLE)(serve.demo)
app.command("quality", epilog=quality.EXAMPLE)(quality.quality)
app.command("erase", epilog=erase.EXAMPLE)(erase.erase)
importing.register(app)
maintaining.register(app)
doctor.register(app)
app.add_typer(collections.app, name="collections")
app.add_typer(keys.app, name="keys")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lookalike {chalicelib.__version__}")
        raise typer.Exit


_START = """\
lookalike {version}: image search on a store of your own

  lookalike serve --demo                a server with pictures to try
  lookalike collections create shop     a collection
  lookalike import ./pictures -c shop   all pictures of a folder
  lookalike search photo.jpg -c shop    what looks like one
  lookalike doctor                      what is wrong, and what to do

All commands: lookalike --help. Each has --help with an example.
"""


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Every command has --help with an example, and --json."""
    _ = version
    if context.invoked_subcommand is None:
        typer.echo(_START.format(version=chalicelib.__version__), nl=False)


def run() -> None:
    """Runs the command line of this process and ends it."""
    try:
        # lookalike/__init__.py let Ctrl-C end the process while nothing had begun
        if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = execute(sys.argv[1:])
    except KeyboardInterrupt:
        code = _stopped()
    sys.exit(code)


def execute(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code; what goes wrong is printed as one line."""
    as_json = "--json" in arguments
    try:
        code = app(arguments, standalone_mode=False, prog_name="lookalike")
    except LookalikeError as error:
        return report(error, as_json=as_json, store=_store())
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or Python complains once more as it ends
        return 1
    except OSError as error:
        return report(
            StoreUnavailable(f"{_shown(error.filename)}: {error.strerror or error}"),
            as_json=as_json,
            store=_store(),
        )
    except typer.TyperException as error:
        if not (message := error.format_message()):
            return 0  # a group without a command has shown its help
        report_usage(message, as_json=as_json)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _store() -> str:
    """The store that this command works on, as its owner calls it."""
    try:
        return settings().store
    except LookalikeError:
        return ""


def _shown(path: object) -> str:
    """A file that failed, from where the reader stands; of one elsewhere its name alone."""
    if not isinstance(path, str):
        return "the store"
    here = Path.cwd()
    found = Path(path)
    return str(found.relative_to(here)) if found.is_relative_to(here) else found.name


def _stopped() -> int:
    """Says that the person ended it, in one line."""
    err.print("Stopped.")
    return 130
