"""Nothing that we load reports home: no file outside the store, no socket but the server's own."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.gateway.client import picture

ROOT = Path(__file__).parents[2]
LOADER = "chalicelib/inference.py"
_CALLS = "socket,connect,sendto,sendmsg,sendmmsg,openat,open,creat,mkdir,mkdirat"
_HARMLESS = re.compile(r"AF_UNIX|AF_NETLINK|AF_UNSPEC|inet_addr\(\"127\.0\.0\.1\"\)")


@dataclass(frozen=True)
class Traces:
    """What a process left behind and whom it called."""

    files: list[str]
    """Made in its home, its folder of temporary files, or where it was started."""
    calls: list[str]
    """Connections to other machines and files made outside the store; empty without strace."""


def observed(state: Path, command: Sequence[str]) -> Traces:
    """Runs a command with a fresh home and watches it.

    Its environment is bare: onnxruntime is silent by itself where a variable of a CI service is
    set, and the test must not pass for that reason.
    """
    outside = [state / name for name in ("home", "tmp", "here")]
    for folder in outside:
        folder.mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(outside[0]),
        "TMPDIR": str(outside[1]),
        "LOOKALIKE_STORE": str(state / "store" / "data"),
        "LOOKALIKE_SECRETS": str(state / "store" / "keys.json"),
    }
    trace = state / "trace"
    strace = shutil.which("strace")
    watched = [strace, "-f", "-qq", "-e", f"trace={_CALLS}", "-o", str(trace)] if strace else []
    done = subprocess.run(
        [*watched, *command],
        cwd=outside[2],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    files = [str(path.relative_to(state)) for folder in outside for path in folder.rglob("*")]
    lines = trace.read_text().splitlines() if trace.exists() else []
    return Traces(files, [line for line in lines if _tells(line, state / "store")])


def _tells(line: str, store: Path) -> bool:
    """Whether a line of strace's is a call to another machine, or makes a file outside `store`."""
    name = re.search(r"^\d+\s+(\w+)\(", line)
    if name is None:
        return False
    if name[1] in ("connect", "sendto", "sendmsg", "sendmmsg"):
        return "sa_family=" in line and not _HARMLESS.search(line)
    made = "O_CREAT" in line or "O_TMPFILE" in line or name[1] in ("creat", "mkdir", "mkdirat")
    return made and " = -1 " not in line and f'"{store}' not in line and '"/dev/' not in line


def test_a_day_s_work_leaves_nothing_outside_the_store_and_calls_nobody(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    # the first, which is also sent over HTTP, is larger than what servers keep in memory
    noise = np.random.default_rng(1).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    Image.fromarray(noise).save(pictures / "0.png", compress_level=1)
    (pictures / "1.png").write_bytes(picture(1))
    everyday = str(ROOT / "tests/infra/everyday.py")
    seen = observed(tmp_path, [sys.executable, everyday, str(pictures)])
    assert seen == Traces([], [])


@pytest.mark.parametrize(
    "deed",
    [
        "import pathlib; pathlib.Path.home().joinpath('.cache').mkdir()",
        "import tempfile; tempfile.mkstemp()",
        pytest.param(
            "import socket as s; s.socket(type=s.SOCK_DGRAM).sendto(b'?', ('192.0.2.1', 53))",
            marks=pytest.mark.skipif(not shutil.which("strace"), reason="needs strace"),
        ),
    ],
)
def test_what_would_tell_is_seen(tmp_path: Path, deed: str) -> None:
    assert observed(tmp_path, [sys.executable, "-c", deed]) != Traces([], [])


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_one_file_loads_onnxruntime() -> None:
    rooms = ("chalicelib", "cli", "demo", "tools", "benchmarks", "models", "tests")
    files = [ROOT / "app.py"] + [file for room in rooms for file in (ROOT / room).rglob("*.py")]
    loading = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if any(name.split(".")[0] == "onnxruntime" for name in _imports(file))
    }
    # onnxruntime.quantization comes after models/build/__init__.py, which loads it our way
    assert loading == {LOADER, "models/build/quantise.py"}
    assert "chalicelib.inference" in _imports(ROOT / "models/build/__init__.py")
