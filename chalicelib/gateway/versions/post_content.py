"""The body of 2018-01-20, as the old SDK's buildPostContent writes it (CONTRACT §5).

    name,start,end#name,start,end#…^all values joined

Offsets are into what follows the first `^`, end exclusive, counted in the client's units of text:
UTF-16 units from Java, bytes from Python 2.
"""

from __future__ import annotations

import re
from typing import Final

from chalicelib.gateway.wire.faults import WireFault

MAX_ITEMS: Final = 64
_ITEM: Final = re.compile(r"([^,#^]+),(\d{1,9}),(\d{1,9})", re.ASCII)


def parse_post_content(body: bytes) -> dict[str, str]:
    """Key to value. Raises WireFault with the codes of this format."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise WireFault("InvalidMetaItem", "the body is not UTF-8 text") from None
    meta, caret, content = text.partition("^")
    if not caret:
        raise WireFault("NoCaretSeperator", "the body has no ^ between its table and its values")
    if not meta:
        raise WireFault("EmptyMeta", "the table before the ^ is empty")
    items = meta.split("#", MAX_ITEMS)
    if len(items) > MAX_ITEMS:
        # each may name the whole body, so their number bounds the work
        raise WireFault("InvalidMetaItem", f"the table has more than {MAX_ITEMS} items")
    spans = [_span(item) for item in items]
    names = [name for name, _, _ in spans]
    if len(set(names)) < len(names):
        raise WireFault("InvalidMetaItem", "a name occurs twice in the table")
    last = max(end for _, _, end in spans)
    return _cut(content, spans, last)


def _span(item: str) -> tuple[str, int, int]:
    """(name, start, end) of one item of the table."""
    match = _ITEM.fullmatch(item)
    if match is None or int(match[2]) > int(match[3]):
        raise WireFault("InvalidMetaItem", f"{item[:40]!r} is not name,start,end")
    return match[1], int(match[2]), int(match[3])


def _cut(content: str, spans: list[tuple[str, int, int]], last: int) -> dict[str, str]:
    """The values that `spans` name in `content`, in the unit that `last`, the last end, fits."""
    data = content.encode()
    if len(data) == len(content):
        units, width, encoding = data, 1, "utf-8"
    else:
        # UTF-16 where the last offset fits its length, else bytes
        wide = content.encode("utf-16-le")
        units, width, encoding = (
            (wide, 2, "utf-16-le")
            if last * 2 == len(wide) or last > len(data)
            else (data, 1, "utf-8")
        )
    if last * width > len(units):
        raise WireFault(
            "InvalidMetaItem",
            f"the table reaches to {last}, past the {len(units) // width} units after the ^",
        )
    try:
        return {
            name: units[start * width : end * width].decode(encoding) for name, start, end in spans
        }
    except UnicodeDecodeError:
        raise WireFault(
            "InvalidMetaItem", "an offset in the table falls inside a character"
        ) from None
