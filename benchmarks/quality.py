"""How good the answers are: retrieval, hard edits, categories, Scores and codes on the sets of
../shared/data, beside yardsticks.

    python -m benchmarks.quality [--build build/models] [--cache build/quality] [--only search hard
    categories scores codes float]

Everything runs through chalicelib.vision. "left out" is measured with heads that never saw the
query's fold: products, brands, cloths and originals of queries in a fold are unknown to the heads
that answer them (`make models` leaves these heads in build/models/held-out); "shipped" is the set
of models/, which was fitted to all folds. Features are kept in --cache between runs.
"""

from __future__ import annotations

import argparse
import functools
import io
import itertools
import math
import os
import platform
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

import models
from benchmarks import yardsticks
from benchmarks.edits import HARD
from chalicelib.index.read.search import SHORTLIST
from chalicelib.service import Service
from chalicelib.vision.analysis import Request
from chalicelib.vision.analyze import Analyzer
from chalicelib.vision.heads import Heads
from chalicelib.vision.network import Network, Outputs
from models.build import evaluate
from models.build.folds import FOLDS, folds
from models.build.imagenet import CATEGORIES, NAMES
from models.build.pictures import Row, read, rows

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
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)


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
        card = models.card().files["lite0.onnx"].sha256[:8]
        file = (
            self.cache
            / f"{name}-{'whole' if service is Service.FABRIC else service.name.lower()}-{'float' if floating else card}.npz"
        )
        if not file.exists():
            floats = self.build / "float.onnx"
            network = (
                Thorough(floats.read_bytes(), side=224, threads=1)
                if floating
                else Thorough.shipped(threads=1)
            )
            analyzer = Analyzer(threads=1, network=network)
            # Cloth is seen whole; the sets' pieces are below a fabric picture's least side.
            request = (
                Request(Service.GENERIC, crop=False)
                if service is Service.FABRIC
                else Request(service)
            )
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


def search(bench: Bench) -> None:
    """R@1, R@5 and mAP per set and split."""
    others = yardsticks.found(bench.build / "float.onnx")
    titles = (
        "service",
        "set, split",
        "queries → gallery",
        "left out R@1",
        "R@5",
        "mAP",
        "shipped R@1",
        *(f"{name} R@1" for name in others),
    )
    print(f"\n| {' | '.join(titles)} |")
    print("|---" * len(titles) + "|")
    for service, name, split in QUERIES:
        known, seen = rows(name), bench.of_set(name, service)
        ours = left_out(bench, service, seen, known, split) if bench.left_out else None
        shipped = evaluate.ask(features(bench.shipped, service, seen), known, split)
        cells = [
            service.name.lower(),
            f"{name} {split}",
            f"{len(shipped.right)} → {shipped.right.shape[1]}",
        ]
        cells += (
            [
                _percent(ours.recall(1)),
                _percent(ours.recall(5)),
                _percent(ours.mean_average_precision()),
            ]
            if ours
            else ["", "", ""]
        )
        cells.append(_percent(shipped.recall(1)))
        for other, describe in others.items():
            vectors = bench.kept(
                f"{other}-{name}",
                lambda d=describe, k=known: np.stack([d(read(row.path)) for row in k]),  # type: ignore[misc]
            )
            cells.append(_percent(evaluate.ask(vectors, known, split).recall(1)))
        print(f"| {' | '.join(cells)} |", flush=True)


