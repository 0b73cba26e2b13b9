"""Small pictures drawn by code: the same pixels on every machine. No fonts, no files, no random
numbers from a library's default.

Shared by the tests of this room and by the golden vectors (models/golden.npz holds what the shipped
models say of them).
"""

from __future__ import annotations

import io
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
_SIDE = 480


def pictures() -> dict[str, Image.Image]:
    """28 pictures by name, RGB or RGBA, at least 448 pixels a side so that every service takes
    them.
    """
    drawn: dict[str, Image.Image] = {}
    for name, colour in (
        ("red", (200, 30, 40)),
        ("green", (30, 140, 60)),
        ("blue", (40, 60, 190)),
        ("ochre", (190, 140, 50)),
    ):
        drawn[f"shirt-{name}"] = shirt(colour)
        drawn[f"bottle-{name}"] = bottle(colour)
        drawn[f"cloth-{name}"] = cloth(colour, step=24)
        drawn[f"mark-{name}"] = mark(colour, points=5)
    drawn["shoes"] = shoes()
    drawn["pile"] = pile()
    drawn["chair"] = chair()
    drawn["cut-out"] = cut_out()
    drawn["cloth-fine"] = cloth((90, 90, 110), step=9)
    drawn["mark-seven"] = mark((20, 20, 20), points=7)
    drawn["landscape"] = landscape(640, 460)
    drawn["portrait"] = landscape(460, 760)
    drawn["noise"] = noise(7)
    drawn["grey"] = noise(11).convert("L").convert("RGB")
    drawn["flat"] = Image.new("RGB", (_SIDE, _SIDE), (128, 128, 128))
    drawn["stripes"] = stripes()
    return drawn


def png(image: Image.Image) -> bytes:
    """Lossless bytes of a picture."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def shirt(colour: Colour, *, ground: Colour = WHITE) -> Image.Image:
    """A garment in the middle of an even ground."""
    image, draw = _canvas(ground)
    outline = (
        (160, 90),
        (200, 80),
        (240, 100),
        (280, 80),
        (320, 90),
        (400, 170),
        (350, 220),
        (325, 195),
        (325, 400),
        (155, 400),
        (155, 195),
    )
    draw.polygon((*outline, (130, 220), (80, 170)), fill=colour, outline=_darker(colour))
    for y in range(150, 400, 50):
        draw.line((240, y, 240, y + 20), fill=_darker(colour), width=3)
    return image


def bottle(colour: Colour) -> Image.Image:
    """A bottle with a label before a sloping light."""
    image = _lit(_SIDE, _SIDE, 225, 25)
    draw = ImageDraw.Draw(image)
    draw.rectangle((215, 60, 265, 150), fill=_darker(colour))
    draw.polygon(
        ((215, 150), (265, 150), (310, 210), (310, 430), (170, 430), (170, 210)), fill=colour
    )
    draw.rectangle((170, 260, 310, 350), fill=(245, 240, 225))
    draw.ellipse((215, 275, 265, 335), fill=_darker(colour))
    return image


def cloth(colour: Colour, *, step: int) -> Image.Image:
    """A check that fills the picture."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    weave = ((x // step) % 2 * 40 + (y // step) % 3 * 25 + ((x + y) % 4) * 6).astype(np.int32)
    pixels = np.clip(np.array(colour, np.int32)[None, None] + weave[:, :, None] - 50, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


def mark(colour: Colour, *, points: int) -> Image.Image:
    """A star in a ring, with three bars under it."""
    image, draw = _canvas(WHITE)
    draw.ellipse((120, 40, 360, 280), outline=colour, width=18)
    star(draw, 240, 160, points=points, radii=(90, 38), colour=colour)
    for number in range(3):
        draw.rectangle((140 + 70 * number, 330, 190 + 70 * number, 400), fill=_darker(colour))
    return image


def star(
    draw: ImageDraw.ImageDraw,
    x: int,
    y: int,
    *,
    points: int,
    radii: tuple[int, int],
    colour: Colour,
) -> None:
    """A star around x, y; `radii`: of its points, and of the corners between them."""
    corners = []
    for corner in range(2 * points):
        radius = radii[corner % 2]
        angle = math.pi * corner / points - math.pi / 2
        corners.append((x + radius * math.cos(angle), y + radius * math.sin(angle)))
    draw.polygon(corners, fill=colour)


def shoes() -> Image.Image:
    """A pair side by side on white."""
    image, draw = _canvas(WHITE)
    for left in (60, 270):
        draw.rounded_rectangle((left, 120, left + 150, 390), radius=60, fill=(60, 60, 70))
        draw.ellipse((left + 35, 150, left + 115, 250), fill=(150, 120, 90))
    return image


def pile() -> Image.Image:
    """Round fruit that fills the picture."""
    image, draw = _canvas((60, 45, 35))
    for row in range(7):
        for column in range(7):
            x, y = column * 75 - 20 + (row % 2) * 35, row * 72 - 15
            tint = (row * 37 + column * 53) % 50
            draw.ellipse(
                (x, y, x + 78, y + 78), fill=(215 - tint, 110 + tint, 30), outline=(120, 60, 20)
            )
            draw.ellipse((x + 18, y + 14, x + 34, y + 28), fill=(250, 200, 140))
    return image


def chair() -> Image.Image:
    """Thin legs and a seat before a wall and a floor."""
    image = _lit(_SIDE, _SIDE, 210, 15)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 390, _SIDE, _SIDE), fill=(150, 120, 90))
    draw.rectangle((160, 90, 320, 250), fill=(130, 70, 40))
    draw.rectangle((150, 250, 340, 285), fill=(110, 60, 35))
    for x in (155, 320):
        draw.rectangle((x, 285, x + 14, 430), fill=(90, 50, 30))
    return image


