"""Ranges of one object share requests and come back as they were asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.memory import MemoryStore
from chalicelib.storage.ranges import ByteRange, get_ranges, runs

_SIZE = 200
_DATA = bytes(range(_SIZE))
_ranges = st.lists(
    st.tuples(st.integers(0, _SIZE), st.integers(0, _SIZE)).map(lambda pair: (min(pair), max(pair)))
)


class _Counting(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[ByteRange] = []

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        self.asked.append((start, stop))
        return super().get_range(key, start, stop)


@given(ranges=_ranges, gap=st.integers(0, 30))
def test_every_range_comes_back_and_no_gap_is_wider(ranges: list[ByteRange], gap: int) -> None:
    store = _Counting()
    store.create("a", _DATA)
    found = get_ranges(store, "a", ranges, gap=gap)
    assert [bytes(view) for view in found] == [_DATA[start:stop] for start, stop in ranges]
    wanted = {at for start, stop in ranges for at in range(start, stop)}
    for start, stop in store.asked:
        unwanted = "".join("." if at in wanted else "x" for at in range(start, stop))
        assert "x" * (gap + 1) not in unwanted
        assert not unwanted.startswith("x")
        assert not unwanted.endswith("x")
    for (_, stop), (start, _) in zip(store.asked, store.asked[1:], strict=False):
        assert start > stop + gap  # else one request would have done


def test_neighbours_share_a_request() -> None:
    assert runs([(10, 20), (20, 30), (35, 40), (0, 2), (5, 5)], gap=5) == [(0, 2), (10, 40)]
    assert runs([(10, 20), (20, 30), (35, 40)], gap=4) == [(10, 30), (35, 40)]
    assert runs([], gap=4) == []


def test_what_is_no_range_is_refused() -> None:
    with pytest.raises(ValueError, match="not a range"):
        runs([(4, 3)], gap=0)
