"""Folders of pictures without an increment.meta: what would be imported, by their names."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chalicelib.jobs import increment_meta as meta
from demo.samples import TYPES

PICTURES: Final = frozenset(TYPES) | {
    ".jfif",
    ".jpe",
    ".dib",
    ".pbm",
    ".pgm",
    ".pnm",
    ".avif",
    ".heic",
    ".heif",
}
"""Endings of pictures. What of these cannot be read (HEIC; AVIF without the setting) is tried all
the same, so that its error names it.
"""
_NOT_PICTURES: Final = {
    "@eadir": "a NAS keeps previews here",
    "@recycle": "a bin",
    "#recycle": "a bin",
    "$recycle.bin": "a bin",
    "__macosx": "an archive of macOS keeps its own files here",
}
"""Folders whose pictures nobody means, in lower case, and what they are."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a folder's names say."""

    pictures: tuple[tuple[str, str], ...]
    """(product id, picture name) by name."""
    endings: tuple[tuple[str, int], ...] = ()
    """Of files that are no pictures by their names, and how many, most first."""
    left_out: tuple[tuple[str, str], ...] = ()
    """(name, reason) of pictures and folders that will not be imported, by name."""

    @property
    def others(self) -> int:
        """Files that are no pictures by their names."""
        return sum(count for _, count in self.endings)

    def lines(self) -> bytes:
        """The increment.meta that the folder lacks."""
        return b"".join(meta.dump_addition(*picture).encode() + b"\n" for picture in self.pictures)


def propose(folder: Path) -> Proposal:
    """Each picture's product is the sub-folder it lies in, or, at the top, its name without the
    ending. Hidden files are left out; whatever else is, is named.
    """
    walk = _Walk(folder)
    pictures: list[tuple[str, str]] = []
    endings: Counter[str] = Counter()
    for name in sorted(walk.files()):
        ending = Path(name).suffix.lower()
        if ending not in PICTURES:
            endings[_shown(ending) or "no ending"] += 1
        elif reason := _reason(folder, name):
            walk.left_out.append((_shown(name), reason))
        else:
            first, slash, _ = name.partition("/")
            pictures.append((first if slash else Path(name).stem, name))
    return Proposal(tuple(pictures), tuple(endings.most_common()), tuple(sorted(walk.left_out)))


@dataclass(slots=True)
class _Walk:
    """Goes through a folder and what lies in it."""

    folder: Path
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def files(self) -> Iterator[str]:
        """Names of files below the folder, hidden ones apart."""
        for place, folders, names in os.walk(self.folder, onerror=self._unreadable):
            below = Path(place).relative_to(self.folder)
            # what stays in this list is gone into next
            folders[:] = [name for name in folders if self._wanted(below / name)]
            for name in names:
                if not name.startswith("."):
                    yield (below / name).as_posix()

    def _wanted(self, below: Path) -> bool:
        """Whether to go into a folder; one that is not hidden is named if not."""
        if below.name.startswith("."):
            return False
        reason = _NOT_PICTURES.get(below.name.lower(), "")
        if (self.folder / below).is_symlink():
            reason = "a linked folder; import it by itself, or copy it"
        if reason:
            self.left_out.append((_shown(below.as_posix()), reason))
        return not reason

    def _unreadable(self, error: OSError) -> None:
        name = Path(error.filename).relative_to(self.folder).as_posix()
        self.left_out.append((_shown(name), f"cannot be read: {error.strerror}"))


def _reason(folder: Path, name: str) -> str:
    """Why the picture cannot be imported; empty where it can."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it (convmv does whole folders)"
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return "a link out of the folder; copy the file into it"
        return "" if path.is_file() else "no file: a link to nothing, a pipe or a device"
    except (OSError, RuntimeError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or 'a link to itself'}"


def _shown(name: str) -> str:
    """`name` with the bytes that are no UTF-8 spelled out."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
