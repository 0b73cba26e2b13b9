"""The `lookalike` command, run in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cli.main import execute

Run = Callable[..., tuple[int, str, str]]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command line: (exit code, standard output, standard error)."""

    def one(*arguments: str) -> tuple[int, str, str]:
        code = execute(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return one
