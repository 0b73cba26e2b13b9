"""R@1 of hard edits among other pictures, ours beside yardsticks."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks import yardsticks
from benchmarks.bench import DISTRACTORS, Bench, Matrix, Seen, features, percent
from benchmarks.edits import HARD
from chalicelib.service import Service
from models.build.folds import FOLDS, folds
from models.build.pictures import Row, read, rows


def hard(bench: Bench) -> None:
    """R@1 of each hard edit of the originals of edited_copies among distractors."""
    originals = [row for row in rows("edited_copies") if row.split == "gallery"]
    others = yardsticks.found(bench.build / "float.onnx")
    crowd = [row for name in DISTRACTORS for row in rows(name)]
    ways = ("ours, left out", *others)
    title = f"hard edit of {len(originals)} originals among {len(crowd)} other pictures, R@1"
    print(f"\n| {title} | {' | '.join(ways)} |\n|---{'|---' * len(ways)}|")
    gallery = bench.seen(
        "originals", Service.GENERIC, lambda: (row.path.read_bytes() for row in originals)
    )
    crowd_seen = [bench.of_set(name, Service.GENERIC) for name in DISTRACTORS]
    place = np.arange(len(originals))
    totals = []
    for number, edit in enumerate(HARD):
        edited = partial(_edited, originals, edit)
        seen = bench.seen(
            f"hard-{number}",
            Service.GENERIC,
            lambda e=edited: (_png(image) for image in e()),  # type: ignore[misc]
        )
        cells = [_ours(bench, folds(originals), seen, [gallery, *crowd_seen])]
        for other, describe in others.items():
            first = bench.kept(f"{other}-originals", partial(_described, describe, originals))
            more = bench.kept(f"{other}-crowd", partial(_described, describe, crowd))
            vectors = bench.kept(
                f"{other}-hard-{number}", partial(_described_edits, describe, edited)
            )
            nearest = (vectors @ np.concatenate([first, more]).T).argmax(1)
            cells.append(float((nearest == place).mean()))
        totals.append(cells)
        print(f"| {edit} | {' | '.join(map(percent, cells))} |", flush=True)
    print(f"| all | {' | '.join(map(percent, np.mean(totals, axis=0)))} |")


def _ours(bench: Bench, fold: npt.NDArray[np.int64], seen: Seen, known: list[Seen]) -> float:
    """Share of the edited pictures whose original, at the same place in `known`, is nearest, by the
    heads that were not fitted to its fold.
    """
    place = np.arange(len(fold))
    right = np.zeros(len(fold), np.bool_)
    for left, heads in enumerate(bench.left_out or [bench.shipped] * FOLDS):
        base = np.concatenate([features(heads, Service.GENERIC, each) for each in known])
        nearest = (features(heads, Service.GENERIC, seen) @ base.T).argmax(1)
        right[fold == left] = (nearest == place)[fold == left]
    return float(right.mean())


def _described(describe: Callable[[Image.Image], Matrix], known: list[Row]) -> Matrix:
    """A yardstick's features of files, [n, d]."""
    return np.stack([describe(read(row.path)) for row in known])


def _described_edits(
    describe: Callable[[Image.Image], Matrix], edited: Callable[[], Iterator[Image.Image]]
) -> Matrix:
    """A yardstick's features of edits, [n, d]."""
    return np.stack([describe(image) for image in edited()])


def _edited(originals: list[Row], edit: str) -> Iterator[Image.Image]:
    for number, row in enumerate(originals):
        yield HARD[edit](read(row.path), Random(f"{edit}{number}"))


def _png(image: Image.Image) -> bytes:
    """The picture as a caller sends it: a thumbnail enlarged to the least side there may be."""
    scale = Service.GENERIC.min_side / min(image.size)
    if scale > 1:
        image = image.resize(
            (math.ceil(image.width * scale), math.ceil(image.height * scale)),
            Image.Resampling.BICUBIC,
        )
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
