"""The usearch graph of a segment: a faster way to its nearest codes. Never the truth: whatever it
cannot do, a scan does.

The only file that touches usearch. Its loader believes what it reads, so a graph's bytes are hashed
(bundle.py) and its structure is checked (usearch_file.py) before it sees any: who may write into
the store can spoil a graph, and the scan answers then, but not crash the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from chalicelib.errors import CorruptObject
from chalicelib.index.format.bundle import Bundle, encode
from chalicelib.index.format.manifest import ObjectRef, SegmentRef
from chalicelib.index.format.table import Shape
from chalicelib.index.format.usearch_file import Unfit, check

if TYPE_CHECKING:
    from usearch.index import Index

CONNECTIVITY = 16
EXPANSION = 128
"""Candidates weighed for each row that is added (docs/adr/0013 for both)."""

MAJOR_VERSION = "2"
"""Of usearch's files; a file of another major version is not given to the loader."""


def graph_path(ref: SegmentRef, graph_id: str) -> str:
    """Within the generation's folder."""
    return f"segments/{ref.id}/graph-{graph_id}"


def encode_graph(
    planes: npt.NDArray[np.uint64], shape: Shape, graph_id: str
) -> tuple[ObjectRef, bytes]:
    """The graph over code planes [words, rows]. One thread builds it, so that the same codes give
    the same bytes.
    """
    codes = np.ascontiguousarray(planes.T).view(np.uint8)
    index = _index(shape)
    index.add(np.arange(len(codes), dtype=np.uint64), codes, threads=1)
    body = np.frombuffer(index.save() or b"", np.uint8)
    meta = {
        "size": len(codes),
        "bits": shape.words * 64,
        "connectivity": CONNECTIVITY,
        "expansion": EXPANSION,
        "usearch": _version(),
    }
    data, sha256 = encode("graph", meta, {"graph": body})
    return ObjectRef(graph_id, sha256, len(data)), data


class Graph:
    """An opened graph. It keeps the bytes that it looks into alive. May be searched from several
    threads.
    """

    def __init__(self, ref: SegmentRef, shape: Shape, key: str, data: memoryview) -> None:
        """Raises CorruptObject, FormatTooNew; both name `key`."""
        # narrows the type; the caller has read its bytes
        assert ref.graph is not None  # noqa: S101
        bundle = Bundle(key, data, "graph", sha256=ref.graph.sha256)
        meta, bits = bundle.meta, shape.words * 64
        major = str(meta.get("usearch")).split(".")[0]
        if (meta.get("size"), meta.get("bits"), major) != (ref.rows, bits, MAJOR_VERSION):
            raise CorruptObject(
                key,
                f"it is a graph of {meta.get('size')} codes of {meta.get('bits')} bits by usearch"
                f" {meta.get('usearch')}",
            )
        self._bytes = bundle["graph"]
        try:
            check(self._bytes, rows=ref.rows, words=shape.words, connectivity=CONNECTIVITY)
            self._index = _index(shape)
            self._index.view(self._bytes.data)
        except (Unfit, RuntimeError) as error:  # the loader's own word for it is the latter
            raise CorruptObject(
                key, f"{error}; a scan answers, and a new one can be built"
            ) from error
        self._rows = ref.rows

    def search(self, words: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.int64]:
        """About the `count` rows nearest to a code [words], by Hamming distance; fewer where the
        graph is smaller.
        """
        found = self._index.search(words.view(np.uint8), min(count, self._rows), threads=1)
        rows: npt.NDArray[np.int64] = found.keys.astype(np.int64)
        return rows


def _index(shape: Shape) -> Index:
    """An empty index of usearch for codes of `shape`."""
    # usearch loaded before onnxruntime crashes the process when both are there
    import chalicelib.inference  # noqa: F401

    # isort: split
    # usearch names no exports
    from usearch.index import Index, MetricKind, ScalarKind  # type: ignore[attr-defined]

    made: Index = Index(
        ndim=shape.words * 64,
        metric=MetricKind.Hamming,
        dtype=ScalarKind.B1,
        connectivity=CONNECTIVITY,
        expansion_add=EXPANSION,
        expansion_search=1,  # the number of rows asked for is the breadth of the search
        enable_key_lookups=False,
    )
    return made


def _version() -> str:
    from usearch import __version__

    version: str = __version__
    return version
