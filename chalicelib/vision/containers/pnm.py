"""PPM and its family (netpbm's ppm(5), pgm(5), pbm(5)): P1 to P6, read here and handed on as P5 or
P6 of 8 bits.

The library reads text and unusual maximum values sample by sample, and comments in quadratic time:
11 s for 1 MB of them.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = tuple(b"P%d" % kind for kind in range(1, 7))

_COMMENT = re.compile(rb"#[^\r\n]*")
_GAP = re.compile(rb"(?:\s|#[^\r\n]*[\r\n])++")
_NUMBER = re.compile(rb"[0-9]{1,6}(?=[\s#]|$)")
_MAX_COMMENTS = 10_000
_FEW_BITS = (255, 1023, 4095)
"""What 16-bit files hold whose values have 8, 10 or 12 bits, as in vision/depth.py."""
_TOO_SHORT = "this PPM has less picture data than its sides ask for; send the complete file"


def contents(data: bytes) -> Contents:
    """The picture as binary 8-bit grey (P5) or colour (P6).

    Raises:
        BadPicture: a malformed header, too little data, or a value over the declared maximum.
    """
    kind = data[1] - ord("0")
    bitmap, plain, bands = kind in (1, 4), kind <= 3, 3 if kind in (3, 6) else 1
    width, height, maximum, at = _header(data, bitmap=bitmap)
    # A text value takes at least one character, a binary one an eighth: refuse what cannot be there
    # before making room for it.
    count = width * height * bands
    if count > 8 * len(data):
        raise damaged(_TOO_SHORT)
    values: npt.NDArray[np.integer]
    if plain:
        values = _text_values(data[at:], count, packed=bitmap)
    elif bitmap:
        values = _bits(data[at + 1 :], width, height)
    else:
        size, form = (2, ">u2") if maximum > 255 else (1, "u1")
        values = np.frombuffer(data, form, offset=at + 1, count=(len(data) - at - 1) // size)
    if len(values) < count:
        raise damaged(_TOO_SHORT)
    samples = _eight_bits(values[:count], maximum)
    if bitmap:
        samples = 255 - samples
    return Contents(
        "PPM",
        b"P%d\n%d %d\n255\n" % (6 if bands == 3 else 5, width, height) + samples.tobytes(),
        width,
        height,
    )


def _header(data: bytes, *, bitmap: bool) -> tuple[int, int, int, int]:
    """Width, height, the maximum value and the place behind the header.

    Raises:
        BadPicture: malformed, or values out of range.
    """
    at = 2
    numbers = []
    for _ in range(2 if bitmap else 3):
        gap = _GAP.match(data, at)
        number = _NUMBER.match(data, gap.end()) if gap else None
        if number is None:
            raise damaged(
                "the header of this PPM is malformed: after P1 to P6 come width, height and, but "
                "for bitmaps, the maximum value"
            )
        numbers.append(int(number[0]))
        at = number.end()
    width, height, maximum = (*numbers, 1)[:3]
    if not (width and height and 0 < maximum < 65536):
        raise damaged(
            f"this PPM claims {width} by {height} pixels and a maximum value of {maximum}; save "
            "it again with an image editor"
        )
    return width, height, maximum, at


def _text_values(text: bytes, count: int, *, packed: bool) -> npt.NDArray[np.int64]:
    """Decimal numbers between white space; single digits, perhaps without space between, when
    `packed`.
    """
    if text.count(b"#") > _MAX_COMMENTS:
        raise damaged(
            f"this PPM has more than {_MAX_COMMENTS} comments; save it again with an image editor"
        )
    words = _COMMENT.sub(b" ", text).split()
    try:
        if packed:
            return np.frombuffer(b"".join(words)[:count], np.uint8).astype(np.int64) - ord("0")
        return np.fromiter(map(int, words[:count]), np.int64)
    except (ValueError, OverflowError):
        raise damaged(
            "this PPM has something between its numbers that is no number; save it again with an "
            "image editor"
        ) from None


def _bits(data: bytes, width: int, height: int) -> npt.NDArray[np.uint8]:
    """One bit a pixel, rows padded to whole bytes."""
    stride = (width + 7) // 8
    if len(data) < stride * height:
        raise damaged(_TOO_SHORT)
    rows = np.frombuffer(data, np.uint8, count=stride * height).reshape(height, stride)
    return np.unpackbits(rows, axis=1)[:, :width].ravel()


def _eight_bits(values: npt.NDArray[np.integer], maximum: int) -> npt.NDArray[np.uint8]:
    """0…maximum to 0…255."""
    if values.size and not 0 <= int(values.min()) <= int(values.max()) <= maximum:
        raise damaged(
            f"a value of this PPM is outside 0 to {maximum}, the maximum that it declares; save "
            "it again with an image editor"
        )
    if maximum == 255:
        return values.astype(np.uint8)
    if maximum > _FEW_BITS[-1]:
        highest = int(values.max(initial=0))
        maximum = next((most for most in _FEW_BITS if highest <= most), maximum)
    table = (np.arange(maximum + 1, dtype=np.int64) * 510 + maximum) // (2 * maximum)
    samples: npt.NDArray[np.uint8] = table.astype(np.uint8)[values]
    return samples