def cut_out() -> Image.Image:
    """A mug on nothing: RGBA."""
    image = Image.new("RGBA", (_SIDE, _SIDE), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((250, 190, 350, 310), outline=(70, 90, 160, 255), width=20)
    draw.rectangle((140, 160, 290, 360), fill=(70, 90, 160, 255))
    draw.ellipse((140, 140, 290, 180), fill=(200, 205, 225, 255))
    return image


def landscape(width: int, height: int) -> Image.Image:
    """Sky, hills, a sun."""
    image = _lit(width, height, 235, 70)
    draw = ImageDraw.Draw(image)
    draw.ellipse(
        (width * 0.65, height * 0.1, width * 0.8, height * 0.1 + width * 0.15), fill=(250, 220, 120)
    )
    for number, colour in enumerate(((90, 130, 110), (60, 105, 80), (40, 75, 50))):
        base = height * (0.55 + 0.12 * number)
        ridge = [
            (x, base + 30 * math.sin(x / (60.0 + 15 * number) + number))
            for x in range(0, width + 10, 10)
        ]
        draw.polygon([(0, height), *ridge, (width, height)], fill=colour)
    return image


def noise(seed: int) -> Image.Image:
    """Coarse coloured noise from a congruential generator of its own (constants of Numerical
    Recipes).
    """
    state = seed
    values = []
    for _ in range(24 * 24 * 3):
        state = (1664525 * state + 1013904223) % 2**32
        values.append(state >> 24)
    blocks: npt.NDArray[np.uint8] = np.array(values, np.uint8).reshape(24, 24, 3)
    return Image.fromarray(blocks.repeat(20, axis=0).repeat(20, axis=1))


def stripes() -> Image.Image:
    """Slanted stripes of three colours."""
    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    palette: npt.NDArray[np.uint8] = np.array(
        ((230, 225, 210), (160, 40, 50), (30, 50, 90)), np.uint8
    )
    return Image.fromarray(palette[((2 * x + y) // 45) % 3])


def _canvas(ground: Colour) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (_SIDE, _SIDE), ground)
    return image, ImageDraw.Draw(image)


def _lit(width: int, height: int, level: int, fall: int) -> Image.Image:
    """A grey ground that darkens from the top left by `fall`."""
    y, x = np.mgrid[0:height, 0:width]
    light = level - fall * (x / width + y / height) / 2
    return Image.fromarray(np.repeat(light[:, :, None], 3, axis=2).astype(np.uint8))


def _darker(colour: Colour) -> Colour:
    return (colour[0] * 6 // 10, colour[1] * 6 // 10, colour[2] * 6 // 10)
