"""TIFF 6.0 and BigTIFF: the first directory, rewritten with the tags that draw the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chalicelib.vision.containers.contents import Contents, damaged
from chalicelib.vision.containers.exif import ORIENTATION
from chalicelib.vision.containers.tiff_directory import MAGIC, Directory

__all__ = ["MAGIC", "contents"]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_SAMPLES, _PLANAR = 277, 284
_STRIP_OFFSETS, _ROWS, _STRIP_BYTES = 273, 278, 279
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_BYTES = 322, 323, 324, 325
_PALETTE, _EXTRA, _FORMAT, _JPEG_TABLES, _SUBSAMPLING, _PROFILE = 320, 338, 339, 347, 530, 34675
_PLACES = {False: (_STRIP_OFFSETS, _STRIP_BYTES), True: (_TILE_OFFSETS, _TILE_BYTES)}
_LISTS = frozenset((_BITS, _PALETTE, _EXTRA, _FORMAT, _JPEG_TABLES, 529, _SUBSAMPLING, 532))
_SINGLE = frozenset((_WIDTH, _HEIGHT, _COMPRESSION, _PHOTOMETRIC, 266, _SAMPLES, _ROWS, _PLANAR))
_SINGLE |= {292, 293, 317, _TILE_WIDTH, _TILE_HEIGHT, 531}
_DRAWING = _SINGLE | _LISTS
"""What draws the picture, beside where its pieces lie."""

_NONE, _JPEG = 1, 7
_COMPRESSIONS = frozenset((_NONE, 2, 3, 4, 5, _JPEG, 8, 32773, 32946))
"""None, CCITT, LZW, JPEG, deflate, PackBits. LZMA, Zstandard and the rest are rare and their
decoders take what memory a file asks for.
"""
_OTHERS = {6: "old-style JPEG", 9: "JBIG", 10: "JBIG", 34661: "JBIG", 32809: "ThunderScan"}
_OTHERS |= {32766: "NeXT", 32909: "PixarLog", 34676: "SGI LogLuv", 34677: "SGI LogLuv 24"}
_OTHERS |= {34712: "JPEG 2000", 34887: "LERC", 34892: "lossy DNG JPEG", 34925: "LZMA"}
_OTHERS |= {50000: "Zstandard", 50001: "WEBP", 50002: "JPEG XL", 52546: "JPEG XL"}

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _INDEXED, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS = {_RGB: "RGB", _INDEXED: "palette", 4: "mask", _CMYK: "CMYK", _YCBCR: "YCbCr"}
_COLOURS |= {_LAB: "CIE Lab", 9: "ICC Lab", 10: "ITU Lab", 32803: "raw camera", 34892: "linear raw"}
_COLOURS |= {32844: "LogL", 32845: "LogLuv"}

_MAX_DECODED = 176 * 1024 * 1024
"""Bytes that all pieces unpack to: 4096 × 4096 of four 16-bit samples, and a quarter more for what
tiles hang over.
"""
_MAX_READ = 64 * 1024 * 1024
"""Compressed bytes, counted as often as pieces name them: sixteen times the largest file."""
_MAX_PIECES = 70_000
_MAX_SAMPLES = 6
_MAX_SCANNED = 700_000_000
"""Scans × pixels of all JPEG pieces, as decode.MAX_SCANNED_PIXELS."""


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The strips or tiles that make the picture, those beyond its end left out."""

    tiled: bool
    pixels: int
    """Of one piece."""
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


def contents(data: bytes) -> Contents:
    """The first picture: a classic TIFF whose only directory has the drawing tags alone, and no
    orientation.

    Raises:
        BadPicture: no readable directory, a variant that is not decoded, or more work than a
        picture takes.
    """
    tags = Directory(data, single=_SINGLE)
    width, height = tags.number(_WIDTH, 0), tags.number(_HEIGHT, 0)
    if not (width and height):
        raise damaged(
            "this TIFF does not say how large its picture is; save it again with an image editor"
        )
    _check_variant(tags)
    pieces = _pieces(tags, width, height)
    passes = _check_work(tags, pieces)
    places, lengths = _PLACES[pieces.tiled]
    changed = {places: pieces.offsets, lengths: pieces.sizes}
    palette = tags.numbers(_PALETTE)
    if palette and max(palette) < 256:
        # Written in 8 bits where 16 are meant: a picture that would be black.
        changed[_PALETTE] = tuple(257 * value for value in palette)
    inverted = _inverted(tags)
    if inverted:
        changed[_PHOTOMETRIC] = (_BLACK_IS_ZERO,)
    turned = tags.number(ORIENTATION, 1)
    return Contents(
        "TIFF",
        tags.rewritten(_DRAWING, changed),
        width,
        height,
        turned if 1 <= turned <= 8 else 1,
        passes,
        inverted=inverted,
        profile=tags.raw(_PROFILE),
        kind=_described(tags),
    )


def _bits(tags: Directory) -> tuple[int, ...]:
    """Bits of each sample of a pixel."""
    bits, samples = tags.numbers(_BITS) or (1,), tags.number(_SAMPLES, 1)
    return bits[:samples] if len(bits) > 1 else bits * samples


