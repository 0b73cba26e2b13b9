"""Mutated pictures of all formats through decode, in a process that test_mutations.py starts and
limits.

    python -m tests.vision.mutate SEED COUNT [analyze]

Prints counts; dies at the first file that takes longer than it may, or that raises anything but
BadPicture.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable

import numpy as np

from chalicelib.errors import BadPicture
from chalicelib.service import Service
from chalicelib.vision.analysis import Request
from chalicelib.vision.decode import WITH_AVIF, Limits, decode
from tests.vision import drawn, limits
from tests.vision.encodings import bitmaps, encoded, samples, turned

_WORDS = (
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff\xda",
    b"\xff\xd8",
    b"\xff\xc2",
    b"IDAT",
    b"#",
    b"65535",
)


def main() -> None:
    """See the module. With `analyze`, what can be read also goes through the models."""
    analyzer = None
    if sys.argv[3:] == ["analyze"]:
        from chalicelib.vision.analyze import Analyzer

        analyzer = Analyzer(threads=1)
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    dice = random.Random(seed)
    bases = _bases()
    names = sorted(bases)
    outcomes: Counter[str] = Counter()
    accepted = Limits(min_side=1, formats=WITH_AVIF)
    for number in range(count):
        name = names[number % len(names)]
        data = mutated(bases[name], bases[dice.choice(names)], dice)
        limits.allow()
        try:
            picture = decode(data, limits=accepted)
            assert picture.colour.mode == "RGB"
            picture.letterbox(side=64)
            if analyzer is not None:
                feature = analyzer.analyze(data, Request(Service(number % 2))).feature
                assert np.isfinite(feature).all()
            outcomes["read"] += 1
        except BadPicture as error:
            outcomes[error.fault.name.lower() if str(error) else "silent"] += 1
        except BaseException:
            print(f"seed {seed}, file {number}, {name}", flush=True)
            raise
    print(" ".join(f"{name}={number}" for name, number in sorted(outcomes.items())))
    print(f"peak={limits.peak_mb()}")


def _bases() -> dict[str, bytes]:
    small = drawn.shoes().resize((120, 104))
    bases = {
        **samples(small),
        **bitmaps(small),
        "avif": encoded(small, "AVIF", quality=60),
        "cut-out": drawn.png(drawn.cut_out()),
    }
    bases |= {
        f"turned {kind}": turned(small, 6, kind) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF")
    }
    return bases


def mutated(data: bytes, other: bytes, dice: random.Random) -> bytes:
    """`data` after one to four changes; `other` lends pieces."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 4))):
        dice.choice(_CHANGES)(out, other, dice)
    return bytes(out)


def _place(out: bytearray, dice: random.Random) -> int:
    """Anywhere, but as often in the first 200 bytes, where the structure is."""
    if not out:
        return 0
    return dice.randrange(min(len(out), 200) if dice.random() < 0.5 else len(out))


def _flip(out: bytearray, other: bytes, dice: random.Random) -> None:
    if out:
        out[_place(out, dice)] ^= 1 << dice.randrange(8)


def _set(out: bytearray, other: bytes, dice: random.Random) -> None:
    if out:
        out[_place(out, dice)] = dice.randrange(256)


def _word(out: bytearray, other: bytes, dice: random.Random) -> None:
    word = dice.choice(_WORDS)
    at = _place(out, dice)
    out[at : at + len(word)] = word


def _cut(out: bytearray, other: bytes, dice: random.Random) -> None:
    del out[_place(out, dice) :]


def _remove(out: bytearray, other: bytes, dice: random.Random) -> None:
    at = _place(out, dice)
    del out[at : at + dice.choice((1, 2, 4, 30, 500))]


def _repeat(out: bytearray, other: bytes, dice: random.Random) -> None:
    at = _place(out, dice)
    out[at:at] = out[at : at + dice.choice((1, 8, 100, 2000))] * dice.choice((1, 2, 50))


def _borrow(out: bytearray, other: bytes, dice: random.Random) -> None:
    at, source = _place(out, dice), dice.randrange(max(1, len(other)))
    out[at:at] = other[source : source + dice.choice((4, 60, 900))]


def _noise(out: bytearray, other: bytes, dice: random.Random) -> None:
    at = _place(out, dice)
    out[at : at + 16] = dice.randbytes(16)


_CHANGES: tuple[Callable[[bytearray, bytes, random.Random], None], ...] = (
    _flip,
    _flip,
    _set,
    _set,
    _word,
    _cut,
    _remove,
    _repeat,
    _borrow,
    _noise,
)


if __name__ == "__main__":
    main()
