"""A segment of format 2: a small head that a process keeps, and a body of which it reads what it
needs (docs/FORMAT.md §5.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chalicelib.errors import CorruptObject
from chalicelib.index.format.bundle import Array, Bundle, encode
from chalicelib.index.format.clusters import clusters_of
from chalicelib.index.format.digests import Digests, find
from chalicelib.index.format.key_filter import filter_of
from chalicelib.index.format.manifest import ObjectRef, SegmentRef
from chalicelib.index.format.packed import pack_columns
from chalicelib.index.format.pages import encode_pages
from chalicelib.index.format.positions import Position, Positions
from chalicelib.index.format.sections import CHECK_BYTES, Section, lay
from chalicelib.index.format.table import Table

ENTRY_ROWS = 256
"""Keys of a block: who looks for one reads 10 kB."""

HIGH, LOW, TIME, TIE, ROW = range(5)
"""What an entry has."""

_BLOCK = 4 * 1024
"""Bytes of a block of codes and pages: 64 rows of 512 bits, about two pages."""

_FEATURE_BLOCK = 16 * 1024
"""The same of features: 32 rows of 512 dimensions. A search wants some rows here and there; smaller
blocks would spare bytes of features and cost bytes of the head.
"""
CHECK = ".check"


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What is known of a segment without reading its body."""

    sections: Mapping[str, Section]
    checks: Mapping[str, npt.NDArray[np.uint8]]
    """[blocks, CHECK_BYTES] of each section."""
    bases: Mapping[str, int]
    """What is added to the stored values of number columns."""
    starts: npt.NDArray[np.uint32]
    """[clusters + 1]: the first row of each cluster."""
    projection: npt.NDArray[np.float16]
    centroids: npt.NDArray[np.float16]
    page_ends: npt.NDArray[np.uint32]
    fences: npt.NDArray[np.uint64]
    """[blocks of entries]: the first half of each block's first digest."""


def head_path(segment_id: str) -> str:
    """Within the generation's folder."""
    return f"segments/{segment_id}/head"


def body_path(segment_id: str) -> str:
    """Within the generation's folder."""
    return f"segments/{segment_id}/body"


def encode_clustered(
    table: Table, positions: Positions, *, segment_id: str, fingerprint: str
) -> tuple[SegmentRef, bytes, bytes]:
    """How the manifest names the segment, its head and its body. `positions` [table.size]; the
    table is not empty and has no changes over its arrays.
    """
    clusters = clusters_of(table.rows["features"], table.ranges)
    order = clusters.order
    pages, page_ends = encode_pages(table, order)
    entries = _entries(table.digests.take(order), positions.take(order))
    columns, bases = pack_columns(table, order)
    arrays: dict[str, Array] = {
        "codes": np.ascontiguousarray(table.rows["codes"].T)[order],
        "features": table.rows["features"][order],
        "pages": pages,
        "entries": entries,
        "filter": filter_of(table.digests),
        "products": table.rows["products"][order],
        "scales": table.rows["scales"][order],
        **columns,
    }
    laid = lay(arrays, _blocks(arrays))
    meta = {
        "size": table.size,
        "ranges": table.ranges,
        "dimension": table.shape.dimension,
        "bits": table.shape.bits,
        "fingerprint": fingerprint,
        "bases": bases,
        "sections": [section.json() for section in laid.sections],
    }
    head, sha256 = encode(
        "head",
        meta,
        {
            "starts": clusters.starts,
            "projection": clusters.projection,
            "centroids": clusters.centroids,
            "page_ends": page_ends,
            "fences": entries[::ENTRY_ROWS, HIGH],
            **{f"{name}{CHECK}": checks for name, checks in laid.checks.items()},
        },
    )
    ref = SegmentRef(
        id=segment_id,
        rows=table.size,
        categories=tuple((part.category_id, part.stop - part.start) for part in table.ranges),
        newest=_newest(positions),
        head=ObjectRef(segment_id, sha256, len(head)),
        body=ObjectRef(segment_id, "", len(laid.body)),
    )
    return ref, head, laid.body


def open_head(ref: SegmentRef, key: str, data: memoryview) -> Head:
    """Verifies all of it. Raises CorruptObject, FormatTooNew."""
    # narrows the type; the caller looked
    assert ref.head is not None  # noqa: S101
    bundle = Bundle(key, data, "head", sha256=ref.head.sha256)
    bundle.check()
    if bundle.meta["size"] != ref.rows:
        raise CorruptObject(key, f"it has {bundle.meta['size']} rows, the manifest says {ref.rows}")
    try:
        sections = {row[0]: Section.parse(row) for row in bundle.meta["sections"]}
    except (TypeError, ValueError) as error:
        raise CorruptObject(key, f"its sections are none: {error}") from None
    checks = {name: bundle[f"{name}{CHECK}"] for name in sections}
    for name, section in sections.items():
        if checks[name].shape != (section.blocks, CHECK_BYTES):
            raise CorruptObject(key, f"the checksums of {name} are not as many as its blocks")
    return Head(
        sections=sections,
        checks=checks,
        bases=bundle.meta["bases"],
        starts=bundle["starts"],
        projection=bundle["projection"],
        centroids=bundle["centroids"],
        page_ends=bundle["page_ends"],
        fences=bundle["fences"],
    )


def entry_blocks(head: Head, wanted: Digests) -> npt.NDArray[np.int64]:
    """Blocks of entries in which `wanted` keys are, if they are in the segment, ascending."""
    last = np.searchsorted(head.fences, wanted.high, side="right") - 1
    first = np.searchsorted(head.fences, wanted.high, side="left") - 1
    # more than one block only where a first half lies on both sides of a fence
    spans = [np.arange(max(0, start), stop + 1) for start, stop in zip(first, last, strict=True)]
    return np.unique(np.concatenate([np.empty(0, np.int64), *spans]))


def found_in(entries: npt.NDArray[np.uint64], wanted: Digests) -> npt.NDArray[np.int64]:
    """[len(wanted)]: places of keys in ascending `entries` [n, 5], -1 where they are not."""
    keys = Digests(np.ascontiguousarray(entries[:, HIGH]), np.ascontiguousarray(entries[:, LOW]))
    return find(keys, wanted)


def _entries(digests: Digests, positions: Positions) -> npt.NDArray[np.uint64]:
    """[size, 5], ascending by digest."""
    order = np.lexsort((digests.low, digests.high))
    columns = (digests.high, digests.low, positions.time, positions.tie)
    found = np.empty((len(order), 5), dtype=np.uint64)
    for place, column in enumerate(columns):
        found[:, place] = column[order]
    found[:, ROW] = order
    return found


def _newest(positions: Positions) -> Position:
    latest = positions.time == positions.time.max()
    return Position(int(positions.time.max()), int(positions.tie[latest].max()))


def _blocks(arrays: Mapping[str, Array]) -> dict[str, int]:
    """Bytes per checksum of what is read by rows: whole rows each."""
    found = {"entries": ENTRY_ROWS * 5 * 8, "pages": _BLOCK}
    for name in ("codes", "features", "products", "scales"):
        array = arrays[name]
        width = max(1, array.nbytes // max(1, len(array)))
        block = _FEATURE_BLOCK if name == "features" else _BLOCK
        found[name] = max(1, block // width) * width
    return found
