"""Which segments are merged: every group makes progress, and merging comes to an end."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.index.format.manifest import ObjectRef, SegmentRef
from chalicelib.index.format.positions import Position
from chalicelib.index.format.table import Range
from chalicelib.index.write.merge import FAN_IN, due
from chalicelib.index.write.segments import GRAPH_ROWS, MAX_ROWS, cut

OBJECT = ObjectRef("0", "0", 1)
CATEGORIES = st.lists(st.integers(1, 150_000), min_size=1, max_size=4).filter(
    lambda counts: sum(counts) <= MAX_ROWS
)


def segment(number: int, counts: list[int], dead: float) -> SegmentRef:
    rows = sum(counts)
    return SegmentRef(
        f"{number}",
        rows,
        tuple(enumerate(counts)),
        Position(number, 0),
        OBJECT,
        OBJECT,
        dead=int(rows * dead),
    )


def merged(chosen: list[SegmentRef], start: int) -> list[SegmentRef]:
    """What merging these leaves, by the rules that cut the result; deaths fall evenly on the
    categories.
    """
    counts: dict[int, int] = {}
    for ref in chosen:
        for category, rows in ref.categories:
            counts[category] = counts.get(category, 0) + rows * ref.live // ref.rows
    ranges, begin = [], 0
    for category, rows in sorted(counts.items()):
        if rows:
            ranges.append(Range(category, begin, begin + rows))
            begin += rows
    made = []
    for number, piece in enumerate(cut(ranges)):
        held = set(piece.tolist())
        counted = [
            (part.category_id, len(held.intersection(range(part.start, part.stop))))
            for part in ranges
        ]
        inside = tuple((category, count) for category, count in counted if count)
        made.append(replace(segment(start + number, [1], 0.0), rows=len(piece), categories=inside))
    return made


def is_dirty(ref: SegmentRef) -> bool:
    return ref.dead > 0.25 * ref.rows


@given(
    st.lists(st.tuples(CATEGORIES, st.sampled_from([0.0, 0.0, 0.0, 0.2, 0.3, 1.0])), max_size=30)
)
def test_merging_comes_to_an_end_and_leaves_few_segments(
    parts: list[tuple[list[int], float]],
) -> None:
    segments = [segment(number, counts, dead) for number, (counts, dead) in enumerate(parts)]
    steps = 0
    while chosen := due(segments):
        assert any(map(is_dirty, chosen)) or len(chosen) >= 2
        assert len(chosen) == 1 or sum(ref.live for ref in chosen) <= MAX_ROWS
        segments = [ref for ref in segments if ref not in chosen] + merged(
            chosen, 100 * (steps + 1)
        )
        steps += 1
        assert steps < 200
    small = [ref for ref in segments if ref.live < MAX_ROWS // 2]
    assert not any(map(is_dirty, segments))
    assert len(small) < FAN_IN * 5 * (1 + 4)


def test_a_large_category_has_segments_of_its_own() -> None:
    pieces = cut(
        [
            Range(0, 0, GRAPH_ROWS),
            Range(1, GRAPH_ROWS, GRAPH_ROWS + 5),
            Range(2, GRAPH_ROWS + 5, GRAPH_ROWS + 9),
        ]
    )
    assert [(int(rows[0]), len(rows)) for rows in pieces] == [(0, GRAPH_ROWS), (GRAPH_ROWS, 9)]
    assert [len(rows) for rows in cut([Range(0, 0, 10), Range(1, 10, 20)])] == [20]
    assert [len(rows) for rows in cut([Range(0, 0, MAX_ROWS + 1)])] == [
        MAX_ROWS // 2 + 1,
        MAX_ROWS // 2,
    ]
