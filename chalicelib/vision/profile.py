"""ICC profiles and gamma: from a picture's colours to those of sRGB.

A profile is a program that a stranger wrote: only the tags that turn device colours into a
connection space are kept, so that neither tables for the other direction nor chains of elements are
run (ICC.1:2022, 7.2 to 7.4).
"""

from __future__ import annotations

import functools
import io
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_MAX_BYTES = 3 * 1024 * 1024
_MAX_TAGS = 100
_TAGS = frozenset((b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"wtpt", b"chad"))
_TAGS |= {b"A2B0", b"A2B1"}
_TYPES = frozenset((b"XYZ ", b"curv", b"para", b"mft1", b"mft2", b"mAB ", b"sf32"))
_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
"""Colour space of a profile → the image library's mode."""
_HEADER = 128
_SAME = 4
"""Of 255: a profile that moves no colour further is sRGB as somebody else computed it."""
_DISPLAY = 2.2
"""Exponent of what is shown: sRGB's, nearly."""
_GAMMA_SLACK = 0.05
"""Share by which a gamma may differ and count as sRGB's, as in libpng."""


def mode_of(profile: bytes) -> str:
    """Mode of the pictures that a profile is for; empty where it is of no use here."""
    if not _HEADER + 4 <= len(profile) <= _MAX_BYTES or profile[36:40] != b"acsp":
        return ""
    return _MODES.get(profile[16:20], "")


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """`image`, of the profile's mode, with the colours of sRGB, as RGB; itself where the profile is
    sRGB's or no use.
    """
    transform = _transform(profile)
    if transform is None:
        return image
    shown = ImageCms.applyTransform(image, transform)
    return image if shown is None else shown


def from_lab(image: Image.Image) -> Image.Image:
    """CIE L*a*b* (D50) as sRGB."""
    shown = ImageCms.applyTransform(image, _lab())
    return image if shown is None else shown


def with_gamma(image: Image.Image, gamma: float) -> Image.Image:
    """An RGB picture whose samples are light to the power of `gamma`, encoded as sRGB."""
    power = 1 / (gamma * _DISPLAY) if gamma > 0 else 1.0
    if abs(power - 1) < _GAMMA_SLACK or not 0.1 < power < 10 or image.mode not in ("RGB", "L"):
        return image
    table = np.round(255 * (np.arange(256) / 255) ** power).astype(int).tolist()
    return image.point(table * len(image.getbands()))


@functools.lru_cache(maxsize=16)
def _transform(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """From the profile to sRGB; None where that changes nothing, or the profile is broken."""
    mode = mode_of(profile)
    cleaned = _cleaned(profile)
    if not mode or not cleaned:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(cleaned))
        transform = ImageCms.buildTransform(
            source, _srgb(), mode, "RGB", ImageCms.Intent.RELATIVE_COLORIMETRIC
        )
        if mode == "CMYK":
            return transform
        probe = _probe(mode)
        shown = ImageCms.applyTransform(probe, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    apart = np.asarray(shown).astype(int) - np.asarray(probe.convert("RGB"))
    return None if np.abs(apart).max() <= _SAME else transform


@functools.cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@functools.cache
def _lab() -> ImageCms.ImageCmsTransform:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    return ImageCms.buildTransform(lab, _srgb(), "LAB", "RGB")


def _probe(mode: str) -> Image.Image:
    """All greys and, for RGB, a grid of colours."""
    greys: npt.NDArray[np.uint8] = np.arange(0, 256, 5, dtype=np.uint8)
    if mode == "L":
        return Image.fromarray(greys[None])
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
    return Image.fromarray(np.concatenate([grid, np.repeat(greys[None, :, None], 3, 2)], axis=1))


def _cleaned(profile: bytes) -> bytes:
    """The profile with the tags that matter alone, each of a type that is a table or a curve;
    empty where it is malformed.
    """
    try:
        (count,) = struct.unpack_from(">I", profile, _HEADER)
        if count > _MAX_TAGS:
            return b""
        tags = [struct.unpack_from(">4sII", profile, _HEADER + 4 + 12 * n) for n in range(count)]
    except struct.error:
        return b""
    kept = {
        name: profile[start : start + size]
        for name, start, size in tags
        if name in _TAGS and profile[start : start + 4] in _TYPES and start + size <= len(profile)
    }
    table, bodies = struct.pack(">I", len(kept)), b""
    first = _HEADER + 4 + 12 * len(kept)
    for name, body in kept.items():
        table += struct.pack(">4sII", name, first + len(bodies), len(body))
        bodies += body + b"\0" * (-len(body) % 4)
    size = struct.pack(">I", first + len(bodies))
    return size + profile[4:_HEADER] + table + bodies
