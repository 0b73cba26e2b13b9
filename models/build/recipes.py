"""Which pictures each service learns from, through which views, and how."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.build import normalise, views
from models.build.cards import LEVELS
from models.build.folds import folds
from models.build.levels import numbers
from models.build.normalise import Norm
from models.build.pictures import OPEN_SETS, Row, training_rows
from models.build.projections import Group, Recipe
from models.build.views import Views

WHOLE, CROP, BOTH, MARK = "whole", "crop", "both", "mark"


@dataclass(frozen=True, slots=True)
class Feed:
    """One set's part in a service's training."""

    set: str
    kind: str
    """The edits, a key of views.EDITS."""
    count: int
    """Edits of each picture."""
    joined: bool = True
    """Pictures of one instance are views of one thing; else every picture stands alone with its
    edits.
    """
    plain: bool = True
    """The unedited picture is a view too."""
    split: str = ""
    """Only rows of this split are edited."""
    axes_only: bool = False
    """The pictures show what there is, but nothing of how views of one thing differ: without edits.
    """


SERVES: dict[str, tuple[str, ...]] = {
    "product": (BOTH, WHOLE, CROP),
    "generic": (WHOLE,),
    "fabric": (WHOLE,),
    "trademark": (MARK, CROP, WHOLE),
}
"""The views a service learns from; the first is what it is asked with."""

FEEDS: dict[str, tuple[Feed, ...]] = {
    "product": (
        Feed("grocery", "photo", 2),
        Feed("shop_luma", "photo", 3),
        Feed("shop_devices", "photo", 4),
        Feed("abo_sample", "photo", 4),
        Feed("shop_variants", "photo", 4, joined=False),
        Feed("clothing", "photo", 0, joined=False, axes_only=True),
        Feed("caltech_objects", "photo", 0, joined=False, axes_only=True),
    ),
    "generic": (
        Feed("caltech_photos", "copy", 4, joined=False),
        Feed("caltech_objects", "copy", 4, joined=False),
        Feed("clothing", "copy", 2, joined=False),
        Feed("shop_luma", "copy", 3, joined=False, split="gallery"),
        Feed("grocery", "copy", 3, joined=False, split="gallery"),
        Feed("shop_devices", "copy", 4, joined=False),
        Feed("shop_variants", "copy", 4, joined=False),
        Feed("scene_pairs", "copy", 4, joined=False),
        Feed("abo_sample", "copy", 4, joined=False),
        Feed("tile_patterns", "copy", 3, joined=False, split="gallery"),
        Feed("edited_copies", "copy", 6, split="gallery"),
        Feed("logos", "mark", 10, joined=False, split="gallery"),
    ),
    "fabric": (
        Feed("cloth_patches", "cloth", 6),
        Feed("tile_patterns", "cloth", 4),
        Feed("clothing", "cloth", 3, joined=False, plain=False),
    ),
    "trademark": (Feed("logos", "mark", 10, split="gallery"),),
}

RECIPES: dict[str, Recipe] = {
    "product": Recipe(
        LEVELS["product"],
        {
            "subject-head": 2,
            "subject-b4.cov": 2,
            "subject-b7.cov": 1,
            "subject-b10.cov": 1,
            "subject-b14.mean": 1.5,
            "subject-b14.gem": 1.5,
            "subject-b15": 1,
            "subject-thirds": 0.6,
            "colour": 4,
        },
        other=0.6,
        axes=2048,
        edits=0.5,
        shrinkage=1.0,
    ),
    "generic": Recipe(LEVELS["generic"], power=0.35),
    "fabric": Recipe(
        LEVELS["fabric"],
        {"head": 0.5, "b4.cov": 8, "b7.mean": 8, "b10.mean": 2, "colour": 2},
        edits=0.5,
        shrinkage=0.3,
        power=0.25,
    ),
    "trademark": Recipe(
        LEVELS["trademark"],
        {
            "subject-head.gem": 8,
            "subject-head.mean": 4,
            "subject-b7.cov": 6,
            "subject-b10.cov": 6,
            "subject-b4.cov": 0.5,
            "subject-b15": 1,
            "subject-b7.gem": 1,
        },
        shrinkage=0.02,
        power=0.8,
    ),
}
"""Block weights: coordinate search on the untrained levels' R@1 over all open query pictures,
rounded; those of the subject are the picture's, with the colours added. The rest: cross-validation.
"""


def read(levels: NDArray[np.float16], service: str, which: str = "") -> NDArray[np.float16]:
    """Return what a service reads of normalised levels [..., v, L], through the view it is asked
    with unless told.
    """
    return view(levels[..., numbers(LEVELS[service])], which or SERVES[service][0])


def view(levels: NDArray[np.float16], which: str) -> NDArray[np.float16]:
    """Return [..., L] of levels [..., v, L]: one view, or the mean of whole and crop (BOTH), or of
    crop and symbol (MARK).

    A picture with one view has only that.
    """
    if levels.shape[-2] == 1 or which == WHOLE:
        return levels[..., 0, :]
    if which == CROP:
        return levels[..., 1, :]
    averaged = levels[..., 1:, :] if which == MARK else levels[..., :2, :]
    return averaged.astype(np.float32).mean(-2).astype(np.float16)


@dataclass(eq=False)
class Pictures:
    """Normalised levels of all pictures and edits, loaded when asked for."""

    network: Path
    cache: Path

    @functools.cached_property
    def norm(self) -> Norm:
        """The statistics of all open pictures that are no queries."""
        return normalise.fit(
            views.labelled(name, self.network, self.cache).levels[~asked(training_rows(name))]
            for name in OPEN_SETS
        )

    def plain(self, name: str) -> NDArray[np.float16]:
        """Return [n, 2, L] of a set."""
        return self._normalised(
            f"plain-{name}", lambda: views.labelled(name, self.network, self.cache)
        ).levels

    def edits(self, feed: Feed) -> Views:
        """Return [n, k, v, L] of the edited rows of a feed."""
        chosen = [
            i for i, row in enumerate(training_rows(feed.set)) if feed.split in ("", row.split)
        ]
        return self._normalised(
            f"{feed.kind}{feed.count}-{feed.set}",
            lambda: views.edited(feed.set, feed.kind, feed.count, chosen, self.network, self.cache),
        )

    def _normalised(self, name: str, make: Callable[[], Views]) -> Views:
        """Normalising all levels takes minutes: keep the result beside the raw levels."""
        file = self.cache / f"normal-{name}.npz"
        if not file.exists():
            raw = make()
            np.savez(file, levels=self.norm.apply(raw.levels), rows=raw.rows)
        with np.load(file) as arrays:
            return Views(arrays["levels"], np.empty(0, np.float16), arrays["rows"])


def asked(rows: list[Row]) -> NDArray[np.bool_]:
    """Return which pictures are queries of their set."""
    return np.array([row.split.startswith("query") for row in rows], np.bool_)


def groups(service: str, pictures: Pictures) -> list[Group]:
    """Return the training groups of a service."""
    return [group for feed in FEEDS[service] for group in _groups(service, feed, pictures)]


def _together(rows: list[Row], feed: Feed) -> Iterable[list[int]]:
    """Which rows make a group: those of one instance where the feed joins them."""
    members = defaultdict(list)
    for i, row in enumerate(rows):
        members[row.instance if feed.joined and row.instance else str(i)].append(i)
    return members.values()


def _read_all(
    levels: NDArray[np.float16], service: str, through: tuple[str, ...]
) -> list[NDArray[np.float16]]:
    """Return what a service reads of levels [k, v, L], through each view by itself."""
    return [read(levels, service, which) for which in through]


def _groups(service: str, feed: Feed, pictures: Pictures) -> Iterator[Group]:
    """The groups of one feed: pictures of one instance where they are joined, else each by itself
    with its edits; what would stand alone is left out.
    """
    rows = training_rows(feed.set)
    plain, edits = pictures.plain(feed.set), pictures.edits(feed) if feed.count else None
    place = {int(row): i for i, row in enumerate(edits.rows)} if edits else {}
    fold, query = folds(rows), asked(rows)
    for ids in _together(rows, feed):
        parts: list[NDArray[np.float16]] = []
        shown: list[int] = []
        for i in ids:
            mine = _read_all(plain[[i]], service, SERVES[service]) if feed.plain else []
            if edits and i in place:
                edited = edits.levels[place[i]]
                mine += _read_all(edited, service, SERVES[service][: edited.shape[1]])
            parts += mine
            shown += [i] * sum(map(len, mine))
        if len(shown) > 1:
            yield Group(
                np.concatenate(parts),
                np.array(shown),
                query[shown],
                int(fold[ids[0]]),
                feed.axes_only,
            )
