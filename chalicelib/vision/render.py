"""From a file's first picture to RGB and opacity. The only file that lets an image library open
untrusted bytes.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import NoReturn

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from chalicelib.errors import BadPicture
from chalicelib.vision import depth
from chalicelib.vision.containers import Contents
from chalicelib.vision.containers.contents import damaged
from chalicelib.vision.quiet import silence_libtiff

Shown = tuple[Image.Image, Image.Image | None]
"""RGB on white, and alpha as L where some pixel is not opaque."""

_DATA = ("truncated", "decoder error", "broken data stream", "buffer overrun")
"""What the library says when a picture's own data end too early or make no sense."""
_OPAQUE = 255
_NEARLY_WHITE = 240


def render(found: Contents, detail: int) -> Shown:
    """The first frame that shows anything (the first, where none does), as stored, at about the
    size that leaves `detail` pixels to its longer side.

    Raises:
        BadPicture: damaged, or of a variant that the library does not read.
    """
    shown: list[Shown] = []
    for frame in (found, *found.others):
        colour, alpha = _flatten(_load(frame, detail), frame)
        shown.append((colour, alpha))
        if alpha is None or alpha.getbbox() is not None:
            return colour, alpha
    return shown[0]


def _load(found: Contents, detail: int) -> Image.Image:
    """Pixels in whatever mode they are stored."""
    silence_libtiff()
    try:
        image = _decoded(found, detail)
        if found.witness and not _complete(image, found, detail):
            raise damaged(
                f"this {found.format} ends, or is damaged, before its picture does; send the"
                " complete file"
            )
        factor = max(image.size) // detail
        if factor > 1:
            image = _reduced(image, factor)
        if found.place is not None:
            image = _on_canvas(image, found, max(factor, 1))
    except BadPicture:
        raise
    # a hostile file leads the library to any of a dozen exception types; all mean one thing
    except Exception as error:  # noqa: BLE001
        _refuse(found, error)
    return image


def _complete(image: Image.Image, found: Contents, detail: int) -> bool:
    """Whether the picture stays the same with other bytes behind its data."""
    return image.tobytes() == _decoded(replace(found, data=found.witness), detail).tobytes()


def _opened(found: Contents, detail: int) -> ImageFile.ImageFile:
    """The picture with its header read; a large JPEG is set to be decoded smaller.

    Raises:
        BadPicture: other sides than the container says.
    """
    image = Image.open(io.BytesIO(found.data), formats=[found.format])
    if found.place is None and image.size != (found.width, found.height):
        raise damaged(
            "the file contradicts itself about its sides; save it again with an image editor"
        )
    # At once, not in blocks: a decoder of arithmetic coding cannot stop and wait for more.
    image.decodermaxblock = max(image.decodermaxblock, len(found.data))
    if found.format == "JPEG" and found.scalable:
        share = detail / max(found.width, found.height)
        image.draft(None, (max(1, int(found.width * share)), max(1, int(found.height * share))))
    return image


def _decoded(found: Contents, detail: int) -> Image.Image:
    """All pixels; where the high bytes of 16-bit samples are nearly black, the low ones as well."""
    image = _opened(found, detail)
    wide = any(";16" in str(tile.args) for tile in image.tile)
    image.load()
    if wide and image.mode in ("RGB", "RGBA") and depth.is_dark(image):
        low = _opened(found, detail)
        if depth.take_low_bytes(low):
            low.load()
            return depth.joined(image, low)
    return image


def _on_canvas(image: Image.Image, found: Contents, factor: int) -> Image.Image:
    """A frame that does not fill its screen, on nothing."""
    left, top = found.place or (0, 0)
    canvas = Image.new("RGBA", (-(-found.width // factor), -(-found.height // factor)))
    canvas.paste(image.convert("RGBA"), (left // factor, top // factor))
    return canvas


def _refuse(found: Contents, error: Exception) -> NoReturn:
    """Raises BadPicture for what the library said of a file: what is wrong, and what helps."""
    if isinstance(error, MemoryError):
        reason, advice = "needs more memory than a picture may", "save it again, smaller"
    elif isinstance(error, UnidentifiedImageError):
        kind = f" ({found.kind})" if found.kind else ""
        reason = f"is of a variant that is not read here{kind}"
        advice = "save it as RGB of 8 bits per sample, or as PNG"
    elif any(sign in str(error) for sign in _DATA):
        reason, advice = "is cut off or damaged", "send the complete file, or save it again"
    else:
        # The library's own words, unless they quote an object.
        said = "" if " at 0x" in str(error) else f" ({error or type(error).__name__})"
        reason, advice = f"cannot be decoded{said}", "save it again with an image editor"
    raise damaged(f"this {found.format} {reason}; {advice}") from error


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Box-filtered to 1/factor, so that a large picture is never converted at full size."""
    if image.mode.startswith("I;16"):
        image = depth.grey(image)
    elif image.has_transparency_data and image.mode not in ("RGBA", "LA"):
        image = _with_alpha(image)
    elif image.mode in ("1", "P", "PA"):
        image = image.convert("RGB")
    return image.reduce(factor)


def _with_alpha(image: Image.Image) -> Image.Image:
    """RGBA of any mode with transparency; colours that were multiplied by it are divided again."""
    return image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")


def _flatten(image: Image.Image, found: Contents) -> Shown:
    """RGB of sRGB on white, and alpha.

    What is itself white is shown on black: a white mark on nothing would vanish.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = depth.grey(image)
    if found.inverted:
        image = image.point(lambda value: 255 - value)
    try:
        if not image.has_transparency_data:
            return _coloured(image, found), None
        image = _with_alpha(image)
    except (ValueError, OSError, KeyError, TypeError) as error:
        _refuse(found, error)
    alpha = image.getchannel("A")
    colour = _coloured(image.convert("RGB"), found)
    # an alpha channel that hides nothing says nothing of the subject
    if alpha.getextrema()[0] == _OPAQUE:
        return colour, None
    for ground_colour in ("white", "black"):
        ground = Image.new("RGB", image.size, ground_colour)
        ground.paste(colour, mask=alpha)
        if np.asarray(ground).min() < _NEARLY_WHITE:
            break
    return ground, alpha


def _coloured(image: Image.Image, found: Contents) -> Image.Image:
    """RGB as sRGB has it, by the file's profile or gamma, if it has either."""
    if image.mode in ("P", "PA"):
        image = image.convert("RGB")
    if found.profile or found.gamma or image.mode == "LAB":
        # Loading the colour library takes longer than most pictures.
        from chalicelib.vision import profile

        if image.mode == "LAB":
            return profile.from_lab(image)
        if found.profile and profile.mode_of(found.profile) == image.mode:
            image = profile.to_srgb(image, found.profile)
        image = profile.with_gamma(image, found.gamma)
    return image if image.mode == "RGB" else image.convert("RGB")
