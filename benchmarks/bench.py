"""What the tables of benchmarks/quality.py are made from: sets, what the network made of their
pictures, and the heads that answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import models
from chalicelib.service import Service
from chalicelib.vision.analysis import Request
from chalicelib.vision.analyze import Analyzer
from chalicelib.vision.heads import Heads
from chalicelib.vision.network import Network, Outputs
from models.build import evaluate
from models.build.folds import FOLDS, folds
from models.build.pictures import Row, rows

Matrix = npt.NDArray[np.float32]

QUERIES = (
    (Service.PRODUCT, "grocery", "query"),
    (Service.PRODUCT, "shop_luma", "query"),
    (Service.PRODUCT, "shop_devices", "query"),
    (Service.GENERIC, "edited_copies", "query"),
    (Service.GENERIC, "scene_pairs", "query"),
    (Service.FABRIC, "cloth_patches", "query"),
    (Service.FABRIC, "tile_patterns", "query"),
    (Service.TRADEMARK, "logos", "query_edit"),
    (Service.TRADEMARK, "logos", "query_mono"),
    (Service.TRADEMARK, "logos", "query_variant"),
)
DISTRACTORS = ("caltech_photos", "caltech_objects", "clothing", "shop_luma")
"""Pictures beside the originals when hard edits are looked for."""
CATEGORY_SETS = (
    "clothing",
    "caltech_objects",
    "shop_luma",
    "shop_devices",
    "shop_variants",
    "grocery",
    "abo_sample",
    "fashion_small",
)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the network made of n pictures: summaries [n, L] and ImageNet logits [n, 1000]."""

    summaries: Matrix
    logits: Matrix


class Thorough(Network):
    """Computes all parts in every pass, also those that the service at hand does not read."""

    def run(self, image: npt.NDArray[np.uint8], wanted: Collection[str] | None = None) -> Outputs:
        """One pass; `wanted` is ignored."""
        del wanted
        return super().run(image)


class Bench:
    """Sees each picture once per way of looking, and keeps that."""

    def __init__(self, build: Path, cache: Path) -> None:
        self.build, self.cache = build, cache
        cache.mkdir(parents=True, exist_ok=True)
        archives = [build / "held-out" / f"fold-{fold}.npz" for fold in range(FOLDS)]
        self.shipped = Heads()
        self.left_out = [Heads(path.read_bytes()) for path in archives if path.is_file()]

    def seen(
        self,
        name: str,
        service: Service,
        pictures: Callable[[], Iterator[bytes]],
        *,
        floating: bool = False,
    ) -> Seen:
        """`pictures` as `service` sees them; `floating`: by the network before quantisation."""
        # Cloth is seen whole; the sets' pieces are below a fabric picture's least side.
        whole = service is Service.FABRIC
        card = models.card().files["lite0.onnx"].sha256[:8]
        way = "whole" if whole else service.name.lower()
        file = self.cache / f"{name}-{way}-{'float' if floating else card}.npz"
        if not file.exists():
            analyzer = Analyzer(threads=1, network=self._network(floating=floating))
            request = Request(Service.GENERIC, crop=False) if whole else Request(service)
            seen_views = [analyzer.look(data, request).views for data in pictures()]
            summaries = np.stack(
                [self.shipped.summary([view.levels for view in views]) for views in seen_views]
            )
            np.savez(
                file,
                summaries=summaries,
                logits=np.stack(
                    [np.mean([view.logits for view in views], axis=0) for views in seen_views]
                ),
            )
        with np.load(file) as arrays:
            return Seen(arrays["summaries"], arrays["logits"])

    def _network(self, *, floating: bool) -> Network:
        """The shipped network, or the one before quantisation that `make models` leaves behind."""
        if floating:
            data = (self.build / "float.onnx").read_bytes()
            return Thorough(data, side=models.card().side, threads=1)
        return Thorough.shipped(threads=1)

    def of_set(self, name: str, service: Service, *, floating: bool = False) -> Seen:
        """The pictures of a set."""
        return self.seen(
            name, service, lambda: (row.path.read_bytes() for row in rows(name)), floating=floating
        )

    def kept(self, name: str, make: Callable[[], Matrix]) -> Matrix:
        """A yardstick's features."""
        file = self.cache / f"{name.replace(' ', '-')}.npy"
        if not file.exists():
            np.save(file, make())
        loaded: Matrix = np.load(file)
        return loaded


def features(heads: Heads, service: Service, seen: Seen) -> Matrix:
    """[n, dimension]."""
    head = heads.service(service)
    projected = seen.summaries[:, head.numbers] @ head.projection.T - head.offset
    unit: Matrix = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    return unit


def left_out(
    bench: Bench, service: Service, seen: Seen, known: list[Row], split: str
) -> evaluate.Answers:
    """Answers by the heads that were not fitted to the query's fold."""
    fold = folds(known)
    parts = [
        evaluate.ask(features(heads, service, seen), known, split, fold == left)
        for left, heads in enumerate(bench.left_out)
    ]
    return evaluate.joined(parts)


def percent(share: float | np.floating) -> str:
    """A share as a table shows it."""
    return f"{100 * float(share):.1f}"
