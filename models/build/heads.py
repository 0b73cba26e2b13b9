"""All heads of the set: fitted, calibrated on folds that they were not fitted to, and written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.build import calibration, categories, codes, evaluate, projections, views
from models.build.cards import CATEGORY_LEVELS
from models.build.categories import Examples
from models.build.folds import FOLDS, NONE, folds
from models.build.imagenet import CATEGORIES, mapping
from models.build.levels import numbers
from models.build.pictures import Row, training_rows
from models.build.projections import Group, Projection, Scatter
from models.build.recipes import FEEDS, RECIPES, SERVES, WHOLE, Pictures, asked, groups, read, view

FIRST = 5
"""Answers of each query that the Score curve is fitted to."""
CATEGORY_SETS = {
    "clothing": 1.0,
    "caltech_objects": 1.0,
    "shop_luma": 1.0,
    "shop_devices": 1.0,
    "shop_variants": 1.0,
    "grocery": 0.4,
    "abo_sample": 1.0,
}
"""Sets that the category head learns from, and the weight of their pictures; of the first two the
train split alone.
"""

Arrays = dict[str, NDArray[np.generic]]
Report = Callable[[str], None]


def fit(pictures: Pictures, report: Report) -> dict[int, Arrays]:
    """Return the arrays of heads.npz by fold left out; NONE: fitted to everything, what ships."""
    found: dict[int, Arrays] = {
        fold: {"mean": pictures.norm.mean, "std": pictures.norm.std}
        for fold in (NONE, *range(FOLDS))
    }
    for service in FEEDS:
        for fold, arrays in _service(service, pictures, report).items():
            found[fold] |= arrays
    for fold, arrays in _categories(pictures, report).items():
        found[fold] |= arrays
    return found


def write(folder: Path, found: dict[int, Arrays], held_out: Path) -> None:
    """Write what ships to `folder`/heads.npz, and the heads of each fold to `held_out`/fold-N.npz
    for benchmarks/quality.py.
    """
    np.savez_compressed(folder / "heads.npz", **found[NONE])  # type: ignore[arg-type]
    held_out.mkdir(parents=True, exist_ok=True)
    for fold in range(FOLDS):
        np.savez(held_out / f"fold-{fold}.npz", **found[fold])  # type: ignore[arg-type]


def _service(service: str, pictures: Pictures, report: Report) -> dict[int, Arrays]:
    """The arrays of one service's head by left-out fold; NONE: fitted to all, which is shipped."""
    recipe = RECIPES[service]
    members = groups(service, pictures)
    space = projections.space(members, recipe)
    coordinates = [space.coordinates(group.views) for group in members]
    sums = {fold: _scatter(coordinates, members, fold) for fold in range(FOLDS)}
    fitted = {
        fold: projections.fit(
            space,
            projections.joined([part for other, part in sums.items() if other != fold]),
            recipe,
        ).shipped()
        for fold in (NONE, *range(FOLDS))
    }
    similarities, scores = _curve(service, fitted, pictures, report)
    # One code for all: the left-out heads are there for their features.
    coder = codes.fit(_gallery(service, fitted[NONE], pictures))
    out: dict[int, Arrays] = {}
    for fold, projection in fitted.items():
        matrix, scale = projection.packed()
        out[fold] = {
            f"{service}.projection": matrix,
            f"{service}.scale": scale,
            f"{service}.offset": projection.offset,
            f"{service}.rotation": coder.rotation.astype(np.float16),
            f"{service}.threshold": coder.threshold,
            f"{service}.similarities": similarities,
            f"{service}.scores": scores,
        }
    return out


def _scatter(coordinates: list[NDArray[np.float32]], members: list[Group], fold: int) -> Scatter:
    chosen = [i for i, group in enumerate(members) if group.fold == fold and not group.axes_only]
    return projections.scatter([coordinates[i] for i in chosen], [members[i] for i in chosen])


def _gallery(service: str, projection: Projection, pictures: Pictures) -> NDArray[np.float32]:
    """Features of the pictures that a code is fitted to: those of the service's own sets that are
    no queries.
    """
    found = []
    for name in dict.fromkeys(feed.set for feed in FEEDS[service]):
        rows = training_rows(name)
        found.append(projection.features(read(pictures.plain(name), service)[~asked(rows)]))
    return np.concatenate(found)


