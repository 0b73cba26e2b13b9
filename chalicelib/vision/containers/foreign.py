"""Files of other formats, told by their first bytes, so that a refusal can name what was sent."""

from __future__ import annotations

from chalicelib.errors import BadPicture
from chalicelib.vision.containers.contents import damaged

_HEIF = frozenset((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"))
_VIDEO = frozenset((b"isom", b"mp41", b"mp42", b"qt  ", b"M4V ", b"avc1", b"3gp4", b"3gp5"))

_MAGIC = (
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"\0\0\x01\0", "a Windows icon"),
    (b"\0\0\x02\0", "a Windows cursor"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"DDS ", "a DirectDraw surface"),
    (b"qoif", "QOI"),
    (b"gimp xcf", "a GIMP document"),
    (b"icns", "an Apple icon"),
    (b"IIRO", "a camera's raw file"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"P7\n", "PAM"),
    (b"Pf", "a portable float map"),
    (b"PF", "a portable float map"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"<svg", "SVG"),
    (b"<!DOCTYPE html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML or SVG"),
)

_CONVERT = "send PNG, JPEG, BMP, GIF, WEBP, TIFF or PPM"


def brands(data: bytes) -> frozenset[bytes]:
    """The brands in an ISO media file's `ftyp` box, the major one and the compatible ones."""
    size = min(int.from_bytes(data[:4]), 256)
    return frozenset(data[at : at + 4] for at in (8, *range(16, size, 4)))


def refusal(data: bytes) -> BadPicture:
    """The error for a file that no reader takes, naming its format where it is known."""
    name = _name(data)
    if name == "HEIC":
        return damaged(
            "this is a HEIC picture, whatever its name says; save it as JPEG"
            " (iPhone: Settings, Camera, Formats, Most Compatible)"
        )
    if name:
        return damaged(f"this is {name}, whatever its name says, and not read here; {_CONVERT}")
    if data[:1].isascii() and data[:64].strip(b"\0") == b"":
        return damaged(f"the file is empty or all zeros; {_CONVERT}")
    return damaged(f"this is not a picture in a known format; {_CONVERT}")


def _name(data: bytes) -> str:
    """The format in words; empty where it is none of those known."""
    if data[4:8] == b"ftyp":
        found = brands(data)
        known = ((_HEIF, "HEIC"), (_VIDEO, "a video"))
        return next((name for names, name in known if names & found), "a video")
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, name in _MAGIC:
        if data.startswith(magic) or (magic[:1] == b"<" and start.startswith(magic)):
            return "SVG" if magic == b"<?xml" and b"<svg" in data[:2000] else name
    return ""
