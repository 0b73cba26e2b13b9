"""Containers: dialects that no encoder here writes, and every way to refuse one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from chalicelib.errors import BadPicture
from chalicelib.vision.containers import examine, exif
from chalicelib.vision.decode import WITH_AVIF, Limits, decode
from tests.vision import drawn
from tests.vision.encodings import encoded
from tests.vision.torture import chunk

GREY = Image.fromarray((np.mgrid[0:120, 0:130].sum(axis=0) % 256).astype(np.uint8))
JPEG = encoded(GREY, "JPEG", quality=95)
PNG = encoded(GREY, "PNG")


def tiff(tags: dict[int, tuple[int, int, int]], body: bytes = b"", order: str = "<") -> bytes:
    """A TIFF of one directory at its end: tag → (type, count, value), and `body` from byte 8."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(body))
    table = b""
    for tag, (kind, count, value) in sorted(tags.items()):
        inline = (
            struct.pack(order + "H", value) + b"\0\0"
            if kind == 3 and count == 1
            else struct.pack(order + "I", value)
        )
        table += struct.pack(order + "HHI", tag, kind, count) + inline
    return head + body + struct.pack(order + "H", len(tags)) + table + struct.pack(order + "I", 0)


def plain_tags(**more: int) -> dict[int, tuple[int, int, int]]:
    tags = {
        256: (3, 1, 130),
        257: (3, 1, 120),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, 1),
        273: (4, 1, 8),
        277: (3, 1, 1),
    }
    tags |= {278: (3, 1, 120), 279: (4, 1, 130 * 120)}
    return tags | {int(name[1:]): (4, 1, value) for name, value in more.items()}


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_either_byte_order(order: str) -> None:
    picture = decode(tiff(plain_tags(), GREY.tobytes(), order), limits=Limits())
    assert np.array_equal(np.asarray(picture.colour)[:, :, 0], np.asarray(GREY))


def test_tiff_in_tiles() -> None:
    tags = {
        256: (3, 1, 130),
        257: (3, 1, 120),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, 1),
        277: (3, 1, 1),
    }
    tags |= {322: (3, 1, 144), 323: (3, 1, 128), 324: (4, 1, 8), 325: (4, 1, 144 * 128)}
    tile = np.zeros((128, 144), np.uint8)
    tile[:120, :130] = np.asarray(GREY)
    picture = decode(tiff(tags, tile.tobytes()), limits=Limits())
    assert np.array_equal(np.asarray(picture.colour)[:, :, 0], np.asarray(GREY))


def test_tiff_keeps_the_first_of_a_repeated_tag_and_drops_what_points_outside() -> None:
    data = tiff(plain_tags(_33432=4_000_000_000), GREY.tobytes())
    assert examine(data).width == 130


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({259: (3, 1, 34925)}, "compression 34925"),
        ({277: (3, 1, 7)}, "samples"),
        ({256: (3, 1, 0)}, "how large"),
        ({257: (2, 1, 60)}, "how large"),
        ({322: (4, 1, 70_000), 323: (4, 1, 70_000)}, "tiles"),
    ],
)
def test_a_tiff_that_cannot_be_meant_well(
    change: dict[int, tuple[int, int, int]], words: str
) -> None:
    with pytest.raises(BadPicture, match=words):
        examine(tiff(plain_tags() | change, GREY.tobytes()))


def test_a_tiff_of_too_many_pieces() -> None:
    tags = plain_tags() | {273: (4, 80_000, 8), 279: (4, 80_000, 8)}
    with pytest.raises(BadPicture, match="80000 pieces"):
        examine(tiff(tags, b"\0" * 320_000))


def test_a_tiff_of_jpeg_pieces_with_many_scans() -> None:
    tags = plain_tags() | {259: (3, 1, 7), 279: (4, 1, 400)}
    with pytest.raises(BadPicture, match="200 times"):
        decode(tiff(tags, b"\xff\xda" * 200), limits=Limits())


