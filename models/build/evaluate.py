"""Retrieval figures of features over a labelled set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.build.pictures import Row

QUERIES: dict[str, tuple[tuple[str, str], ...]] = {
    "product": (("grocery", "query"), ("shop_luma", "query"), ("shop_devices", "query")),
    "generic": (("edited_copies", "query"), ("scene_pairs", "query"), ("tile_patterns", "query")),
    "fabric": (("cloth_patches", "query"), ("tile_patterns", "query")),
    "trademark": (("logos", "query_edit"), ("logos", "query_mono"), ("logos", "query_variant")),
}
"""What each service is asked with: (set, split of the queries)."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Every query against the whole gallery, nearest first."""

    similarities: NDArray[np.float32]
    """[queries, gallery], falling."""
    right: NDArray[np.bool_]
    """[queries, gallery]."""

    def recall(self, k: int) -> float:
        """Return the share of queries with a right answer among the first k."""
        return float(self.right[:, :k].any(1).mean())

    def mean_average_precision(self) -> float:
        """Return the mean over queries of the precision averaged over their right answers."""
        precision = np.cumsum(self.right, 1) / np.arange(1, self.right.shape[1] + 1)
        return float(((precision * self.right).sum(1) / np.maximum(self.right.sum(1), 1)).mean())


def ask(
    features: NDArray[np.float32],
    rows: list[Row],
    split: str,
    only: NDArray[np.bool_] | None = None,
) -> Answers:
    """Return the answers to the queries of `split` (those where `only`) from the set's gallery."""
    instances = np.array([row.instance for row in rows])
    splits = np.array([row.split for row in rows])
    gallery = (splits == "gallery") & (instances != "")
    query = (splits == split) & (np.isin(instances, instances[gallery]))
    if only is not None:
        query &= only
    similar = features[query] @ features[gallery].T
    order = np.argsort(-similar, axis=1, kind="stable")
    right = instances[query][:, None] == instances[gallery][None]
    return Answers(np.take_along_axis(similar, order, 1), np.take_along_axis(right, order, 1))


def joined(parts: list[Answers]) -> Answers:
    """Return the answers of several folds as one."""
    return Answers(
        np.concatenate([p.similarities for p in parts]), np.concatenate([p.right for p in parts])
    )
