"""Makes of Chalice's deployment.zip the one that is deployed: trimmed, compiled, byte for byte
reproducible.

    python -m tools.trim IN.zip OUT.zip

Run it with the Python version of the Lambda runtime, since it compiles. Only the standard library
is needed.
"""

from __future__ import annotations

import os
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from tools import botodata, elf

DROPPED: Final = {
    r"(^|/)tests?/": "tests of libraries and of ours",
    r"(^|/)__pycache__/": "compiled anew below",
    r"\.pyi$|/py\.typed$": "types",
    r"\.(c|h|pxd|pyx|a|cmake|hpp|md)$": "sources and headers",
    r"\.dist-info/(RECORD|WHEEL|top_level\.txt|entry_points\.txt|sboms/.*)$": (
        "of installers; licences and metadata stay"
    ),
    r"^bin/|\.data/": "commands of libraries",
    r"^models/build/|^models/golden": "how the models were made and what tests compare them with",
    r"^numpy/(f2py|doc|typing/tests|_core/(include|lib)|_pyinstaller|random/(_examples|lib))/": (
        "for building extensions"
    ),
    r"^numpy/_core/(_simd|_\w+_tests)\.": "tests' libraries",
    r"^onnxruntime/(tools|quantization|transformers|datasets|backend)/": "for making models",
    r"^onnxruntime/capi/libonnxruntime\.so": "the C library; the Python one holds its own copy",
    r"^google/|^(flatbuffers|protobuf|packaging)[/-]": "only read by the tools dropped above",
    r"^PIL/(ImageQt|ImageTk|ImageShow|ImageGrab|_imagingtk|_tkinter_finder|_imagingft|ImageFont)": (
        "screens and fonts"
    ),
    r"^pillow\.libs/lib(harfbuzz|freetype|raqm|fribidi|brotli)": "their libraries",
    r"^boto3|^s3transfer": "storage/clients.py builds clients by botocore alone",
}
"""Pattern → why nobody misses it. The smoke test runs every kind of event on what is left."""

_DATE: Final = (1980, 1, 1, 0, 0, 0)
_ROOT: Final = "/var/task/"


def kept(name: str) -> bool:
    """Whether the member `name` of the zip stays."""
    return not any(re.search(pattern, name) for pattern in DROPPED)


def trim(source: Path, target: Path) -> None:
    """Writes `target` from Chalice's `source`."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        with zipfile.ZipFile(source) as archive:
            names = sorted(archive.namelist())
            for name in filter(kept, names):
                archive.extract(name, tree)
        _check_needed(
            tree, [name.split("/")[-1] for name in names if ".libs/" in name and not kept(name)]
        )
        if (tree / "botocore/data").is_dir():
            botodata.prune(tree / "botocore/data")
        for path in files(tree):
            if ".so" in path.name:
                data = path.read_bytes()
                if elf.is_elf(data):
                    path.write_bytes(elf.loaded_only(data))
        _compile(tree)
        draft = target.with_suffix(".draft")
        _zip(tree, draft)
        shutil.move(draft, target)


def _check_needed(tree: Path, dropped: list[str]) -> None:
    """Raises SystemExit when a library that stays names one that was dropped: it would not load."""
    for path in files(tree):
        if ".so" in path.name:
            data = path.read_bytes()
            for name in dropped:
                if name.encode() + b"\0" in data:
                    raise SystemExit(
                        f"{path.relative_to(tree)} needs {name},"
                        " which DROPPED in tools/trim.py drops"
                    )


def files(tree: Path) -> list[Path]:
    """All files under `tree`, in one order everywhere."""
    return sorted(
        (path for path in tree.rglob("*") if path.is_file()),
        key=lambda path: path.relative_to(tree).as_posix(),
    )


def _compile(tree: Path) -> None:
    """Adds byte code that is used unchecked: /var/task is read-only, so without it every cold start
    compiles everything.

    A fresh process with a fixed hash seed, since the order of sets in constants and interning would
    differ otherwise.
    """
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "tools.trim", "--compile", str(tree)]
    root = Path(__file__).resolve().parents[1]
    subprocess.run(command, check=True, env=environment, cwd=root)  # noqa: S603  # this file


def compile_tree(tree: Path) -> None:
    """Compiles every module under `tree`; one that this Python cannot compile is left as it is."""
    for path in files(tree):
        if path.suffix == ".py":
            name = _ROOT + path.relative_to(tree).as_posix()
            try:
                py_compile.compile(
                    str(path),
                    dfile=name,
                    doraise=True,
                    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                )
            except py_compile.PyCompileError as error:
                print(f"not compiled: {error.msg.strip().splitlines()[-1]}", file=sys.stderr)


def _zip(tree: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files(tree):
            member = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, path.read_bytes())


if __name__ == "__main__":
    if sys.argv[1] == "--compile":
        compile_tree(Path(sys.argv[2]))
    else:
        trim(Path(sys.argv[1]), Path(sys.argv[2]))
