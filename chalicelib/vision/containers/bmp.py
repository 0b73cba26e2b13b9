"""BMP: the header's sides."""

from __future__ import annotations

import struct

from chalicelib.vision.containers.contents import Contents, damaged

MAGIC = b"BM"

_OLD_HEADER = 12


def contents(data: bytes) -> Contents:
    """The file as it is: BMP has nothing to leave out.

    Raises:
        BadPicture: no complete header.
    """
    if len(data) < 26:
        raise damaged("this BMP is cut off; send the complete file")
    (header,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if header == _OLD_HEADER else "<ii", data, 18)
    if width <= 0 or height == 0:
        raise damaged(
            f"this BMP claims to be {width} by {height} pixels; save it again with an image editor"
        )
    # A negative height means rows from top to bottom.
    return Contents("BMP", data, width, abs(height))
