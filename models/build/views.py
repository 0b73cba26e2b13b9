"""Levels of the training pictures and of edited versions of them, extracted once with the shipped
network and kept in a folder.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chalicelib.inference import onnxruntime
from chalicelib.service import Service
from chalicelib.vision import evidence, subject, symbol
from chalicelib.vision.picture import Picture
from models.build import augment
from models.build.network import SIDE
from models.build.pictures import Row, read, rows

LONGEST = 420
"""Pictures are reduced to this before they are edited: the network sees 224 pixels."""
EDITS: dict[str, augment.Edit] = {
    "copy": augment.copy,
    "mark": augment.mark,
    "cloth": augment.cloth,
    "photo": augment.photo,
}
TWO_VIEWS = frozenset({"mark", "photo"})
PROCESSES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Levels float16 [n, v, L] and logits float16 [n, v, 1000]: v = whole, crop and, for marks,
    symbol (else the crop again).

    For edits [n, k, v, …]; `rows` says of which rows.
    """

    levels: NDArray[np.float16]
    logits: NDArray[np.float16]
    rows: NDArray[np.int64]


@functools.cache
def session(network: Path) -> onnxruntime.InferenceSession:
    """Return the network on one thread; one per process."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(network), options, providers=["CPUExecutionProvider"])


def service_of(row: Row) -> Service:
    """Return the service whose crop a set is cut with."""
    return Service.TRADEMARK if row.set == "logos" else Service.PRODUCT


def look(
    network: Path, image: Image.Image, service: Service, *, crop: bool
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Return levels [v, L] and logits [v, 1000] of the whole picture and, if asked for, of its
    subject; of a mark, its symbol too.
    """
    picture = Picture(image.width, image.height, image)
    square = picture.letterbox(side=SIDE)
    levels, logits, saliency = session(network).run(None, {"image": square[None]})
    seen = [(levels, logits)]
    if crop:
        # As the analyzer does it: a trade mark's ground is known from its pixels.
        known = evidence.from_pixels(picture) if service is Service.TRADEMARK else None
        region = subject.find(
            picture, known or evidence.gather(picture, square, saliency[0]), service
        )[0]
        part = picture.letterbox(region, side=SIDE)
        seen.append(seen[0] if region == picture.region else _pass(network, part))
        if service is Service.TRADEMARK:
            sign = symbol.find(region, part)
            seen.append(
                seen[1] if sign is None else _pass(network, picture.letterbox(sign, side=SIDE))
            )
    return np.concatenate([one for one, _ in seen]).astype(np.float16), np.concatenate(
        [two for _, two in seen]
    ).astype(np.float16)


def _pass(
    network: Path, square: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    levels, logits = session(network).run(["levels", "logits"], {"image": square[None]})
    return levels, logits


def _plain(row: Row, network: Path) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    return look(network, read(row.path), service_of(row), crop=True)


def _cloth_of(image: Image.Image, network: Path) -> Image.Image:
    """Return the middle of the garment in a photograph."""
    picture = Picture(image.width, image.height, image)
    square = picture.letterbox(side=SIDE)
    saliency = session(network).run(["saliency"], {"image": square[None]})[0][0]
    box = subject.find(picture, evidence.gather(picture, square, saliency), Service.PRODUCT)[0]
    across, down = box.width // 4, box.height // 4
    return image.crop((box.x1 + across, box.y1 + down, box.x2 - across, box.y2 - down))


def _edited(
    task: tuple[int, Row], network: Path, kind: str, count: int
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Levels [count, v, L] and logits [count, v, 1000] of `count` edits of a (number, row)."""
    number, row = task
    image = read(row.path)
    image.thumbnail((LONGEST, LONGEST))
    if kind == "cloth" and row.set == "clothing":
        image = _cloth_of(image, network)
    found = [
        look(
            network,
            EDITS[kind](image, Random(f"{kind}-{row.set}{number}-{j}")),
            service_of(row),
            crop=kind in TWO_VIEWS,
        )
        for j in range(count)
    ]
    return np.stack([levels for levels, _ in found]), np.stack([logits for _, logits in found])


def _gather(cache: Path, name: str, make: Callable[[], Views]) -> Views:
    file = cache / f"{name}.npz"
    if not file.exists():
        views = make()
        np.savez(file, levels=views.levels, logits=views.logits, rows=views.rows)
    with np.load(file) as arrays:
        return Views(arrays["levels"], arrays["logits"], arrays["rows"])


def labelled(name: str, network: Path, cache: Path) -> Views:
    """Return whole and crop of every picture of a set."""

    def make() -> Views:
        with Pool(PROCESSES) as pool:
            found = pool.map(functools.partial(_plain, network=network), rows(name), chunksize=8)
        return Views(
            np.stack([a for a, _ in found]), np.stack([b for _, b in found]), np.arange(len(found))
        )

    return _gather(cache, f"plain-{name}", make)


def edited(
    name: str, kind: str, count: int, chosen: Sequence[int], network: Path, cache: Path
) -> Views:
    """Return `count` edits of the chosen rows of a set."""

    def make() -> Views:
        all_rows = rows(name)
        with Pool(PROCESSES) as pool:
            work = functools.partial(_edited, network=network, kind=kind, count=count)
            found = pool.map(work, [(i, all_rows[i]) for i in chosen], chunksize=8)
        return Views(
            np.stack([a for a, _ in found]),
            np.stack([b for _, b in found]),
            np.asarray(chosen, np.int64),
        )

    return _gather(cache, f"{kind}{count}-{name}", make)
