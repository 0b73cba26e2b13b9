"""Folders of pictures without an increment.meta: what would be imported, by their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib.jobs import increment_meta as meta
from demo.samples import TYPES


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a folder's names say."""

    pictures: tuple[tuple[str, str], ...]
    """(product id, picture name) by name."""
    others: int
    """Files that are no pictures by their names."""

    def lines(self) -> bytes:
        """The increment.meta that the folder lacks."""
        return b"".join(meta.dump_addition(*picture).encode() + b"\n" for picture in self.pictures)


def propose(folder: Path) -> Proposal:
    """Each picture's product is the sub-folder it lies in, or, at the top, its name without the
    ending. Hidden files are left out.
    """
    pictures: list[tuple[str, str]] = []
    others = 0
    for name in sorted(_files(folder)):
        first, slash, _ = name.partition("/")
        if Path(name).suffix.lower() in TYPES:
            pictures.append((first if slash else Path(name).stem, name))
        else:
            others += 1
    return Proposal(tuple(pictures), others)


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            yield relative.as_posix()
