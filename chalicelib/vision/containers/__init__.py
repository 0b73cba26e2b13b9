"""What a picture file contains, read from its bytes alone, before any image library sees them.

decode.py and render.py use it to know a file's format, sides and orientation, and to hand the
library no more than the first picture: text, previews, further frames and pages, trailing bytes are
left out, and what would take too much work is refused. That closes the ways in which a small file
makes a decoder slow or hungry (thousands of progressive scans, unpacked text, comments in a text
picture, tiles that share one stream).
"""

from __future__ import annotations

from chalicelib.vision.containers import avif, bmp, foreign, gif, jpeg, png, pnm, tiff, webp
from chalicelib.vision.containers.contents import Contents

__all__ = ["Contents", "examine"]

_READERS = (
    (jpeg.MAGIC, jpeg.contents),
    (png.MAGIC, png.contents),
    (gif.MAGIC, gif.contents),
    (bmp.MAGIC, bmp.contents),
    (tiff.MAGIC, tiff.contents),
    (pnm.MAGIC, pnm.contents),
)


def examine(data: bytes) -> Contents:
    """What the file holds, by its first bytes; a name or a declared type plays no part.

    Raises:
        BadPicture: not a format this service reads (CONTRACT §2.2), or damaged beyond reading.
    """
    for magic, reader in _READERS:
        if data.startswith(magic):
            return reader(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp.contents(data)
    if data[4:8] == b"ftyp" and avif.BRANDS & foreign.brands(data):
        return avif.contents(data)
    raise foreign.refusal(data)
