"""What single variants must show beside being read: transparency, sides, names, silence."""

from __future__ import annotations

import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from chalicelib.errors import BadPicture
from chalicelib.vision import profile
from chalicelib.vision.containers import avif_items, examine
from chalicelib.vision.decode import WITH_AVIF, Limits, decode
from tests.vision import drawn, icc
from tests.vision.amplify_tiff import directory
from tests.vision.encodings import encoded
from tests.vision.variants import bmp_fields, gif_parts, jpeg

PICTURE = drawn.shoes().resize((240, 200))


def refusal(data: bytes) -> str:
    with pytest.raises(BadPicture) as caught:
        decode(data, limits=Limits())
    return str(caught.value)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heix", "HEIC"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "a video"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"8BPS\0\x01", "a Photoshop document"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\xef\xbb\xbf  <svg xmlns=", "SVG"),
        (b'<?xml version="1.0"?>\n<svg ', "SVG"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"P7\nWIDTH 2\n", "PAM"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"\0" * 40, "empty"),
        (b"hello, reader", "not a picture"),
    ],
)
def test_what_is_no_picture_is_told_by_its_name(start: bytes, name: str) -> None:
    message = refusal(start + b"\0" * 200)
    assert name in message
    assert "send PNG, JPEG" in message or "save it as JPEG" in message
    assert "complete file" not in message, "sending it again would not help"