def hard(bench: Bench) -> None:
    """R@1 of each hard edit of the originals of edited_copies among distractors."""
    originals = [row for row in rows("edited_copies") if row.split == "gallery"]
    others = yardsticks.found(bench.build / "float.onnx")
    crowd = [row for name in DISTRACTORS for row in rows(name)]
    ways = {
        "ours, left out": np.empty((0, 0), np.float32),
        **{name: np.empty((0, 0), np.float32) for name in others},
    }
    print(
        f"\n| hard edit of {len(originals)} originals among {len(crowd)} other pictures, R@1 | {' | '.join(ways)} |\n|---"
        + "|---" * len(ways)
        + "|"
    )
    fold, place = folds(originals), np.arange(len(originals))
    gallery = bench.seen(
        "originals", Service.GENERIC, lambda: (row.path.read_bytes() for row in originals)
    )
    crowd_seen = [bench.of_set(name, Service.GENERIC) for name in DISTRACTORS]
    totals = []
    for number, edit in enumerate(HARD):
        edited = functools.partial(_edited, originals, edit)
        seen = bench.seen(
            f"hard-{number}",
            Service.GENERIC,
            lambda e=edited: (_png(image) for image in e()),  # type: ignore[misc]
        )
        cells = []
        right = np.zeros(len(originals), np.bool_)
        for left, heads in enumerate(bench.left_out or [bench.shipped] * FOLDS):
            base = np.concatenate(
                [features(heads, Service.GENERIC, each) for each in (gallery, *crowd_seen)]
            )
            nearest = (features(heads, Service.GENERIC, seen) @ base.T).argmax(1)
            right[fold == left] = (nearest == place)[fold == left]
        cells.append(float(right.mean()))
        for other, describe in others.items():
            base = np.concatenate(
                [
                    bench.kept(
                        f"{other}-originals",
                        lambda d=describe: np.stack([d(read(row.path)) for row in originals]),  # type: ignore[misc]
                    ),
                    bench.kept(
                        f"{other}-crowd",
                        lambda d=describe: np.stack([d(read(row.path)) for row in crowd]),  # type: ignore[misc]
                    ),
                ]
            )
            vectors = bench.kept(
                f"{other}-hard-{number}",
                lambda d=describe, e=edited: np.stack([d(image) for image in e()]),  # type: ignore[misc]
            )
            cells.append(float(((vectors @ base.T).argmax(1) == place).mean()))
        totals.append(cells)
        print(f"| {edit} | {' | '.join(map(_percent, cells))} |", flush=True)
    print(f"| all | {' | '.join(map(_percent, np.mean(totals, axis=0)))} |")


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


def categories(bench: Bench) -> None:
    """Accuracy per set and per category: on test splits where there are, else by the heads that the
    fold was left out of.
    """
    print("\n| set | pictures | right % | right or borderline % |\n|---|---|---|---|")
    full: list[tuple[int, bool]] = []
    for name in CATEGORY_SETS:
        known, seen = rows(name), bench.of_set(name, Service.PRODUCT)
        split, fold = np.array([row.split for row in known]), folds(known)
        tested = np.array([row.category != "" for row in known]) & (
            (split == "test") if "train" in split and name != "fashion_small" else True
        )
        strict, lenient = [], []
        for i in np.flatnonzero(tested):
            heads = bench.left_out[fold[i]] if bench.left_out else bench.shipped
            said = heads.categories.probabilities(seen.summaries[i], seen.logits[i])[0][0]
            strict.append(said == int(known[i].category))
            lenient.append(
                strict[-1] or known[i].note("borderline") == NAMES[CATEGORIES.index(said)]
            )
            if name != "fashion_small":
                full.append((int(known[i].category), strict[-1]))
        print(
            f"| {name} | {len(strict)} | {_percent(np.mean(strict))} | {_percent(np.mean(lenient))} |",
            flush=True,
        )
    print("\n| category | full-size pictures | right % |\n|---|---|---|")
    shares = {}
    for number, name in zip(CATEGORIES, NAMES, strict=True):
        right = [each for category, each in full if category == number]
        shares[name] = (len(right), float(np.mean(right)) if right else 0.0)
        print(f"| {name} | {len(right)} | {_percent(shares[name][1]) if right else '–'} |")
    print(
        f"| mean of categories with 30 or more | | {_percent(np.mean([share for count, share in shares.values() if count >= 30]))} |"
    )