@pytest.mark.parametrize(
    "data", [b"II*\0", b"II*\0\xff\xff\xff\xff", b"II+\0" + b"\xff" * 20, tiff(plain_tags())[:40]]
)
def test_a_tiff_cut_off(data: bytes) -> None:
    with pytest.raises(BadPicture):
        examine(data)


def test_bmp_with_the_header_of_os2() -> None:
    rows = np.asarray(GREY.crop((0, 0, 128, 120)))[::-1]
    palette = b"".join(bytes((value, value, value)) for value in range(256))
    data = (
        b"BM"
        + struct.pack("<IHHI", 0, 0, 0, 26 + 768)
        + struct.pack("<IHHHH", 12, 128, 120, 1, 8)
        + palette
        + rows.tobytes()
    )
    picture = decode(data, limits=Limits())
    assert np.array_equal(
        np.asarray(picture.colour)[:, :, 0], np.asarray(GREY.crop((0, 0, 128, 120)))
    )


@pytest.mark.parametrize(
    "data",
    [
        b"BM" + b"\0" * 10,
        b"GIF89a",
        b"GIF89a" + struct.pack("<HHBBB", 200, 200, 0, 0, 0) + b"\x3b" * 20,
        b"RIFF\x04\0\0\0WEBP",
        b"RIFF\x18\0\0\0WEBPICCP\x02\0\0\0\0\0VP8 \x02\0\0\0\0\0",
        b"\0\0\0\x14ftypavif\0\0\0\0mif1" + b"\0" * 60,
        b"\0\0\0\x14ftypavif\0\0\0\0mif1\0\0\0\x0cfree",
        b"P6",
        b"P6 12x 10 255 ",
        b"P6 0 10 255 ",
        b"P6 10 10 70000 ",
        b"P4 200 200 \0",
        b"P3 100 100 255 " + b"1 2 three " * 10_000,
        b"P3 100 100 10 " + b"1 11 " * 15_000,
        b"P2 100 100 10 " + b"-1 " * 10_000,
        b"P1 100 100 " + b"2" * 10_000,
        b"P3 100 100 10 " + b"99999999999999999999 " * 30_000,
    ],
)
def test_a_file_that_makes_no_sense(data: bytes) -> None:
    with pytest.raises(BadPicture):
        decode(data, limits=Limits(formats=WITH_AVIF))


def test_png_checks_what_it_keeps_and_not_what_it_throws_away() -> None:
    spoiled_text = bytearray(chunk(b"tEXt", b"note\0hello"))
    spoiled_text[-1] ^= 1
    at = PNG.index(b"IDAT") - 4
    assert decode(PNG[:at] + bytes(spoiled_text) + PNG[at:], limits=Limits()).width == 130
    spoiled = bytearray(PNG)
    spoiled[at + 20] ^= 1
    with pytest.raises(BadPicture, match="IDAT"):
        examine(bytes(spoiled))


@pytest.mark.parametrize("end", [20, len(PNG) - 14, len(PNG) - 30])
def test_png_cut_off(end: int) -> None:
    with pytest.raises(BadPicture, match="cut off"):
        examine(PNG[:end])


def test_png_without_pixels() -> None:
    with pytest.raises(BadPicture, match="cut off"):
        examine(PNG[: PNG.index(b"IDAT") - 4] + chunk(b"IEND", b""))


def test_jpeg_ignores_what_surrounds_the_picture() -> None:
    padded = JPEG[:2] + b"\xff\xff\xff" + JPEG[2:] + b"PK\x03\x04 trailing"
    kept = examine(padded)
    assert kept.data.endswith(b"\xff\xd9")
    assert np.array_equal(
        np.asarray(decode(padded, limits=Limits()).colour),
        np.asarray(decode(JPEG, limits=Limits()).colour),
    )


