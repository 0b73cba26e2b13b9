"""What the package weighs, by dependency; fails over the budget.

python -m tools.size deployment.zip
"""

from __future__ import annotations

import hashlib
import re
import sys
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ALIASES: Final = {"pil": "pillow", "dateutil": "python_dateutil"}
BUDGET: Final = 180 * 2**20
"""Ours, unzipped bytes; leaves room for growth."""
LIMIT: Final = 250 * 2**20
"""Lambda's."""
NEEDED: Final = (
    "app.py",
    "chalicelib/__init__.py",
    "chalice/app.py",
    "models/__init__.py",
    "numpy/__init__.py",
    "onnxruntime/__init__.py",
    "PIL/__init__.py",
    "usearch/__init__.py",
    "botocore/__init__.py",
)
"""Chalice reports success when it could not install something (studies: Python 3.11); then one of
these is missing.
"""


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one part of the package."""

    part: str
    zipped: int
    unzipped: int


def weights(archive: Path) -> list[Weight]:
    """The parts, heaviest first. Libraries and their `.libs` and `.dist-info` count as one."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            top = member.filename.split("/")[0]
            part = re.sub(r"(\.libs|-[\d.]+(post\d+)?\.(dist-info|data)|\.py)$", "", top).lower()
            sum_ = sums[_ALIASES.get(part, part)]
            sum_[0] += member.compress_size
            sum_[1] += member.file_size
    return sorted(
        (Weight(part, *pair) for part, pair in sums.items()), key=lambda weight: -weight.unzipped
    )


def missing(archive: Path) -> list[str]:
    """Of NEEDED, what is not in the package."""
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    return [name for name in NEEDED if name not in names]


def check(archive: Path) -> None:
    """Prints the table. Raises SystemExit over BUDGET, which is below LIMIT, or when something is
    missing.
    """
    rows = weights(archive)
    zipped, unzipped = archive.stat().st_size, sum(row.unzipped for row in rows)
    print(f"{'part':<22}{'zipped MiB':>12}{'unzipped MiB':>14}")
    for row in rows:
        print(f"{row.part:<22}{row.zipped / 2**20:>12.1f}{row.unzipped / 2**20:>14.1f}")
    print(
        f"{'total':<22}{zipped / 2**20:>12.1f}{unzipped / 2**20:>14.1f}"
        f"   budget {BUDGET >> 20}, Lambda's limit {LIMIT >> 20}"
    )
    print(f"sha256 {hashlib.sha256(archive.read_bytes()).hexdigest()}")
    absent = missing(archive)
    if absent:
        raise SystemExit(
            f"the package lacks {', '.join(absent)}:"
            " a requirement has no wheel for this Python and machine"
        )
    if unzipped > BUDGET:
        raise SystemExit(
            f"the package is {(unzipped - BUDGET) / 2**20:.1f} MiB over the budget;"
            " see DROPPED in tools/trim.py"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).exists():
        raise SystemExit("there is no package yet; run: make package")
    check(Path(sys.argv[1]))
