"""PNG (ISO/IEC 15948): a walk along the chunks."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from chalicelib.vision.containers import exif
from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = b"\x89PNG\r\n\x1a\n"

_PALETTE_COLOUR = 3
_DRAWING = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_CUT = "this PNG is cut off; send the complete file"
_MAX_PROFILE = 4 * 1024 * 1024
"""Bytes unpacked: profiles for print have up to 3 MB."""


def contents(data: bytes) -> Contents:
    """The picture without text and animation: header, palette, transparency, image data.

    Raises:
        BadPicture: cut off, a checksum that does not fit, or a chunk missing.
    """
    chunks: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    for kind, body in _chunks(data):
        if kind == b"IDAT":
            pixels.append(body)
        else:
            chunks.setdefault(kind, body)
    header = chunks.get(b"IHDR", b"")
    if len(header) != 13 or not pixels:
        raise damaged(_CUT)
    width, height = struct.unpack_from(">II", header)
    if header[9] == _PALETTE_COLOUR and not chunks.get(b"PLTE"):
        raise damaged(
            "this PNG speaks of a palette and has none; save it again with an image editor"
        )
    kept: list[tuple[bytes, bytes]] = [(kind, chunks[kind]) for kind in _DRAWING if kind in chunks]
    kept += [(b"IDAT", b"".join(pixels)), (b"IEND", b"")]
    return Contents(
        "PNG",
        MAGIC + b"".join(_chunk(kind, body) for kind, body in kept),
        width,
        height,
        exif.orientation(chunks.get(b"eXIf", b"")),
        profile=_profile(chunks.get(b"iCCP", b"")),
        gamma=_gamma(chunks),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of all chunks before the end.

    Raises:
        BadPicture: cut off, or a checksum that does not fit.
    """
    at = len(MAGIC)
    while at < len(data):
        if at + 12 > len(data):
            raise damaged(_CUT)
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        end = at + 12 + length
        if end > len(data):
            raise damaged(_CUT)
        if kind == b"IEND":
            return
        # The checksum of what is thrown away (text) does not matter.
        if kind in _DRAWING and int.from_bytes(data[end - 4 : end]) != zlib.crc32(
            body, zlib.crc32(kind)
        ):
            raise damaged(
                f"the checksum of the PNG's {kind.decode()} chunk is wrong, so its picture is"
                " damaged; save it again from the original"
            )
        yield kind, body
        at = end


def _profile(chunk: bytes) -> bytes:
    """The ICC profile of an iCCP chunk (name, 0, method, deflated); empty where it is none."""
    _, _, packed = chunk.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], _MAX_PROFILE)
    except zlib.error:
        return b""
    return profile if unpacker.eof else b""


def _gamma(chunks: dict[bytes, bytes]) -> float:
    """What gAMA says, where nothing better says it; 0 where nothing does."""
    body = chunks.get(b"gAMA", b"")
    if len(body) != 4 or not chunks.keys().isdisjoint((b"sRGB", b"iCCP", b"cICP")):
        return 0.0
    return int.from_bytes(body) / 100_000


def _chunk(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
    )
