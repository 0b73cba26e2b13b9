"""ICC profiles of usual colour spaces, written by hand, and pictures in them (ICC.1:2001-04)."""

from __future__ import annotations

import io
import struct

from PIL import Image, ImageCms

Corner = tuple[float, float, float]

SPACES: dict[str, tuple[tuple[Corner, Corner, Corner], float]] = {
    "Adobe RGB": (
        ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
        2.19921875,
    ),
    "Display P3": (
        ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
        2.2,
    ),
    "ProPhoto": (
        ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
        1.8,
    ),
    "BGR": (
        ((0.14306, 0.06061, 0.71393), (0.38512, 0.71690, 0.09706), (0.43604, 0.22249, 0.01392)),
        2.2,
    ),
}
"""Name → XYZ of red, green and blue under D50, and gamma. In "BGR" red is what others call blue:
who ignores it sees another picture.
"""


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def matrix(name: str) -> bytes:
    """A display profile of version 2 with three corners and one curve."""
    corners, gamma = SPACES[name]
    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.8249)}
    for letter, corner in zip(b"rgb", corners, strict=True):
        tags[b"%cXYZ" % letter] = b"XYZ \0\0\0\0" + _fixed(*corner)
        tags[b"%cTRC" % letter] = curve
    return profile(tags, b"RGB ")


def grey(gamma: float) -> bytes:
    """A grey profile of one curve."""
    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    white = b"XYZ \0\0\0\0" + _fixed(0.9642, 1.0, 0.8249)
    return profile({b"wtpt": white, b"kTRC": curve}, b"GRAY")


def inks(lightness: tuple[int, int, int, int]) -> bytes:
    """A printer's profile of four inks, all of them grey: L* of a full layer of each alone; two or
    more together are black, none is white (lut8Type, two points a side).
    """
    corners = b""
    for number in range(16):
        used = [number >> 3 & 1, number >> 2 & 1, number >> 1 & 1, number & 1]
        shade = lightness[used.index(1)] if sum(used) == 1 else 0 if any(used) else 100
        corners += bytes((round(shade * 2.55), 128, 128))
    ramp = bytes(range(256))
    matrix_ = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + matrix_ + ramp * 4 + corners + ramp * 3
    made = profile({b"A2B0": table}, b"CMYK")
    return made[:12] + b"prtrCMYKLab " + made[24:]


def profile(tags: dict[bytes, bytes], space: bytes) -> bytes:
    """Header, table and bodies."""
    at = 128 + 4 + 12 * len(tags)
    table, bodies = struct.pack(">I", len(tags)), b""
    for name, body in tags.items():
        table += struct.pack(">4sII", name, at + len(bodies), len(body))
        bodies += body
    header = struct.pack(
        ">I4sI4s4s4s", at + len(bodies), b"test", 0x02400000, b"mntr", space, b"XYZ "
    )
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    return (header + _fixed(0.9642, 1.0, 0.8249)).ljust(128, b"\0") + table + bodies


def converted(image: Image.Image, name: str) -> Image.Image:
    """The sRGB picture `image` in another space: other numbers for the same colours."""
    space = ImageCms.ImageCmsProfile(io.BytesIO(matrix(name)))
    shown = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), space)
    assert shown is not None
    return shown
