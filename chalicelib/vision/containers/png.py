"""PNG (ISO/IEC 15948): a walk along the chunks."""

from __future__ import annotations

import struct
import zlib

from chalicelib.vision.containers import exif
from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = b"\x89PNG\r\n\x1a\n"

_PALETTE_COLOUR = 3
_DRAWING = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_CUT = "this PNG is cut off; send the complete file"


def contents(data: bytes) -> Contents:
    """The picture without text, profiles and animation: header, palette, transparency, image data.

    Raises:
        BadPicture: cut off, a checksum that does not fit, or a chunk missing.
    """
    chunks: dict[bytes, bytes] = {}
    pixels: list[bytes] = []
    at = len(MAGIC)
    while at < len(data):
        if at + 12 > len(data):
            raise damaged(_CUT)
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        end = at + 12 + length
        if end > len(data):
            raise damaged(_CUT)
        # The checksum of what is thrown away (text, profiles) does not matter.
        if kind in _DRAWING and int.from_bytes(data[end - 4 : end]) != zlib.crc32(
            body, zlib.crc32(kind)
        ):
            raise damaged(
                f"the checksum of the PNG's {kind.decode()} chunk is wrong; the file was damaged "
                "on its way: send it again"
            )
        if kind == b"IDAT":
            pixels.append(body)
        elif kind == b"IEND":
            break
        else:
            chunks.setdefault(kind, body)
        at = end
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
    turned = exif.orientation(chunks.get(b"eXIf", b""))
    return Contents(
        "PNG", MAGIC + b"".join(_chunk(kind, body) for kind, body in kept), width, height, turned
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return (
        struct.pack(">I", len(body))
        + kind
        + body
        + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
    )