@pytest.mark.parametrize("masks", [
    (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
    (0xFF000000, 0xFF0000, 0xFF00, 0xFF), (0xF000, 0xF00, 0xF0, 0xF),
    (0x7C00, 0x3E0, 0x1F, 0x8000),
])  # fmt: skip
def test_the_alpha_of_a_bmp_that_names_it(masks: tuple[int, int, int, int]) -> None:
    data = bmp_fields(drawn.cut_out(), masks, 32 if max(masks) > 65535 else 16)
    picture = decode(data, limits=Limits())
    assert picture.alpha is not None
    assert picture.alpha.getpixel((5, 5)) == 0
    assert picture.alpha.getpixel((200, 300)) == 255
    assert picture.colour.getpixel((5, 5)) == (255, 255, 255)


def test_around_a_small_frame_of_a_gif_there_is_nothing() -> None:
    screen, frame = gif_parts(PICTURE)
    wide = screen[:6] + struct.pack("<HH", 300, 300) + screen[10:]
    picture = decode(wide + frame + b";", limits=Limits())
    assert (picture.width, picture.height) == (300, 300)
    assert picture.alpha is not None
    assert picture.alpha.getpixel((290, 290)) == 0
    assert picture.alpha.getpixel((100, 100)) == 255


def test_a_gif_that_shows_nothing_at_all_is_still_its_first_frame() -> None:
    blank = Image.new("P", (120, 110), 0)
    data = encoded(blank, "GIF", transparency=0, save_all=True, append_images=[blank.copy()])
    picture = decode(data, limits=Limits())
    assert (picture.width, picture.height) == (120, 110)
    assert picture.alpha is not None


def test_the_smallest_webp_there_is() -> None:
    """Lossless and of one colour: five prefix codes of one symbol each, and no bit for a pixel
    (RFC 9649, 3.7.2.1.1): eight bytes.
    """
    bits = "000" + "1000" * 5
    codes = int(bits[::-1], 2).to_bytes(3, "little")
    body = b"\x2f" + (99 | 99 << 14).to_bytes(4, "little") + codes
    data = b"RIFF" + struct.pack("<I", 20) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body
    assert len(body) == 8
    picture = decode(data, limits=Limits())
    assert (picture.width, picture.height) == (100, 100)
    assert picture.colour.getextrema() == ((0, 0), (0, 0), (0, 0))


def test_the_sides_of_an_avif_are_those_of_its_primary_picture() -> None:
    """Beside it lies something larger, as the gain map of a phone's photograph may."""
    data = encoded(PICTURE, "AVIF", quality=80)
    at = data.index(b"ipco") - 4
    end = at + int.from_bytes(data[at : at + 4])
    larger = struct.pack(">I4sIII", 20, b"ispe", 0, 4000, 3000)
    grown = bytearray(data[:end] + larger + data[end:])
    for box in (b"ipco", b"iprp", b"meta"):
        place = data.index(box) - 4
        size = int.from_bytes(grown[place : place + 4]) + len(larger)
        grown[place : place + 4] = size.to_bytes(4)
    extent = data.index(b"iloc") - 4 + int.from_bytes(data[data.index(b"iloc") - 4 :][:4]) - 8
    moved = int.from_bytes(grown[extent : extent + 4]) + len(larger)
    grown[extent : extent + 4] = moved.to_bytes(4)
    picture = decode(bytes(grown), limits=Limits(formats=WITH_AVIF))
    assert (picture.width, picture.height) == PICTURE.size


def test_an_avif_that_holds_a_larger_picture_than_it_says() -> None:
    """The library would decode all of it and then scale it down: half a gigabyte of 16,000²."""
    large = Image.new("RGB", (8400, 8400), (90, 90, 90))
    data = bytearray(encoded(large, "AVIF", quality=30, speed=10))
    at = data.index(b"ispe") + 8
    data[at : at + 8] = struct.pack(">II", 200, 200)
    with pytest.raises(BadPicture, match="far larger than it says"):
        examine(bytes(data))


@pytest.mark.parametrize("side", [64, 100, 640, 4096])
def test_the_pixels_of_an_avif_are_counted_from_its_streams(side: int) -> None:
    small = Image.new("RGBA", (side, 120), (9, 90, 200, 90))
    data = encoded(small, "AVIF", speed=10)
    at = data.index(b"iloc") + 4
    body = data[at : at - 8 + int.from_bytes(data[at - 8 : at - 4])]
    assert avif_items.pixels(data, body, 0) == 2 * side * 120, "colour and transparency"


def test_a_broken_tiff_says_nothing_on_standard_error() -> None:
    """libtiff would, from native code: only a process of its own can tell."""
    body = bytes(range(256)) * 20
    tags = {256: (4, [300]), 257: (4, [200]), 258: (3, [1]), 259: (3, [4]), 262: (3, [0])}
    data = directory(tags | {273: (4, [8]), 277: (3, [1]), 279: (4, [len(body)])}, body)
    code = (
        "import sys; from chalicelib.errors import BadPicture;"
        "from chalicelib.vision.decode import Limits, decode\n"
        "try: decode(sys.stdin.buffer.read(), limits=Limits())\n"
        "except BadPicture as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert done.stderr == b""


@pytest.mark.parametrize("detail", [640, 256])
def test_a_large_picture_in_another_space_is_shown_as_in_srgb(detail: int) -> None:
    large = drawn.landscape(2600, 2000)
    other = jpeg(icc.converted(large, "ProPhoto"), icc_profile=icc.matrix("ProPhoto"))
    shown = [
        np.asarray(decode(data, limits=Limits(), detail=detail).colour).astype(int)
        for data in (jpeg(large), other)
    ]
    assert np.abs(shown[0] - shown[1]).mean() < 2


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
@pytest.mark.parametrize(("ink", "shade"), [(0, 119), (1, 188), (2, 240), (3, 48), (4, 255)])
def test_the_inks_of_a_printer_are_those_of_its_profile(kind: str, ink: int, shade: int) -> None:
    """Magenta of this printer is a light grey; who ignores the profile shows magenta."""
    printer = icc.inks((50, 76, 95, 20))
    sheet = Image.new("CMYK", (120, 120), tuple(255 if n == ink else 0 for n in range(4)))
    options = {"quality": 98} if kind == "JPEG" else {}
    data = encoded(sheet, kind, icc_profile=printer, **options)
    shown = np.asarray(decode(data, limits=Limits()).colour).astype(int)
    assert np.abs(shown - shade).max() <= 3


def test_a_profile_that_is_srgbs_changes_no_pixel() -> None:
    from PIL import ImageCms

    usual = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    plain, told = jpeg(PICTURE), jpeg(PICTURE, icc_profile=usual)
    assert examine(told).profile == usual
    one, other = (decode(data, limits=Limits()).colour for data in (plain, told))
    assert one.tobytes() == other.tobytes()


def hostile_profiles() -> dict[str, bytes]:
    """Profiles that a colour library could trip over, by what is wrong."""
    good = icc.matrix("Adobe RGB")
    huge = b"mft2\0\0\0\0" + bytes((3, 3, 255, 0)) + b"\0" * 5000
    chain = b"mpet\0\0\0\0" + struct.pack(">HHI", 3, 3, 30_000) + b"\0\0\0\x20\0\0\0\x10" * 9
    return {
        "cut": good[:200],
        "a table larger than the file": icc.profile({b"A2B0": huge}, b"RGB "),
        "a chain of elements": icc.profile({b"D2B0": chain, b"A2B0": chain}, b"RGB "),
        "a million tags": good[:128] + struct.pack(">I", 1_000_000) + good[132:],
        "tags outside": good[:128] + struct.pack(">I4sII", 1, b"rXYZ", 2**31, 2**31),
        "no colour space": good[:16] + b"????" + good[20:],
        "curves of no points": icc.profile({b"kTRC": b"curv\0\0\0\0\xff\xff\xff\xff"}, b"GRAY"),
        "of a printer, for a photograph": icc.profile({}, b"CMYK"),
    }


@pytest.mark.parametrize("name", hostile_profiles())
def test_a_broken_profile_is_ignored(name: str) -> None:
    broken = hostile_profiles()[name]
    assert profile.to_srgb(PICTURE, broken) is PICTURE
    shown = decode(encoded(PICTURE, "PNG", icc_profile=broken), limits=Limits()).colour
    assert shown.tobytes() == PICTURE.tobytes()


def test_arithmetic_coding_longer_than_a_block_of_the_library() -> None:
    from tests.vision.test_pictures import PICTURE as GRAINED
    from tests.vision.variants import available, program

    if not available("cjpeg"):
        pytest.skip("cjpeg is not installed")
    make = program("cjpeg", "-quality", "98", "-arithmetic", "IN", source="in.ppm")
    data = make(GRAINED)
    assert len(data) > 70_000
    assert decode(data, limits=Limits()).width == GRAINED.width