def _curve(
    service: str, fitted: dict[int, Projection], pictures: Pictures, report: Report
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Similarity to Score from the first answers to queries of left-out folds; every set counts
    alike.
    """
    similar, right, weights = [], [], []
    for name, split in evaluate.QUERIES[service]:
        answers = held_out(service, name, split, fitted, pictures)
        report(
            f"{service:9s} {name} {split}: R@1 {100 * answers.recall(1):.1f}, R@5 "
            f"{100 * answers.recall(5):.1f}, "
            f"mAP {100 * answers.mean_average_precision():.1f} of {len(answers.right)}"
        )
        similar.append(answers.similarities[:, :FIRST].ravel())
        right.append(answers.right[:, :FIRST].ravel())
        weights.append(np.full(similar[-1].size, 1 / similar[-1].size))
    return calibration.curve(
        np.concatenate(similar), np.concatenate(right), np.concatenate(weights)
    )


def held_out(
    service: str, name: str, split: str, fitted: dict[int, Projection], pictures: Pictures
) -> evaluate.Answers:
    """Return the answers to a split's queries, each by the projection that was not fitted to its
    fold.
    """
    rows = training_rows(name)
    levels, fold = read(pictures.plain(name), service), folds(rows)
    parts = [
        evaluate.ask(fitted[left].features(levels), rows, split, fold == left)
        for left in range(FOLDS)
    ]
    return evaluate.joined(parts)


def _categories(pictures: Pictures, report: Report) -> dict[int, Arrays]:
    """The arrays of the category head by left-out fold; temperature and offset come from pictures
    that no head has seen, and are the same for all.
    """
    unseen: list[tuple[categories.Head, Examples]] = []
    heads = {}
    for left in (*range(FOLDS), NONE):
        heads[left] = categories.fit(
            categories.joined(
                [e for name in CATEGORY_SETS for e in _examples(name, pictures, left, learn=True)]
            )
        )
        if left != NONE:
            parts = [
                e for name in CATEGORY_SETS for e in _examples(name, pictures, left, learn=False)
            ]
            unseen.append((heads[left], categories.joined(parts)))
    heat = categories.temperature(unseen)
    more = categories.offset([(head.cooled(heat), examples) for head, examples in unseen])
    right = np.concatenate(
        [head.chances(examples).argmax(1) == examples.labels for head, examples in unseen]
    )
    report(
        f"categories: {100 * right.mean():.1f} % of {len(right)} unseen pictures, temperature "
        f"{heat:.2f}, offset {more:.2f}"
    )
    out: dict[int, Arrays] = {}
    for left, head in heads.items():
        cool = head.cooled(heat).raised(more)
        out[left] = {
            "category.ids": np.array(CATEGORIES, np.int64),
            "category.map": mapping(),
            "category.kinds": cool.categories,
            "category.weights": cool.weights.astype(np.float16),
            "category.bias": cool.bias,
            "category.evidence": np.float32(cool.trust),  # type: ignore[dict-item]
        }
    return out


def _examples(name: str, pictures: Pictures, left: int, *, learn: bool) -> list[Examples]:
    """The labelled pictures of a set that are learnt from (through all views) or not (as served)
    when fold `left` is left out.
    """
    rows = training_rows(name)
    chosen = _wanted(rows, left, learn=learn)
    used = [rows[place] for place in np.flatnonzero(chosen)]
    labels = np.array([CATEGORIES.index(int(row.category)) for row in used], np.int64)
    # A grocery's label is its brand and flavour.
    kinds = np.array([row.label.lower() for row in used], np.str_)
    if name == "grocery":
        kinds[:] = ""
    raw = views.labelled(name, pictures.network, pictures.cache)
    levels, logits = pictures.plain(name)[chosen], raw.logits[chosen].astype(np.float32)
    places = numbers(CATEGORY_LEVELS)
    found = []
    served, *others = SERVES["product"]
    for which in (served, *others) if learn else (served,):
        seen = logits.mean(1) if which == served else logits[:, 0 if which == WHOLE else 1]
        weight = CATEGORY_SETS[name] * (1.0 if which == served else 0.5)
        features = view(levels, which)[:, places].astype(np.float32)
        found.append(
            Examples(
                features,
                categories.evidence(seen),
                labels,
                kinds,
                np.full(len(labels), weight, np.float32),
            )
        )
    return found


def _wanted(rows: list[Row], left: int, *, learn: bool) -> NDArray[np.bool_]:
    """Which labelled rows are learnt from, or (not `learn`) tested, fold `left` left out."""
    labelled = np.array([row.category != "" for row in rows])
    taught = _taught(rows, left)
    found: NDArray[np.bool_] = labelled & (taught if learn else ~taught & (folds(rows) == left))
    return found


def _taught(rows: list[Row], left: int) -> NDArray[np.bool_]:
    """Which rows the head learns from: the train split where there is one, else the folds not left
    out.
    """
    splits = np.array([row.split for row in rows])
    if "train" in splits:
        found: NDArray[np.bool_] = splits == "train"
        return found
    return np.asarray(folds(rows) != left)