def test_jpeg_with_two_frames() -> None:
    frame = JPEG.index(b"\xff\xc0")
    (size,) = struct.unpack_from(">H", JPEG, frame + 2)
    segment = JPEG[frame : frame + 2 + size]
    with pytest.raises(BadPicture, match="twice"):
        examine(JPEG[:frame] + segment + JPEG[frame:])


@pytest.mark.parametrize("end", [3, 4, 5, 25])
def test_jpeg_cut_off_in_its_header(end: int) -> None:
    with pytest.raises(BadPicture):
        examine(JPEG[:end])


def test_a_file_that_names_other_sides_than_it_has_is_refused() -> None:
    """A container reader and the library must not be led to see two pictures."""
    data = bytearray(
        encoded(drawn.shoes(), "WEBP", save_all=True, append_images=[drawn.pile()], lossless=True)
    )
    at = data.index(b"VP8X") + 12
    data[at : at + 3] = (199).to_bytes(3, "little")
    with pytest.raises(BadPicture):
        decode(bytes(data), limits=Limits())


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"", 1),
        (b"II*\0", 1),
        (b"XX*\0\x08\0\0\0", 1),
        (b"II*\0\xff\0\0\0", 1),
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 6),
        (b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0", 8),
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0", 1),
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0", 1),
        (b"II*\0\x08\0\0\0\xff\xff\x00\x01\x03\0\x01\0\0\0\x06\0\0\0", 1),
    ],
)
def test_orientation_is_read_from_any_block(block: bytes, expected: int) -> None:
    assert exif.orientation(block) == expected


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        ("F", (0.0, 0.5, 1.0), (0, 127, 255)),
        ("F", (0.0, 100.0, 255.0), (0, 100, 255)),
        ("F", (-1.0, 0.0, 1.0), (0, 127, 255)),
        ("F", (float("nan"), 0.0, 1.0), (0, 0, 255)),
        ("F", (float("inf"), 3e38, -3e38), (127, 255, 0)),
        ("I", (0, 32768, 65535), (0, 127, 255)),
        ("I", (-5, -5, -5), (0, 0, 0)),
    ],
)
def test_grey_of_many_bits_by_the_range_it_uses(
    mode: str, values: tuple[float, ...], expected: tuple[int, ...]
) -> None:
    image = Image.fromarray(
        np.repeat(np.array(values, np.float32 if mode == "F" else np.int32), 4000).reshape(100, 120)
    )
    assert image.mode == mode
    shown = np.asarray(decode(encoded(image, "TIFF"), limits=Limits()).colour)[:, :, 0].ravel()[
        [0, 5000, 11_000]
    ]
    assert np.abs(shown.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "kind", ["16 bits", "palette", "palette with transparency", "1 bit", "float"]
)
def test_a_large_picture_of_any_kind_is_rendered_smaller(kind: str) -> None:
    large = drawn.landscape(1400, 1300)
    grey = large.convert("L")
    files = {
        "16 bits": lambda: encoded(
            Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PNG", compress_level=1
        ),
        "palette": lambda: encoded(large.quantize(32), "PNG"),
        "palette with transparency": lambda: encoded(large.quantize(32), "PNG", transparency=0),
        "1 bit": lambda: encoded(large.convert("1"), "PNG"),
        "float": lambda: encoded(
            Image.fromarray(np.asarray(grey).astype(np.float32)),
            "TIFF",
            compression="tiff_adobe_deflate",
        ),
    }
    picture = decode(files[kind](), limits=Limits())
    assert (picture.width, picture.height) == (1400, 1300)
    assert picture.colour.size == (700, 650)
    assert (picture.alpha is not None) == (kind == "palette with transparency")
    apart = np.abs(
        np.asarray(picture.colour.convert("L")).astype(int) - np.asarray(grey.reduce(2))
    ).mean()
    assert apart < {"palette with transparency": 60, "1 bit": 30}.get(kind, 10)