def scores(bench: Bench) -> None:
    """Of the first five answers of each query: how many lie in each range of Scores, and how many
    of those are right.
    """
    header = " | ".join(f"{low:g} – {min(high, 1):g}" for low, high in itertools.pairwise(BINS))
    print(f"\n| right % (answers) at Score | {header} |\n|---" + "|---" * (len(BINS) - 1) + "|")
    for service in Service:
        said, right = [], []
        for _, name, split in (query for query in QUERIES if query[0] is service):
            known, seen = rows(name), bench.of_set(name, service)
            answers = left_out(bench, service, seen, known, split)
            curve = bench.shipped.service(service).curve
            said.append(
                np.interp(answers.similarities[:, :5].ravel(), curve.similarities, curve.scores)
            )
            right.append(answers.right[:, :5].ravel())
        score, truth = np.concatenate(said), np.concatenate(right)
        cells = []
        for low, high in itertools.pairwise(BINS):
            inside = (score >= low) & (score < high)
            cells.append(
                f"{100 * truth[inside].mean():.0f} ({inside.sum()})" if inside.any() else "–"
            )
        print(f"| {service.name.lower()} | {' | '.join(cells)} |", flush=True)


def codes(bench: Bench) -> None:
    """Recall@10 of a shortlist by codes, re-ranked with int8 features, against an exact scan of
    float features.
    """
    print(f"\n| service | pictures | recall@10 of {SHORTLIST} by code, re-ranked |\n|---|---|---|")
    for service in Service:
        sets = {
            "product": CATEGORY_SETS,
            "generic": (*DISTRACTORS, "edited_copies"),
            "fabric": ("cloth_patches", "tile_patterns"),
        }
        seen = [bench.of_set(name, service) for name in sets.get(service.name.lower(), ("logos",))]
        vectors = np.concatenate([features(bench.shipped, service, each) for each in seen])
        head = bench.shipped.service(service)
        bits = vectors @ head.rotation.T > head.threshold
        signs = bits.astype(np.float32) * 2 - 1
        scale = np.abs(vectors).max(1, keepdims=True) / 127
        stored = np.round(vectors / scale) * scale
        asked = np.random.default_rng(0).permutation(len(vectors))[:500]
        hits = 0
        for query in asked:
            exact = np.argsort(-(vectors @ vectors[query]), kind="stable")[1:11]
            near = np.argsort(-(signs @ signs[query]), kind="stable")[: SHORTLIST + 1]
            again = near[np.argsort(-(stored[near] @ vectors[query]), kind="stable")]
            hits += len(np.intersect1d(again[again != query][:10], exact))
        print(
            f"| {service.name.lower()} | {len(vectors)} | {100 * hits / (10 * len(asked)):.1f} |",
            flush=True,
        )


def floating(bench: Bench) -> None:
    """R@1 of the shipped heads over the quantised network and over the network before that."""
    print("\n| service | set, split | quantised R@1 | float R@1 |\n|---|---|---|---|")
    for service, name, split in QUERIES:
        both = [
            evaluate.ask(
                features(bench.shipped, service, bench.of_set(name, service, floating=each)),
                rows(name),
                split,
            ).recall(1)
            for each in (False, True)
        ]
        print(
            f"| {service.name.lower()} | {name} {split} | {_percent(both[0])} | {_percent(both[1])} |",
            flush=True,
        )


def _percent(share: float | np.floating) -> str:
    return f"{100 * float(share):.1f}"


PARTS = {
    "search": search,
    "hard": hard,
    "categories": categories,
    "scores": scores,
    "codes": codes,
    "float": floating,
}


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=Path("build/models"))
    parser.add_argument("--cache", type=Path, default=Path("build/quality"))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    given = parser.parse_args()
    bench = Bench(given.build, given.cache)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, onnxruntime {onnxruntime.__version__},",
        end=" ",
    )
    print(
        f"NumPy {np.__version__}; seeds fixed; left-out heads: {'yes' if bench.left_out else 'no, run `make models`'}"
    )
    for name in given.only:
        PARTS[name](bench)


if __name__ == "__main__":
    main()
