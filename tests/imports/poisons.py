"""What people, disks and newer versions do to a running server: each of these cost more than itself
once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.imports.shop import add, drawn

Poison = Callable[[Path], None]
"""Given the state folder of a server: `data` is its store, `buckets` and `queue` lie beside."""


def _lines(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "good.jpg").write_bytes(drawn(1))
    text = "\n".join(json.dumps(add("p", name)) for name in [*names, "good.jpg"])
    (folder / "increment.meta").write_text(text)


def long_name(state: Path) -> None:
    _lines(state / "buckets" / "poison" / "long", "ü" * 137 + ".jpg", "x" * 250 + "/" + "y" * 5)


def self_link(state: Path) -> None:
    folder = state / "buckets" / "poison" / "links"
    _lines(folder, "loop.jpg", "ring/a.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "ring").symlink_to("ring")


def no_files(state: Path) -> None:
    folder = state / "buckets" / "poison" / "kinds"
    _lines(folder, "pipe.jpg", "folder.jpg", "empty.jpg", "cut.jpg", "noise.jpg")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "folder.jpg").mkdir()
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(drawn(2)[:200])
    (folder / "noise.jpg").write_bytes(os.urandom(5000))


def bad_lines(state: Path) -> None:
    folder = state / "buckets" / "poison" / "lines"
    _lines(folder, "a\0b.jpg", "../../keys.json", "/etc/passwd")
    with (folder / "increment.meta").open("ab") as file:
        file.write(b"\n{\n\xff\xfe\n" + b"[" * 70_000 + b"\n" + b'{"a":' * 20_000 + b"\n")


FOLDERS: Final[Mapping[str, Poison]] = {
    "long": long_name,
    "links": self_link,
    "kinds": no_files,
    "lines": bad_lines,
}
"""Folders of the bucket `poison`, made by these; each to be imported."""


def _message(state: Path, number: int, data: bytes) -> None:
    waiting = state / "queue" / "waiting"
    waiting.mkdir(parents=True, exist_ok=True)
    (waiting / f"{number:020d}-{number:032x}-0").write_bytes(data)


def messages(state: Path) -> None:
    newer = {"do": "slice", "collection": "product", "job": 1, "slice": 0, "attempt": "a", "x": 1}
    bodies = (json.dumps(newer).encode(), b'{"do":"fly","collection":"product","job":1}', b"\xff")
    for number, body in enumerate(bodies, 1):
        _message(state, number, body)


def strays(state: Path) -> None:
    collection = next((state / "data" / "objects" / "collections").glob("fabric/*/"))
    for folder in (
        state / "queue" / "waiting",
        state / "queue" / "taken",
        state / "data" / "objects" / "collections",
        state / "data" / "objects" / "collections" / "fabric" / "jobs" / "imports",
        collection / "log",
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")


def damaged_job(state: Path) -> None:
    folder = state / "data" / "objects" / "collections" / "fabric" / "jobs" / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{17:016d}.json").write_text("{}")


def damaged_collection(state: Path) -> None:
    for manifest in (state / "data" / "objects" / "collections" / "trademark").rglob("manifest*"):
        manifest.write_text("{}")


FILES: Final[Mapping[str, Poison]] = {
    "messages": messages,
    "strays": strays,
    "damaged job": damaged_job,
    "damaged collection": damaged_collection,
}
"""What is put beside a running server."""
