"""Where the items of an AVIF lie, and how much there is to decode in them."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.vision.containers import av1

_MAX_ITEMS = 2_000
_MAX_EXTENTS = 64


def pixels(data: bytes, iloc: bytes, idat: int) -> int:
    """Pixels of all AV1 pictures in the file together: tiles, planes of transparency, gain maps.

    Args:
        data: the file.
        iloc: the body of its item location box (ISO/IEC 14496-12, 8.11.3).
        idat: where the body of its item data box begins.
    """
    return sum(av1.pixels(head) for head in _heads(data, iloc, idat))


class _Numbers:
    """Reads numbers of some bytes; zeros behind the end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> int:
        """The next `size` bytes as a number, the highest first."""
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at])

    @property
    def ended(self) -> bool:
        """Whether all was read."""
        return self._at >= len(self._data)


def _heads(data: bytes, iloc: bytes, idat: int) -> Iterator[bytes]:
    """The first bytes of each item."""
    # the fields of iloc one by one (ISO/IEC 14496-12, 8.11.3); widths come first, as half bytes
    numbers = _Numbers(iloc)
    version = numbers.take(4) >> 24
    sizes, more = numbers.take(1), numbers.take(1)
    of_offset, of_length, of_base = sizes >> 4, sizes & 15, more >> 4
    of_index = more & 15 if version else 0
    for _ in range(min(numbers.take(2 if version < 2 else 4), _MAX_ITEMS)):
        if numbers.ended:
            return
        numbers.take(2 if version < 2 else 4)
        # construction method 1: the item lies in idat, not at a place of the file
        start = idat if version and numbers.take(2) & 15 == 1 else 0
        numbers.take(2)
        start += numbers.take(of_base)
        head = b""
        for _ in range(min(numbers.take(2), _MAX_EXTENTS)):
            numbers.take(of_index)
            at = start + numbers.take(of_offset)
            length = numbers.take(of_length) or len(data)
            head += data[at : at + min(length, av1.HEAD)]
        yield head[: av1.HEAD]
