"""What one picture costs: CPU milliseconds from bytes to feature, per service and per step, one
thread.

    python -m benchmarks.vision [--pictures 60] [--seed 1]

Photographs of three sizes, and marks on white, are drawn by the script, so that it runs anywhere;
medians over all of them.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import PIL
from PIL import Image, ImageDraw, ImageFilter

from chalicelib.inference import onnxruntime
from chalicelib.service import Service
from chalicelib.vision import evidence, subject
from chalicelib.vision.analysis import Request
from chalicelib.vision.analyze import Analyzer, parts_read
from chalicelib.vision.decode import Limits, decode
from chalicelib.vision.heads import FloatVector, Heads, ServiceHead
from chalicelib.vision.network import Network

SIZES = ((640, 480), (1600, 1200), (4000, 3000))


def main() -> None:
    """Prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"onnxruntime {onnxruntime.__version__}"
    )
    print(
        f"Pillow {PIL.__version__}, NumPy {np.__version__}; {given.pictures} pictures, seed "
        f"{given.seed}"
    )
    print("CPU ms of one thread, median (lowest)\n")
    pictures = {size: list(_photographs(size, given.pictures, given.seed)) for size in SIZES}
    analyzer = Analyzer(threads=1)
    header = " | ".join(f"{width} × {height}" for width, height in SIZES)
    print(f"| service | {header} |\n|---|{'---|' * len(SIZES)}")
    for service in Service:
        cells = [
            _timed([_analysis(analyzer, data, service) for data in pictures[size]])
            for size in SIZES
        ]
        print(f"| {service.name.lower()} | {' | '.join(cells)} |")
    for name, lettered in (("mark on white", False), ("mark on white beside lettering", True)):
        drawn = [
            list(_marks(size, given.pictures, given.seed, lettered=lettered)) for size in SIZES
        ]
        cells = [
            _timed([_analysis(analyzer, data, Service.TRADEMARK) for data in marks])
            for marks in drawn
        ]
        print(f"| trademark, {name} | {' | '.join(cells)} |")
    _steps(pictures[SIZES[0]])


def _analysis(analyzer: Analyzer, data: bytes, service: Service) -> Callable[[], object]:
    return lambda: analyzer.analyze(data, Request(service))


def _coded(head: ServiceHead, summary: FloatVector) -> object:
    return head.code(head.feature(summary))


def _steps(pictures: list[bytes]) -> None:
    """The second table: the steps of a product picture."""
    network, heads = Network.shipped(threads=1), Heads()
    head, categories = heads.service(Service.PRODUCT), heads.categories
    steps: dict[str, list[Callable[[], object]]] = defaultdict(list)
    for data in pictures:
        picture = decode(data, limits=Limits())
        square = picture.letterbox(side=network.side)
        output = network.run(square)
        known = evidence.gather(picture, square, output.saliency)
        summary = heads.summary([output.levels])
        steps["decode"].append(partial(decode, data, limits=Limits()))
        steps["letterbox"].append(partial(picture.letterbox, side=network.side))
        steps["network, all parts"].append(partial(network.run, square))
        steps["network, for a box"].append(partial(network.run, square, {"saliency"}))
        for service in Service:
            run = partial(network.run, square, parts_read(service))
            steps[f"network, {service.name.lower()}"].append(run)
        steps["evidence"].append(partial(evidence.gather, picture, square, output.saliency))
        steps["boxes"].append(partial(subject.find, picture, known, Service.PRODUCT))
        steps["summary of levels"].append(partial(heads.summary, [output.levels]))
        steps["feature and code"].append(partial(_coded, head, summary))
        steps["categories"].append(partial(categories.probabilities, summary, output.logits))
    print(f"| step, {SIZES[0][0]} × {SIZES[0][1]} | ms |\n|---|---|")
    for name, calls in steps.items():
        print(f"| {name} | {_timed(calls)} |")


def _timed(calls: list[Callable[[], object]]) -> str:
    """Median and lowest CPU milliseconds of the calls, after one that does not count."""
    calls[0]()
    spent = []
    for call in calls:
        started = time.process_time()
        call()
        spent.append(1000 * (time.process_time() - started))
    return f"{statistics.median(spent):.1f} ({min(spent):.1f})"


def _photographs(size: tuple[int, int], count: int, seed: int) -> Iterator[bytes]:
    """JPEGs of a blob with texture before a blurred, uneven ground."""
    dice = np.random.default_rng(seed)
    for _ in range(count):
        ground = Image.fromarray(dice.integers(0, 255, (12, 16, 3), np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        thing = Image.fromarray(dice.integers(0, 255, (60, 60, 3), np.uint8)).resize(
            (size[0] // 2, size[1] // 2), Image.Resampling.BICUBIC
        )
        shape = (
            Image.fromarray(dice.integers(0, 255, (5, 5), np.uint8))
            .resize(thing.size, Image.Resampling.BICUBIC)
            .filter(ImageFilter.GaussianBlur(4))
        )
        ground.paste(thing, (size[0] // 4, size[1] // 4), shape)
        yield _jpeg(ground)


def _marks(size: tuple[int, int], count: int, seed: int, *, lettered: bool) -> Iterator[bytes]:
    """JPEGs of a polygon on white, if asked for with a row of bars beside it."""
    dice = np.random.default_rng(seed)
    width, height = size
    side = min(width // 4 if lettered else width // 2, height // 2)
    for _ in range(count):
        ground = Image.new("RGB", size, "white")
        draw = ImageDraw.Draw(ground)
        colour = tuple(dice.integers(0, 180, 3).tolist())
        turns = np.sort(dice.random(9)) * 2 * np.pi
        left, middle = width // 12 + side // 2 if lettered else width // 2, height // 2
        draw.polygon(
            [(left + side / 2 * np.cos(turn), middle + side / 2 * np.sin(turn)) for turn in turns],
            fill=colour,
        )
        for number in range(8 if lettered else 0):
            x = left + side + number * side // 4
            draw.rectangle((x, middle - side // 4, x + side // 9, middle + side // 4), fill=colour)
        yield _jpeg(ground)


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


if __name__ == "__main__":
    main()
