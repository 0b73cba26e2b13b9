"""Every format to the same upright RGB picture, within limits, and nothing left behind."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from chalicelib.errors import BadPicture, PictureFault
from chalicelib.region import Region
from chalicelib.service import Service
from chalicelib.vision.decode import DETAIL, WHOLE_DETAIL, WITH_AVIF, Limits, decode
from tests.vision import drawn
from tests.vision.encodings import bitmaps, encoded, samples, turned

PICTURE = drawn.shoes().resize((240, 200))
FLAVOURS = samples(PICTURE)
BITMAPS = bitmaps(PICTURE)
LOSSY = 2.0


def pixels(image: Image.Image) -> npt.NDArray[np.int32]:
    return np.asarray(image).astype(np.int32)


def refused(
    data: bytes, limits: Limits | None = None, *, strict_orientation: bool = False
) -> BadPicture:
    with pytest.raises(BadPicture) as caught:
        decode(data, limits=limits or Limits(), strict_orientation=strict_orientation)
    return caught.value


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_flavour_shows_the_same_picture(flavour: str) -> None:
    picture = decode(FLAVOURS[flavour], limits=Limits())
    grey = "grey" in flavour or flavour == "pgm"
    expected = pixels(PICTURE.convert("L").convert("RGB") if grey else PICTURE)
    assert (picture.width, picture.height, picture.colour.mode, picture.colour.size) == (
        240,
        200,
        "RGB",
        (240, 200),
    )
    assert picture.alpha is None
    assert np.abs(pixels(picture.colour) - expected).mean() < LOSSY


@pytest.mark.parametrize("flavour", BITMAPS)
def test_black_and_white_stays_what_it_is(flavour: str) -> None:
    expected = pixels(PICTURE.convert("1", dither=Image.Dither.NONE).convert("RGB"))
    assert np.array_equal(pixels(decode(BITMAPS[flavour], limits=Limits()).colour), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_picture_is_turned_upright(kind: str, orientation: int) -> None:
    back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    stored = PICTURE if back is None else PICTURE.transpose(back)
    picture = decode(turned(stored, orientation, kind), limits=Limits(formats=WITH_AVIF))
    assert (picture.width, picture.height) == PICTURE.size
    assert np.abs(pixels(picture.colour) - pixels(PICTURE)).mean() < LOSSY


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_strict_deployment_refuses_rotation_data_and_nothing_else(kind: str) -> None:
    assert (
        refused(turned(PICTURE, 6, kind), strict_orientation=True).fault is PictureFault.ORIENTATION
    )
    for harmless in (0, 1, 99):
        assert (
            decode(turned(PICTURE, harmless, kind), limits=Limits(), strict_orientation=True).width
            == 240
        )


def test_transparent_parts_are_white_and_remembered() -> None:
    picture = decode(drawn.png(drawn.cut_out()), limits=Limits())
    assert picture.colour.getpixel((5, 5)) == (255, 255, 255)
    assert picture.alpha is not None
    assert picture.alpha.getpixel((5, 5)) == 0
    assert picture.alpha.getpixel((200, 300)) == 255


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(kind: str) -> None:
    paletted = PICTURE.quantize(8)
    spot = np.asarray(paletted)[3, 3]
    picture = decode(encoded(paletted, kind, transparency=int(spot)), limits=Limits())
    assert picture.colour.getpixel((3, 3)) == (255, 255, 255)
    assert picture.alpha is not None


def test_a_white_mark_on_nothing_does_not_vanish() -> None:
    mark = Image.new("RGBA", (240, 240), (255, 255, 255, 0))
    mark.paste((255, 255, 255, 255), (60, 60, 180, 180))
    shown = pixels(decode(drawn.png(mark), limits=Limits()).colour)
    assert shown.std() > 50


@pytest.mark.parametrize(("size", "service", "fits"), [
    ((100, 100), Service.PRODUCT, True), ((99, 100), Service.PRODUCT, False),
    ((4096, 100), Service.GENERIC, True), ((4097, 100), Service.GENERIC, False),
    ((448, 448), Service.FABRIC, True), ((447, 600), Service.FABRIC, False),
    ((200, 200), Service.TRADEMARK, True), ((199, 300), Service.TRADEMARK, False),
    ((4095, 200), Service.TRADEMARK, True),
    ((4096, 200), Service.TRADEMARK, False),
])  # fmt: skip
def test_sides_follow_the_service(size: tuple[int, int], service: Service, fits: bool) -> None:
    data = encoded(Image.new("RGB", size, (90, 120, 30)), "PNG")
    if fits:
        assert (
            decode(data, limits=Limits.of(service)).width,
            decode(data, limits=Limits.of(service)).height,
        ) == size
    else:
        assert refused(data, Limits.of(service)).fault is PictureFault.SIDES


def test_bytes_are_counted_before_anything_else() -> None:
    fault = refused(b"\0" * (4 * 1024 * 1024 + 1))
    assert fault.fault is PictureFault.BYTES
    assert "4,194,304" in str(fault)


def test_a_large_photo_is_rendered_smaller_and_keeps_its_coordinates() -> None:
    large = drawn.landscape(3000, 2000)
    for kind, detail in itertools.product(("JPEG", "PNG", "WEBP"), (DETAIL, WHOLE_DETAIL)):
        picture = decode(encoded(large, kind, quality=80), limits=Limits(), detail=detail)
        assert (picture.width, picture.height) == (3000, 2000)
        assert detail <= picture.colour.width < 2 * detail
        near = pixels(large.resize(picture.colour.size, Image.Resampling.BOX))
        assert np.abs(pixels(picture.colour) - near).mean() < 3


def test_a_part_that_is_pointed_at_keeps_its_detail() -> None:
    data = encoded(drawn.landscape(3000, 2000), "JPEG", quality=80)
    assert decode(data, limits=Limits(), focus=Region(0, 3000, 0, 2000)).colour.width == 750
    assert decode(data, limits=Limits(), focus=Region(100, 500, 100, 300)).colour.width == 3000


def test_avif_is_for_deployments_that_ask_for_it() -> None:
    data = encoded(PICTURE, "AVIF", quality=90)
    assert refused(data).fault is PictureFault.FORMAT
    picture = decode(data, limits=Limits(formats=WITH_AVIF))
    assert np.abs(pixels(picture.colour) - pixels(PICTURE)).mean() < LOSSY


def test_only_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (120, 120), colour) for colour in ((200, 0, 0), (0, 200, 0))]
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert decode(data, limits=Limits()).colour.getpixel((60, 60)) == (200, 0, 0), kind


WHOLE_IN_HALF = {"gif animated", "tiff pages", "png animated"}
"""Flavours whose first picture lies in the first half of the file."""


@pytest.mark.parametrize("flavour", sorted(set(FLAVOURS) - WHOLE_IN_HALF))
def test_a_file_cut_in_half_is_refused_as_damaged(flavour: str) -> None:
    data = FLAVOURS[flavour]
    assert refused(data[: len(data) // 2]).fault is PictureFault.FORMAT


def test_a_message_says_what_is_wrong_and_what_to_do() -> None:
    message = str(refused(encoded(Image.new("RGB", (50, 70)), "PNG")))
    assert "50 by 70" in message
    assert "100 to 4096" in message


def test_the_library_sees_no_profile_text_or_preview() -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret " * 2000
    data = encoded(PICTURE, "JPEG", exif=exif, icc_profile=b"x" * 40_000, comment=b"hello")
    from chalicelib.vision.containers import examine

    kept = examine(data)
    assert len(kept.data) < len(data) - 50_000
    assert b"secret" not in kept.data
    with Image.open(io.BytesIO(kept.data)) as image:
        assert set(image.info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "dpi",
            "adobe",
            "adobe_transform",
        }


def test_a_gif_frame_larger_than_its_screen_counts_by_its_frame() -> None:
    data = bytearray(encoded(Image.new("L", (300, 150), 80), "GIF"))
    data[6:10] = struct.pack("<HH", 10, 10)
    picture = decode(bytes(data), limits=Limits())
    assert (picture.width, picture.height) == (300, 150)


MAKING = {
    *("os.mkdir", "os.rename", "os.link", "os.symlink"),
    *("tempfile.mkstemp", "shutil.copyfile"),
}


def writes(event: str, arguments: tuple[object, ...]) -> bool:
    """Whether an audited event makes a file, or opens one for writing."""
    if event != "open":
        return event in MAKING
    mode, flags = (*arguments, 0, 0)[1:3]
    return (isinstance(mode, str) and bool(set(mode) & set("wax+"))) or (
        isinstance(flags, int) and bool(flags & 0o3)
    )


def test_decoding_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are never stored: with every way to open a file for writing watched, no flavour
    opens one.
    """
    import sys

    opened: list[object] = []
    watching = [True]

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if watching[0] and writes(event, arguments):
            opened.append((event, arguments))

    monkeypatch.chdir(tmp_path)
    sys.addaudithook(watch)
    for data in (*FLAVOURS.values(), *BITMAPS.values()):
        decode(data, limits=Limits())
    watching[0] = False
    assert opened == []
    assert list(tmp_path.iterdir()) == []
