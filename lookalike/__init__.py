"""The one name that an installation takes. In a wheel this folder holds the application as the
repository's top level does: app.py, chalicelib/, cli/, demo/, models/ (docs/adr/0058).
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path


def application() -> Path:
    """The folder that app.py lies in: this one where it was installed, its parent in a clone."""
    here = Path(__file__).resolve().parent
    return here if (here / "app.py").is_file() else here.parent


def run() -> None:
    """Runs the command line; the console script's entry point.

    The application's folder goes first on the path, so that nobody else's `cli` or `models` is
    taken for ours; worker processes are handed the path as it is.
    """
    # Until the command runs, Ctrl-C just ends the process: nothing was begun, so nothing is said.
    # Where a script started it in the background, it stays deaf to Ctrl-C as the shell wants it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    folder = str(application())
    sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
    from cli.main import run as run_command

    run_command()
