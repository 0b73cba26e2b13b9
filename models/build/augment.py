"""Edits of a picture that must not change what it is: the views the projections are trained to
bring together.

Every function takes and returns an RGB picture and draws its choices from the given `Random` alone.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Picture = Image.Image
Edit = Callable[[Picture, Random], Picture]
WHITE_FROM = 235


def colour(rng: Random) -> tuple[int, int, int]:
    """Return a random colour."""
    return rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255)


def crop(image: Picture, rng: Random, least: float = 0.3) -> Picture:
    """Keep a rectangle of `least` … 1 of the area."""
    area = rng.uniform(least, 1.0)
    aspect = rng.uniform(0.85, 1.18)
    w = min(image.width, max(16, round(image.width * area**0.5 * aspect)))
    h = min(image.height, max(16, round(image.height * area**0.5 / aspect)))
    x, y = rng.randint(0, image.width - w), rng.randint(0, image.height - h)
    return image.crop((x, y, x + w, y + h))


def rotate(image: Picture, rng: Random) -> Picture:
    """Turn by up to 30 degrees, or by a quarter."""
    angle = rng.choice([90, 180, 270]) if rng.random() < 0.2 else rng.uniform(-30, 30)
    fill = rng.choice([(0, 0, 0), (255, 255, 255), (124, 116, 104), colour(rng)])
    return image.rotate(angle, Image.Resampling.BICUBIC, expand=rng.random() < 0.6, fillcolor=fill)


def mirror(image: Picture, rng: Random) -> Picture:
    """Flip left to right."""
    return ImageOps.mirror(image)


def light(image: Picture, rng: Random) -> Picture:
    """Change brightness, contrast and saturation."""
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.55, 1.55))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.55, 1.6))
    return ImageEnhance.Color(image).enhance(rng.uniform(0.2, 1.9))


def tint(image: Picture, rng: Random) -> Picture:
    """Scale each channel: another white balance."""
    pixels = np.asarray(image, np.float32) * np.array(
        [rng.uniform(0.75, 1.25) for _ in range(3)], np.float32
    )
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def grey(image: Picture, rng: Random) -> Picture:
    """Drop the colour."""
    return ImageOps.grayscale(image).convert("RGB")


def blur(image: Picture, rng: Random) -> Picture:
    """Blur by 0.4 … 1.2 % of the long side."""
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.2) * max(image.size) / 100))


def pad(image: Picture, rng: Random) -> Picture:
    """Set the picture on a larger plain ground."""
    w, h = round(image.width * rng.uniform(1.05, 1.7)), round(image.height * rng.uniform(1.05, 1.7))
    ground = Image.new("RGB", (w, h), rng.choice([(255, 255, 255), (0, 0, 0), colour(rng)]))
    ground.paste(image, (rng.randint(0, w - image.width), rng.randint(0, h - image.height)))
    return ground


def framed(image: Picture, rng: Random) -> Picture:
    """A thumbnail of a page that holds the picture: wide plain ground, 64 … 160 pixels, JPEG."""
    w, h = round(image.width * rng.uniform(1.2, 1.7)), round(image.height * rng.uniform(1.2, 1.7))
    page = Image.new(
        "RGB", (w, h), rng.choice([(255, 255, 255), (0, 0, 0), colour(rng), colour(rng)])
    )
    page.paste(image, (rng.randint(0, w - image.width), rng.randint(0, h - image.height)))
    side = rng.randint(64, 160)
    page.thumbnail((side, side))
    return jpeg(page, rng)


def overlay(image: Picture, rng: Random) -> Picture:
    """Draw boxes, discs and lines of text over it."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    w, h = image.size
    for _ in range(rng.randint(1, 4)):
        x, y = rng.randint(0, w - 1), rng.randint(0, h - 1)
        x1, y1 = x + rng.randint(5, w // 3 + 6), y + rng.randint(5, h // 5 + 6)
        kind = rng.random()
        if kind < 0.4:
            draw.rectangle((x, y, x1, y1), fill=colour(rng))
        elif kind < 0.55:
            draw.ellipse((x, y, x1, y1), fill=colour(rng))
        else:
            size = max(9, round(max(w, h) * rng.uniform(0.03, 0.12)))
            text = rng.choice(["SALE", "www.example.com", "NEW 2025", "PREVIEW", "-50 %"]) + " "
            draw.text((x // 2, y), text * rng.randint(1, 3), fill=colour(rng), font_size=size)
    return image


def screenshot(image: Picture, rng: Random) -> Picture:
    """Show the picture inside a plain phone screen: bars, a title, a button."""
    w = round(image.width * rng.uniform(1.0, 1.25))
    bar = max(8, round(image.height * rng.uniform(0.06, 0.2)))
    foot = max(8, round(image.height * rng.uniform(0.05, 0.35)))
    ground = rng.choice([(255, 255, 255), (24, 24, 28), (240, 240, 245)])
    page = Image.new("RGB", (w, image.height + bar + foot), ground)
    draw = ImageDraw.Draw(page)
    ink = (20, 20, 20) if sum(ground) > 380 else (235, 235, 235)
    draw.rectangle((0, 0, w, bar), fill=rng.choice([ground, colour(rng)]))
    draw.text((6, bar // 4), "12:30  Photos", fill=ink, font_size=max(8, bar // 2))
    page.paste(image, ((w - image.width) // 2, bar))
    top = bar + image.height
    for line in range(rng.randint(1, 3)):
        y = top + (line + 1) * foot // 5
        draw.rectangle((8, y, rng.randint(20, max(21, w - 8)), y + max(2, foot // 12)), fill=ink)
    return page


def perspective(image: Picture, rng: Random) -> Picture:
    """Move the four corners by up to 12 %."""
    w, h = image.size
    corners = [(0, 0), (0, h), (w, h), (w, 0)]
    moved: list[float] = []
    for x, y in corners:
        moved += [x + rng.uniform(-0.12, 0.12) * w, y + rng.uniform(-0.12, 0.12) * h]
    fill = rng.choice([(255, 255, 255), (0, 0, 0), (124, 116, 104)])
    return image.transform(
        image.size, Image.Transform.QUAD, moved, Image.Resampling.BICUBIC, fillcolor=fill
    )


def stretch(image: Picture, rng: Random) -> Picture:
    """Change the aspect by up to a quarter."""
    return image.resize(
        (max(8, round(image.width * rng.uniform(0.75, 1.3))), image.height),
        Image.Resampling.BILINEAR,
    )


def jpeg(image: Picture, rng: Random) -> Picture:
    """Compress at quality 8 … 60."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=rng.randint(8, 60))
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def shrink(image: Picture, rng: Random) -> Picture:
    """Reduce to 20 … 60 % of the sides."""
    scale = rng.uniform(0.2, 0.6)
    size = (max(12, round(image.width * scale)), max(12, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BILINEAR)


def drawn(image: Picture) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Return where a mark on white has ink, bool [h,w]."""
    return np.asarray(image).min(2) < WHITE_FROM


def one_colour(image: Picture, rng: Random) -> Picture:
    """Draw the mark in one colour: all ink, or the ink darker (or lighter) than a threshold of one
    channel.
    """
    pixels = np.asarray(image)
    ink = drawn(image)
    if rng.random() < 0.6 and ink.any():
        values = (
            np.asarray(ImageOps.grayscale(image))
            if rng.random() < 0.5
            else pixels[..., rng.randrange(3)]
        )
        low, high = np.percentile(values[ink], (5, 95))
        cut = values < low + (high - low) * rng.uniform(0.3, 0.8)
        inner = ink & (cut if rng.random() < 0.6 else ~cut)
        if inner.mean() > 0.02:
            ink = inner
    front, back = (0, 0, 0), (255, 255, 255)
    chance = rng.random()
    if chance < 0.35:
        front = colour(rng)
    elif chance < 0.5:
        front, back = back, rng.choice([(0, 0, 0), colour(rng)])
    return Image.fromarray(
        np.where(ink[..., None], np.array(front, np.uint8), np.array(back, np.uint8))
    )


def invert(image: Picture, rng: Random) -> Picture:
    """Invert the colours."""
    return ImageOps.invert(image)


def recolour(image: Picture, rng: Random) -> Picture:
    """Turn the hue."""
    hsv = np.array(image.convert("HSV"))
    hsv[..., 0] += np.uint8(rng.randint(20, 235))
    return Image.fromarray(hsv, "HSV").convert("RGB")


def ground(image: Picture, rng: Random) -> Picture:
    """Put a mark's white ground into a colour."""
    pixels = np.asarray(image, np.float32)
    share = (pixels.min(2, keepdims=True) / 255.0) ** 2
    back = np.array(colour(rng), np.float32)
    mixed = pixels * (1 - share) + (pixels / 255.0) * back * share
    return Image.fromarray(mixed.clip(0, 255).astype(np.uint8))


def lockup(image: Picture, rng: Random) -> Picture:
    """Set a line of lettering beside or under the mark, as the long form of a logo has it."""
    letters = "".join(rng.choice("abcdefghijklmnoprstuvwy") for _ in range(rng.randint(4, 9)))
    text = letters.title() if rng.random() < 0.6 else letters
    size = max(12, round(image.height * rng.uniform(0.25, 0.6)))
    beside = rng.random() < 0.6
    lettering = Image.new(
        "RGB", (round(size * 0.62 * len(text)) + 8, round(size * 1.3)), (255, 255, 255)
    )
    ink = (0, 0, 0) if rng.random() < 0.5 else colour(rng)
    ImageDraw.Draw(lettering).text((4, 0), text, fill=ink, font_size=size)
    gap = size // 4
    if beside:
        page = Image.new(
            "RGB",
            (image.width + gap + lettering.width, max(image.height, lettering.height)),
            (255, 255, 255),
        )
        page.paste(image, (0, (page.height - image.height) // 2))
        page.paste(lettering, (image.width + gap, (page.height - lettering.height) // 2))
    else:
        page = Image.new(
            "RGB",
            (max(image.width, lettering.width), image.height + gap + lettering.height),
            (255, 255, 255),
        )
        page.paste(image, ((page.width - image.width) // 2, 0))
        page.paste(lettering, ((page.width - lettering.width) // 2, image.height + gap))
    return page


def chain(image: Picture, rng: Random, choices: list[tuple[float, Edit]]) -> Picture:
    """Apply each edit with its chance, in order."""
    for chance, edit in choices:
        if rng.random() < chance:
            image = edit(image, rng)
    return image


COPY: list[tuple[float, Edit]] = [
    (0.6, crop),
    (0.35, rotate),
    (0.3, mirror),
    (0.15, perspective),
    (0.45, light),
    (0.2, tint),
    (0.15, grey),
    (0.25, blur),
    (0.3, overlay),
    (0.2, pad),
    (0.2, screenshot),
    (0.25, shrink),
    (0.2, framed),
    (0.45, jpeg),
]
MARK: list[tuple[float, Edit]] = [
    (0.2, lockup),
    (0.3, one_colour),
    (0.15, recolour),
    (0.12, grey),
    (0.1, invert),
    (0.3, ground),
    (0.35, lambda image, rng: crop(image, rng, 0.55)),
    (0.3, rotate),
    (0.2, perspective),
    (0.15, stretch),
    (0.2, overlay),
    (0.15, light),
    (0.15, blur),
    (0.15, pad),
    (0.2, shrink),
    (0.25, jpeg),
]
PHOTO: list[tuple[float, Edit]] = [
    (0.6, lambda image, rng: crop(image, rng, 0.45)),
    (
        0.3,
        lambda image, rng: image.rotate(
            rng.uniform(-15, 15), Image.Resampling.BICUBIC, fillcolor=(255, 255, 255)
        ),
    ),
    (0.3, mirror),
    (0.2, perspective),
    (0.6, light),
    (0.3, tint),
    (0.2, blur),
    (0.2, jpeg),
]


def copy(image: Picture, rng: Random) -> Picture:
    """An edited copy of a picture, from slightly to badly."""
    return chain(image, rng, COPY)


def mark(image: Picture, rng: Random) -> Picture:
    """Another rendering of a mark."""
    return chain(image, rng, MARK)


def photo(image: Picture, rng: Random) -> Picture:
    """Another shot of the same product, as far as edits can imitate it."""
    return chain(image, rng, PHOTO)


def cloth(image: Picture, rng: Random) -> Picture:
    """A piece of the cloth: cut, turned, nearer or farther, other light."""
    side = max(24, round(min(image.size) * rng.uniform(0.4, 0.85)))
    side = min(side, *image.size)
    angle = rng.uniform(-180, 180) if rng.random() < 0.25 else rng.uniform(-20, 20)
    if rng.random() < 0.5:
        image = image.rotate(angle, Image.Resampling.BICUBIC)
        middle = round(min(image.size) * 0.72)
        x, y = (image.width - middle) // 2, (image.height - middle) // 2
        image = image.crop((x, y, x + middle, y + middle))
        side = min(side, middle)
    x, y = rng.randint(0, image.width - side), rng.randint(0, image.height - side)
    piece = image.crop((x, y, x + side, y + side))
    return chain(
        piece,
        rng,
        [(0.3, mirror), (0.7, _soft_light), (0.2, blur), (0.2, tint), (0.25, jpeg), (0.15, shrink)],
    )


def _soft_light(image: Picture, rng: Random) -> Picture:
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.7, 1.35))
    image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.8, 1.25))
    return ImageEnhance.Color(image).enhance(rng.uniform(0.75, 1.25))
