"""The second reader's segments of format 2 [5.6], with their invariants [9.4]."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from tests.index.manual_objects import (
    CODES,
    INTS,
    STRINGS,
    Container,
    Key,
    Position,
    Record,
    digest,
    position,
)

PAGE_ROWS, ENTRY_ROWS, HASHES = 64, 256, 7


def sections(head: Container, body: bytes) -> dict[str, tuple[Any, ...]]:
    """The arrays of a body, every block of which is verified."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, dtype, shape, offset, size, block in head.meta["sections"]:
        raw = body[offset : offset + size]
        checks = b"".join(
            hashlib.sha256(raw[start : start + block]).digest()[:16]
            for start in range(0, size, block)
        )
        assert checks == bytes(head.arrays[f"{name}.check"])
        letter = CODES[dtype]
        found[name] = struct.unpack(f"<{size // struct.calcsize(letter)}{letter}", raw)
        assert (offset % 64, len(found[name])) == (0, math.prod(shape))
    return found


def pages(head: Container, data: bytes) -> list[dict[str, Any]]:
    """What is shown of each row."""
    found: list[dict[str, Any]] = []
    ends = head.arrays["page_ends"]
    for start, end in zip((0, *ends), ends, strict=False):
        page = json.loads(zlib.decompress(data[start:end]))
        lists = zip(*page.values(), strict=True)
        found += [dict(zip(page, values, strict=True)) for values in lists]
        assert len(found) == min(head.meta["size"], -(-len(found) // PAGE_ROWS) * PAGE_ROWS)
    return found


def columns(head: Container, arrays: Mapping[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """What filters see of each row."""
    found: list[dict[str, Any]] = [{} for _ in range(head.meta["size"])]
    for name in INTS:
        for row, value in enumerate(arrays.get(f"{name}.values", ())):
            unset = arrays.get(f"{name}.unset")
            if unset is None or not unset[row // 8] >> row % 8 & 1:
                found[row][name] = value + head.meta["bases"][name]
    for name in STRINGS:
        ends = arrays.get(f"{name}.words.ends", ())
        text = bytes(arrays.get(f"{name}.words.text", ()))
        words = [text[start:end].decode() for start, end in zip((0, *ends), ends, strict=False)]
        assert words == sorted(set(words))
        for row, code in enumerate(arrays.get(f"{name}.codes", ())):
            if code:
                found[row][name] = words[code - 1]
    return found


def check_keys(head: Container, arrays: Mapping[str, tuple[Any, ...]]) -> list[tuple[int, ...]]:
    """The entries, in order, with fences and filter that fit them."""
    numbers = arrays["entries"]
    entries = [numbers[start : start + 5] for start in range(0, len(numbers), 5)]
    assert entries == sorted(entries)
    assert sorted(entry[4] for entry in entries) == list(range(head.meta["size"]))
    assert list(head.arrays["fences"]) == [entry[0] for entry in entries[::ENTRY_ROWS]]
    bits = 8 * len(arrays["filter"])
    for high, low, *_ in entries:
        for number in range(HASHES):
            place = (high + number * low) % 2**64 % bits
            assert arrays["filter"][place // 8] >> place % 8 & 1
    return entries


def check_clusters(head: Container, categories: list[int]) -> None:
    """Clusters cover the rows, each of one category."""
    starts = head.arrays["starts"]
    assert (starts[0], starts[-1]) == (0, head.meta["size"])
    for start, stop in itertools.pairwise(starts):
        assert start < stop
        assert len(set(categories[start:stop])) == 1
    width = head.shapes["projection"][1]
    assert head.shapes["projection"] == [head.meta["dimension"], width]
    assert head.shapes["centroids"] == [len(starts) - 1, width]


def records(
    head: Container,
    arrays: Mapping[str, tuple[Any, ...]],
    shown: list[dict[str, Any]],
    categories: list[int],
) -> list[tuple[Key, Record]]:
    """Keys and records, row by row."""
    dimension, bits = head.meta["dimension"], head.meta["bits"]
    words, found = -(-bits // 64), []
    for row, page in enumerate(shown):
        key = (page["product_id"], page["pic_name"])
        attributes = {
            name: value
            for name, value in page.items()
            if name not in ("product_id", "pic_name", "region") and value is not None
        }
        product = hashlib.blake2b(key[0].encode(), digest_size=8).digest()
        assert struct.pack("<Q", arrays["products"][row]) == product
        code = struct.pack(f"<{words}Q", *arrays["codes"][row * words : (row + 1) * words])
        assert not any(code[-(-bits // 8) :])
        feature = arrays["features"][row * dimension : (row + 1) * dimension]
        x1, x2, y1, y2 = page["region"]
        record = Record(
            categories[row],
            (x1, x2, y1, y2),
            attributes,
            code[: -(-bits // 8)],
            feature,
            arrays["scales"][row],
        )
        found.append((key, record))
    return found


def clustered(
    folder: Mapping[str, bytes], ref: dict[str, Any]
) -> list[tuple[Key, Position, Record]]:
    """The rows of a segment."""
    head = Container(folder[f"segments/{ref['id']}/head"], "head", ref["head"])
    body = folder[f"segments/{ref['id']}/body"]
    assert (len(body), ref["body"]["sha256"]) == (ref["body"]["size"], "")
    assert head.meta["size"] == ref["rows"]
    ranges = head.meta["ranges"]
    assert ref["categories"] == [[category, end - first] for category, first, end in ranges]
    categories = [category for category, first, end in ranges for _ in range(first, end)]
    check_clusters(head, categories)
    arrays = sections(head, body)
    shown, seen = pages(head, bytes(arrays["pages"])), columns(head, arrays)
    at: dict[int, Position] = {}
    for high, low, time, tie, row in check_keys(head, arrays):
        at[row] = Position(time, tie)
        assert (high, low) == digest((shown[row]["product_id"], shown[row]["pic_name"]))
    assert max(at.values()) == position(ref["newest"])
    made = records(head, arrays, shown, categories)
    for columns_say, (_, record) in zip(seen, made, strict=True):
        assert record.attributes == columns_say | {
            name: value for name, value in record.attributes.items() if name == "custom_content"
        }
    return [(key, at[row], record) for row, (key, record) in enumerate(made)]
