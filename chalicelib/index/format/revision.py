"""What became of a segment's rows after it was written (docs/FORMAT.md §5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from chalicelib.index.format.bundle import Array, Bundle, encode
from chalicelib.index.format.table import Override, RowIds, merged
from chalicelib.index.format.text import Text


@dataclass(frozen=True, slots=True, eq=False)
class Revision:
    """Deletions and new attributes, over an immutable segment."""

    dead: RowIds = field(default_factory=lambda: np.empty(0, np.int64))
    """Ascending."""
    changed: Mapping[str, Override] = field(default_factory=dict)

    def then(self, dead: RowIds, changed: Mapping[str, Override]) -> Revision:
        """The same with more."""
        return Revision(np.union1d(self.dead, dead), merged(self.changed, changed))

    @property
    def rows_changed(self) -> int:
        """Rows with a new attribute."""
        ids = [override.rows for override in self.changed.values()]
        return len(np.unique(np.concatenate(ids))) if ids else 0


def revision_path(revision_id: str) -> str:
    """Within the generation's folder."""
    return f"revisions/{revision_id}"


def encode_revision(revision: Revision) -> tuple[bytes, str]:
    """The object's bytes and the sha256 of its header."""
    arrays: dict[str, Array] = {"dead": revision.dead.astype(np.uint32)}
    for name, override in revision.changed.items():
        arrays[f"{name}.rows"] = override.rows.astype(np.uint32)
        if isinstance(override.values, Text):
            arrays[f"{name}.text"], arrays[f"{name}.ends"] = (
                override.values.data,
                override.values.ends,
            )
        else:
            arrays[f"{name}.values"] = override.values
    return encode("revision", {}, arrays)


def decode_revision(key: str, data: memoryview, sha256: str) -> Revision:
    """The inverse of `encode_revision`. Verifies all of it. Raises CorruptObject, FormatTooNew."""
    arrays = Bundle(key, data, "revision", sha256=sha256)
    arrays.check()
    changed: dict[str, Override] = {}
    for array in arrays:
        name, _, what = array.rpartition(".")
        if what == "rows":
            values = (
                arrays[f"{name}.values"]
                if f"{name}.values" in arrays
                else Text(arrays[f"{name}.text"], arrays[f"{name}.ends"])
            )
            changed[name] = Override(arrays[array].astype(np.int64), values)
    return Revision(arrays["dead"].astype(np.int64), changed)
