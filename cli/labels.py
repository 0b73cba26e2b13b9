"""labels.csv: what is on the pictures of a folder (path, split, label, category, instance)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from chalicelib.errors import InvalidField, MissingField


@dataclass(frozen=True, slots=True)
class Labelled:
    """One picture of a labelled folder."""

    path: str
    """Below the folder."""
    split: str
    """`gallery` (or train): searched in; `query…` (or test): searched with."""
    same: str
    """What makes two pictures show the same: the instance, else the label."""
    category: int | None
    """Category id, where the folder says."""

    @property
    def is_gallery(self) -> bool:
        """Whether it is searched in."""
        return self.split in ("gallery", "train")

    @property
    def is_query(self) -> bool:
        """Whether it is searched with."""
        return self.split.startswith("query") or self.split == "test"


def read_labels(folder: Path) -> list[Labelled]:
    """The rows of `folder`/labels.csv, in its order. Raises MissingField, InvalidField naming the
    line.
    """
    file = folder / "labels.csv"
    if not file.is_file():
        raise MissingField(
            "folder",
            f"{file} is missing; it needs the columns path, split, label, category, instance",
        )
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        absent = {"path", "split"} - set(reader.fieldnames or ())
        if absent:
            raise InvalidField("labels", f"{file} has no column {', '.join(sorted(absent))}")
        return [_labelled(row, f"{file} line {reader.line_num}") for row in reader]


def _labelled(row: dict[str, str | None], where: str) -> Labelled:
    """One row of the file; `where` names it in what is said of mistakes. Raises InvalidField."""
    values = {name: (value or "").strip() for name, value in row.items() if name}
    if not values["path"]:
        raise InvalidField("labels", f"{where} has no path")
    text = values.get("category", "")
    if text and not text.isdigit():
        raise InvalidField("labels", f"{where}: category {text!r} is not a number")
    return Labelled(
        values["path"],
        values["split"],
        values.get("instance") or values.get("label", ""),
        int(text) if text else None,
    )
