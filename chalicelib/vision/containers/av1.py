"""The largest frame that an AV1 stream may hold, from its sequence header (AV1 Bitstream & Decoding
Process Specification, 5.5).
"""

from __future__ import annotations

HEAD = 128
"""Bytes of a stream that are enough to find it: it is the first or second unit."""
_SEQUENCE_HEADER = 1
_MAX_UNITS = 8


class _Bits:
    """Reads a number of bits at a time, the highest first; zeros behind the end."""

    def __init__(self, data: bytes) -> None:
        self._number = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        self._left -= count
        shifted = self._number >> self._left if self._left >= 0 else self._number << -self._left
        return shifted & ((1 << count) - 1)


def pixels(stream: bytes) -> int:
    """Width × height of the largest frame; 0 where no sequence header is found.

    Args:
        stream: the first HEAD bytes, of low-overhead format as in AVIF.
    """
    at = 0
    for _ in range(_MAX_UNITS):
        if at >= len(stream):
            break
        header = stream[at]
        at += 2 if header & 4 else 1
        size, at = _leb128(stream, at) if header & 2 else (len(stream) - at, at)
        if header >> 3 & 15 == _SEQUENCE_HEADER:
            return _largest(_Bits(stream[at : at + size]))
        at += size
    return 0


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and the place behind it."""
    value = 0
    for place, byte in enumerate(data[at : at + 8]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    return value, at + 8


def _largest(bits: _Bits) -> int:
    """Pixels of the largest frame that the sequence header allows."""
    bits.take(4)
    if bits.take(1):  # reduced_still_picture_header
        bits.take(5)
    else:
        _skip_operating_points(bits)
    across, down = bits.take(4) + 1, bits.take(4) + 1
    return (bits.take(across) + 1) * (bits.take(down) + 1)


def _skip_operating_points(bits: _Bits) -> None:
    """Times, decoder models and operating points (5.5.1 to 5.5.4)."""
    delay = _skip_timing(bits) if bits.take(1) else 0
    initial_delay = bits.take(1)
    for _ in range(bits.take(5) + 1):
        bits.take(12)
        if bits.take(5) > 7:
            bits.take(1)
        if delay and bits.take(1):
            bits.take(2 * delay + 1)
        if initial_delay and bits.take(1):
            bits.take(4)


def _skip_timing(bits: _Bits) -> int:
    """Skips times and decoder model; bits of a delay of operating points, 0 without a model."""
    bits.take(64)
    if bits.take(1):
        zeros = 0
        while bits.take(1) == 0 and zeros < 32:
            zeros += 1
        bits.take(zeros)
    if not bits.take(1):
        return 0
    delay = bits.take(5) + 1
    bits.take(42)
    return delay
