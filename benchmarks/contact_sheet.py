"""Contact sheets: pictures with the subjects that vision finds, to be looked at.

    python -m benchmarks.contact_sheet FOLDER_OR_SET… --out screenshots --each 30

The first region (the one whose feature is used) is drawn green, further subjects orange, a mark's
symbol blue; the saliency map stands beside each picture.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from chalicelib.errors import BadPicture
from chalicelib.service import Service
from chalicelib.vision import evidence, subject, symbol
from chalicelib.vision.decode import Limits, decode
from chalicelib.vision.network import Network
from chalicelib.vision.picture import margins

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CELL = 200
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm"))


def main() -> None:
    """Writes one PNG per folder and prints its path."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folders", nargs="+", help="a folder of pictures, or the name of a set in ../shared/data"
    )
    parser.add_argument("--out", type=Path, default=Path("screenshots"))
    parser.add_argument("--each", type=int, default=30)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument(
        "--type", type=Service.named, default=Service.PRODUCT, help="product, generic or trademark"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    network = Network.shipped(threads=1)
    for name in given.folders:
        folder = Path(name) if Path(name).is_dir() else DATA / name
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        paths = random.Random(given.seed).sample(paths, min(given.each, len(paths)))
        cells = [cell for path in paths for cell in _cell(path, network, given.type)]
        target = given.out / f"{folder.name}.png"
        _sheet(cells, given.columns).save(target)
        print(target)


def _cell(path: Path, network: Network, service: Service) -> Iterator[Image.Image]:
    """The picture with its boxes over its saliency map; nothing for a file that is no picture."""
    try:
        picture = decode(path.read_bytes(), limits=Limits(min_side=16))
    except BadPicture as error:
        print(f"{path.name}: {error}")
        return
    square = picture.letterbox(side=network.side)
    saliency = network.run(square).saliency
    drawn = evidence.from_pixels(picture) if service is Service.TRADEMARK else None
    found = subject.find(picture, drawn or evidence.gather(picture, square, saliency), service)
    outlined = [
        (region, (0, 220, 0) if number == 0 else (255, 140, 0))
        for number, region in enumerate(found)
    ]
    sign = (
        symbol.find(found[0], picture.letterbox(found[0], side=network.side))
        if service is Service.TRADEMARK
        else None
    )
    if sign is not None:
        outlined.append((sign, (60, 90, 255)))
    shown = Image.fromarray(picture.letterbox(side=CELL))
    drawing = ImageDraw.Draw(shown)
    left, top, across, down = margins(picture.width, picture.height, CELL)
    for region, colour in reversed(outlined):
        x, y = across / picture.width, down / picture.height
        box = (
            left + region.x1 * x,
            top + region.y1 * y,
            left + region.x2 * x - 1,
            top + region.y2 * y - 1,
        )
        drawing.rectangle(box, outline=colour, width=3 if region == found[0] else 2)
    whole = Image.new("RGB", (CELL, CELL + CELL // 2), "white")
    whole.paste(shown, (0, 0))
    grey = Image.fromarray(
        (saliency / max(float(saliency.max()), 1e-6) * 255).astype(np.uint8)
    ).resize((CELL // 2, CELL // 2))
    whole.paste(grey, (0, CELL))
    ImageDraw.Draw(whole).text((CELL // 2 + 4, CELL + 4), path.name, fill="black")
    yield whole


def _sheet(cells: list[Image.Image], columns: int) -> Image.Image:
    rows = -(-len(cells) // columns)
    height = CELL + CELL // 2
    sheet = Image.new("RGB", (columns * (CELL + 4), rows * (height + 4)), "white")
    for number, cell in enumerate(cells):
        sheet.paste(cell, (number % columns * (CELL + 4), number // columns * (height + 4)))
    return sheet


if __name__ == "__main__":
    main()