def _inverted(tags: Directory) -> bool:
    """Whether white is 0 in samples of more than 8 bits, which the library does not turn round."""
    return tags.number(_PHOTOMETRIC, 1) == _WHITE_IS_ZERO and max(_bits(tags)) > 8


def _described(tags: Directory) -> str:
    """The kind of its samples, in words."""
    bits = sorted(set(_bits(tags)))
    form = {2: "signed ", 3: "floating-point ", 5: "complex ", 6: "complex "}.get(
        tags.number(_FORMAT, 1), ""
    )
    colour = _COLOURS.get(tags.number(_PHOTOMETRIC, 1), "grey")
    planes = " in planes" if tags.number(_PLANAR, 1) == 2 else ""
    samples = len(_bits(tags))
    return f"{colour} of {samples} × {'/'.join(map(str, bits))} {form}bits{planes}"


def _check_variant(tags: Directory) -> None:
    """Raises BadPicture for what the library refuses or, worse, decodes to noise."""
    compression = tags.number(_COMPRESSION, _NONE)
    if compression not in _COMPRESSIONS:
        name = f" ({_OTHERS[compression]})" if compression in _OTHERS else ""
        raise damaged(
            f"this TIFF uses compression {compression}{name}; save it with LZW, deflate, JPEG or"
            " no compression"
        )
    if tags.number(_SAMPLES, 1) > _MAX_SAMPLES:
        raise damaged(
            "this TIFF has more samples per pixel than colour and transparency need; save it as RGB"
        )
    deep_planes = _planes(tags) > 1 and max(_bits(tags)) != 8
    whole = tags.numbers(_SUBSAMPLING) == (1, 1)
    if deep_planes or (tags.number(_PHOTOMETRIC, 1), compression, whole) == (_YCBCR, _NONE, False):
        raise damaged(
            f"this TIFF is {_described(tags)}{'' if deep_planes else ', subsampled'}, which is not"
            " read here; save it as RGB of 8 bits per sample"
        )


def _pieces(tags: Directory, width: int, height: int) -> _Pieces:
    """The pieces, in order.

    Raises:
        BadPicture: none, too many, or compressed ones without their lengths.
    """
    tiled = _TILE_OFFSETS in tags or _TILE_WIDTH in tags
    places, lengths = _PLACES[_TILE_OFFSETS in tags]
    across = max(1, tags.number(_TILE_WIDTH, width)) if tiled else width
    down = tags.number(_TILE_HEIGHT, height) if tiled else min(height, tags.number(_ROWS, height))
    down = max(1, down)
    count = math.ceil(width / across) * math.ceil(height / down) * _planes(tags)
    offsets = tags.numbers(places)
    if not offsets:
        raise damaged("this TIFF says nowhere where its picture lies; save it again")
    if max(count, len(offsets)) > _MAX_PIECES:
        raise damaged(
            f"this TIFF is cut into {max(count, len(offsets))} pieces; save it again with an image"
            " editor"
        )
    offsets = offsets[:count]
    sizes = tags.numbers(lengths)[: len(offsets)]
    if len(sizes) < len(offsets) or 0 in sizes:
        sizes = _guessed(tags, offsets, across * down)
    return _Pieces(tiled, across * down, offsets, sizes)


def _guessed(tags: Directory, offsets: tuple[int, ...], pixels: int) -> tuple[int, ...]:
    """Bytes of pieces whose lengths are not told. A library would guess piece by piece, each to the
    end of the file: that is done for a single one here.

    Raises:
        BadPicture: several compressed pieces.
    """
    if tags.number(_COMPRESSION, _NONE) == _NONE:
        return (math.ceil(pixels * sum(_bits(tags)) / 8 / _planes(tags)),) * len(offsets)
    if len(offsets) == 1:
        return (max(1, len(tags.data) - offsets[0]),)
    raise damaged("this TIFF does not say how long its pieces are; save it again")


def _planes(tags: Directory) -> int:
    """How many pictures of one sample each it is stored as."""
    return len(_bits(tags)) if tags.number(_PLANAR, 1) == 2 else 1


def _check_work(tags: Directory, pieces: _Pieces) -> int:
    """Scans of the busiest JPEG piece; 1 for other compressions.

    Raises:
        BadPicture: more bytes to read or to unpack, or more scans, than a picture has.
    """
    unpacked = len(pieces.offsets) * pieces.pixels * sum(_bits(tags)) // 8 // _planes(tags)
    if unpacked > _MAX_DECODED:
        raise damaged(
            f"the pieces of this TIFF unpack to {unpacked // 2**20} MiB, more than any picture"
            " accepted here; save it without tiles"
        )
    compression = tags.number(_COMPRESSION, _NONE)
    sizes = [min(size, len(tags.data)) for size in pieces.sizes]
    if compression != _NONE and sum(sizes) > _MAX_READ:
        raise damaged(
            "the pieces of this TIFF name the same bytes again and again; save it again with an"
            " image editor"
        )
    if compression != _JPEG:
        return 1
    scans = [
        max(1, tags.data.count(b"\xff\xda", start, start + size))
        for start, size in zip(pieces.offsets, sizes, strict=True)
    ]
    if sum(scans) * pieces.pixels > _MAX_SCANNED:
        raise damaged(
            f"this TIFF passes over its picture {max(scans)} times, far more than cameras do; save"
            " it as a baseline JPEG"
        )
    return max(scans)
