"""The container: what it promises about bytes, and about hashing no more than it must."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from chalicelib.errors import CorruptObject, FormatTooNew
from chalicelib.index.format.bundle import Array, Bundle, encode

SHAPES = npst.array_shapes(max_dims=2, min_side=0, max_side=20)
ARRAYS: st.SearchStrategy[dict[str, Array]] = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(
        npst.arrays(np.uint8, SHAPES),
        npst.arrays(np.uint64, SHAPES),
        npst.arrays(np.float32, SHAPES),
    ),
    max_size=3,
)


@given(arrays=ARRAYS, block=st.integers(1, 64))
def test_what_goes_in_comes_out(arrays: dict[str, Array], block: int) -> None:
    data, sha256 = encode("rows", {"n": 1}, arrays, blocks=dict.fromkeys(arrays, block))
    bundle = Bundle("key", memoryview(data), "rows", sha256=sha256)
    assert set(bundle) == set(arrays)
    assert bundle.meta == {"n": 1}
    for name, array in arrays.items():
        assert bundle[name].tobytes() == array.tobytes()
        assert bundle[name].shape == array.shape
        assert not bundle[name].flags.writeable


def test_only_the_blocks_that_are_read_are_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.arange(40_000, dtype=np.uint8).reshape(400, 100)
    data, sha256 = encode(
        "rows", {}, {"features": array, "other": array}, blocks={"features": 1_000}
    )
    hashed: list[int] = []
    real = hashlib.sha256

    def counting(part: bytes | memoryview = b"") -> object:
        hashed.append(len(part))
        return real(part)

    bundle = Bundle("key", memoryview(data), "rows", sha256=sha256)
    monkeypatch.setattr(hashlib, "sha256", counting)
    assert np.array_equal(bundle.gather("features", np.array([3, 15, 399])), array[[3, 15, 399]])
    assert hashed == [1_000] * 3
    bundle.gather("features", np.array([5]))
    assert len(hashed) == 3
    assert bundle["features"].sum() == array.sum()
    assert hashed == [1_000] * 40


def test_a_row_over_two_blocks_has_both_checked() -> None:
    array = np.arange(300, dtype=np.uint8).reshape(3, 100)
    data, _ = encode("rows", {}, {"features": array}, blocks={"features": 150})
    for position in (20, 110, 190, 290):
        damaged = bytearray(data)
        damaged[len(data) - 300 + position] ^= 4
        bundle = Bundle("key", memoryview(bytes(damaged)), "rows")
        with pytest.raises(CorruptObject, match=r"key.*features"):
            bundle.gather("features", np.array([1]))


def test_a_damaged_array_leaves_the_others_readable() -> None:
    data, _ = encode("rows", {}, {"a": np.ones(8, np.uint8), "b": np.zeros(8, np.uint8)})
    bundle = Bundle("key", memoryview(data[:-1] + b"\x01"), "rows")
    assert bundle["a"].sum() == 8
    with pytest.raises(CorruptObject, match="b"):
        bundle["b"]
    with pytest.raises(CorruptObject):
        bundle.check()


def test_what_is_something_else_is_refused_by_name() -> None:
    data, sha256 = encode("rows", {}, {"a": np.ones(8, np.uint8)})
    other = encode("rows", {}, {"a": np.zeros(8, np.uint8)})[1]
    for damaged, words in (
        (b"", "ends after 0 bytes"),
        (b"PNG" + data[3:], "does not begin"),
        (data[:-9], "ends after"),
        (data[:7] + b"\x00" + data[8:], "checksum"),
    ):
        with pytest.raises(CorruptObject, match=f"some/key.*{words}"):
            Bundle("some/key", memoryview(damaged), "rows")
    with pytest.raises(CorruptObject, match="a rows object where a keys object"):
        Bundle("some/key", memoryview(data), "keys")
    with pytest.raises(CorruptObject, match="checksum"):
        Bundle("some/key", memoryview(data), "rows", sha256=other)
    with pytest.raises(FormatTooNew, match="some/key has format 2"):
        Bundle("some/key", memoryview(data[:7] + b"\x02" + data[8:]), "rows", sha256=sha256)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dtype", "|O"),
        ("dtype", "nonsense"),
        ("shape", [3, 3]),
        ("shape", [-2, -4]),
        ("offset", -64),
        ("size", 4),
        ("block", 0),
        ("block", -8),
        ("sha256", []),
    ],
)
def test_a_header_that_is_wrong_though_its_hash_is_right_is_damage(
    field: str, value: object
) -> None:
    data, _ = encode("rows", {}, {"a": np.ones(8, np.uint8)})
    length = int.from_bytes(data[8:12], "little")
    header = json.loads(data[48 : 48 + length])
    header["sections"][0][field] = value
    text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode("ascii")
    head = data[:8] + struct.pack("<I4x", len(text)) + hashlib.sha256(text).digest() + text
    forged = head + bytes(-len(head) % 64) + b"\x01" * 64
    with pytest.raises(CorruptObject, match="some/key"):
        Bundle("some/key", memoryview(forged), "rows").check()
