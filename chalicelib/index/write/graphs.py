"""Gives large segments their graphs, and takes damaged ones away (docs/FORMAT.md §7.3)."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.index.format.manifest import Manifest, SegmentRef
from chalicelib.index.read.generation import Generation
from chalicelib.index.read.graph import encode_graph, graph_path
from chalicelib.index.write.commit import commit, put
from chalicelib.index.write.segments import GRAPH_ROWS


def lacking(manifest: Manifest) -> list[SegmentRef]:
    """Segments that are large enough for a graph and have none, the largest first."""
    found = [ref for ref in manifest.segments if ref.rows >= GRAPH_ROWS and ref.graph is None]
    return sorted(found, key=lambda ref: (-ref.rows, ref.id))


def grow(generation: Generation) -> SegmentRef | None:
    """Builds one graph: about 0.15 ms of CPU a row. None: all are there. Raises VersionConflict
    (repeat), StorageError.
    """
    old = generation.manifest()
    waiting = lacking(old.manifest)
    if not waiting:
        return None
    ref = waiting[0]
    with generation.overtaken(old):
        table = generation.objects.table(ref, old.manifest)
        graph, data = encode_graph(
            table.rows["codes"], old.manifest.shape, generation.tools.new_id()
        )
    put(generation, graph_path(ref, graph.id), data)
    return _commit(generation, ref, replace(ref, graph=graph))


def prune(generation: Generation, graph_ids: set[str]) -> int:
    """Forgets these graphs, so that they are built anew. Returns how many there were. Raises
    VersionConflict (repeat), StorageError.
    """
    old = generation.manifest()
    manifest = old.manifest
    segments = tuple(
        replace(ref, graph=None) if ref.graph is not None and ref.graph.id in graph_ids else ref
        for ref in manifest.segments
    )
    count = sum(one is not other for one, other in zip(segments, manifest.segments, strict=True))
    if count:
        commit(generation, old, manifest.next(segments=segments))
    return count


def _commit(generation: Generation, built_for: SegmentRef, ref: SegmentRef) -> SegmentRef | None:
    """Adds the graph to whatever the manifest says of the segment by now; building took long."""
    old = generation.manifest()
    manifest = old.manifest
    if manifest.successor is not None or all(
        one.id != built_for.id or one.graph is not None for one in manifest.segments
    ):
        return None  # merged away meanwhile, or somebody else was faster
    segments = tuple(
        replace(one, graph=ref.graph) if one.id == ref.id else one for one in manifest.segments
    )
    commit(generation, old, manifest.next(segments=segments))
    return ref
