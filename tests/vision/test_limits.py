"""What is refused from the header alone: sides that two readers see differently, and scans that
would take too long for the pixels there are.
"""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import pytest

from chalicelib.errors import BadPicture
from chalicelib.vision.containers import examine
from chalicelib.vision.decode import DETAIL, MAX_SCANS, Limits, decode
from chalicelib.vision.render import render
from tests.vision import drawn, torture
from tests.vision.encodings import encoded

PICTURE = drawn.shoes().resize((240, 200))
KINDS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM", "AVIF")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [{"width": 241}, {"width": 120}, {"height": 100}])
def test_a_file_whose_sides_the_library_sees_otherwise_is_refused(
    kind: str, change: dict[str, int]
) -> None:
    """The limits were checked on the sides of the container: a library that sees others would be
    beyond them.
    """
    found = examine(encoded(PICTURE, kind))
    assert render(found, DETAIL)[0].size == (240, 200)
    with pytest.raises(BadPicture, match="contradicts itself about its sides"):
        render(replace(found, **change), DETAIL)  # type: ignore[arg-type]


def with_sides(data: bytes, width: int, height: int) -> bytes:
    """A progressive JPEG that claims other sides."""
    at = data.index(b"\xff\xc2") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


@pytest.mark.parametrize("scans", [43, MAX_SCANS])
def test_scans_count_by_the_pixels_that_each_passes_over(scans: int) -> None:
    data = torture.scans(600, scans)
    assert decode(data, limits=Limits()).width == 600
    with pytest.raises(BadPicture, match=f"passes over its picture {scans} times"):
        decode(with_sides(data, 4096, 4096), limits=Limits())


def test_more_scans_than_any_encoder_makes_are_refused_however_small_the_picture() -> None:
    with pytest.raises(BadPicture, match=re.escape(f"{MAX_SCANS + 1} times")):
        decode(torture.scans(200, MAX_SCANS + 1), limits=Limits())
