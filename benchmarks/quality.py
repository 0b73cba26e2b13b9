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
import itertools
import os
import platform
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import yardsticks
from benchmarks.bench import (
    CATEGORY_SETS,
    DISTRACTORS,
    QUERIES,
    Bench,
    Matrix,
    features,
    left_out,
    percent,
)
from benchmarks.hard import hard
from chalicelib.index.read.search import SHORTLIST
from chalicelib.inference import onnxruntime
from chalicelib.service import Service
from models.build import evaluate
from models.build.folds import folds
from models.build.imagenet import CATEGORIES, NAMES
from models.build.pictures import Row, read, rows

BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.01)


def _described(describe: yardsticks.Describe, known: Sequence[Row]) -> Matrix:
    """Features of the pictures of `known`, one a row."""
    return np.stack([describe(read(row.path)) for row in known])


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
                percent(ours.recall(1)),
                percent(ours.recall(5)),
                percent(ours.mean_average_precision()),
            ]
            if ours
            else ["", "", ""]
        )
        cells.append(percent(shipped.recall(1)))
        for other, describe in others.items():
            vectors = bench.kept(
                f"{other}-{name}",
                partial(_described, describe, known),
            )
            cells.append(percent(evaluate.ask(vectors, known, split).recall(1)))
        print(f"| {' | '.join(cells)} |", flush=True)


def categories(bench: Bench) -> None:
    """Accuracy per set and per category: on test splits where there are, else by the heads that the
    fold was left out of.
    """
    print("\n| set | pictures | right % | right or borderline % |\n|---|---|---|---|")
    full: list[tuple[int, bool]] = []
    for name in CATEGORY_SETS:
        known = rows(name)
        said = _said(bench, name, known)
        strict = [number == int(known[i].category) for i, number in said.items()]
        lenient = [
            right or known[i].note("borderline") == NAMES[CATEGORIES.index(number)]
            for right, (i, number) in zip(strict, said.items(), strict=True)
        ]
        if name != "fashion_small":
            full += zip((int(known[i].category) for i in said), strict, strict=True)
        print(
            f"| {name} | {len(strict)} | {percent(np.mean(strict))} | "
            f"{percent(np.mean(lenient))} |",
            flush=True,
        )
    _by_category(full)


def _said(bench: Bench, name: str, known: list[Row]) -> dict[int, int]:
    """Row of a set → the likeliest category, for the rows that are tested."""
    seen = bench.of_set(name, Service.PRODUCT)
    split, fold = np.array([row.split for row in known]), folds(known)
    tested = np.array([row.category != "" for row in known])
    if "train" in split and name != "fashion_small":
        tested &= split == "test"
    said = {}
    for i in np.flatnonzero(tested).tolist():
        heads = bench.left_out[fold[i]] if bench.left_out else bench.shipped
        said[i] = heads.categories.probabilities(seen.summaries[i], seen.logits[i])[0][0]
    return said


def _by_category(full: list[tuple[int, bool]]) -> None:
    """The second table: (true category, answer right) of all full-size pictures."""
    print("\n| category | full-size pictures | right % |\n|---|---|---|")
    usual = []
    for number, name in zip(CATEGORIES, NAMES, strict=True):
        right = [each for category, each in full if category == number]
        print(f"| {name} | {len(right)} | {percent(np.mean(right)) if right else '–'} |")
        if len(right) >= 30:
            usual.append(np.mean(right))
    print(f"| mean of categories with 30 or more | | {percent(np.mean(usual))} |")


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
            f"| {service.name.lower()} | {name} {split} | {percent(both[0])} | "
            f"{percent(both[1])} |",
            flush=True,
        )


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
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"onnxruntime {onnxruntime.__version__},",
        end=" ",
    )
    print(
        f"NumPy {np.__version__}; seeds fixed; left-out heads: "
        f"{'yes' if bench.left_out else 'no, run `make models`'}"
    )
    for name in given.only:
        PARTS[name](bench)


if __name__ == "__main__":
    main()
