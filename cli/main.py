"""The `lookalike` command."""

from __future__ import annotations

import os
import signal
import sys
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
from cli.output import EXIT_CODES, err, report, report_usage

app = typer.Typer(
    name="lookalike",
    no_args_is_help=True,
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


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Every command has --help with an example, and --json."""
    _ = version


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
        return report(error, as_json=as_json)
    except (typer.Abort, KeyboardInterrupt):
        return _stopped()
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or Python complains once more as it ends
        return 1
    except OSError as error:
        return report(
            StoreUnavailable(f"{error.filename or 'the store'}: {error.strerror or error}"),
            as_json=as_json,
        )
    except typer.TyperException as error:
        report_usage(error.format_message(), as_json=as_json)
        return error.exit_code
    return code if isinstance(code, int) else 0


def _stopped() -> int:
    """Says that the person ended it, in one line."""
    err.print("Stopped.")
    return 130
