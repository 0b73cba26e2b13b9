"""Hard edits of a picture, made by the benchmark: several at once, stronger than those of the
edited_copies set.

They are written apart from the edits that the projections are trained on (models/build/augment.py).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from random import Random

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Picture = Image.Image


def _cut(image: Picture, rng: Random, area: float) -> Picture:
    w, h = round(image.width * area**0.5), round(image.height * area**0.5)
    x, y = rng.randint(0, image.width - w), rng.randint(0, image.height - h)
    return image.crop((x, y, x + w, y + h))


def _jpeg(image: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def _caption(image: Picture, text: str, share: float) -> Picture:
    """A yellow band with red lettering over `share` of the height, a little below the middle."""
    image = image.copy()
    draw = ImageDraw.Draw(image)
    band = round(image.height * share)
    top = round(image.height * 0.55)
    draw.rectangle((0, top, image.width, top + band), fill=(250, 220, 30))
    draw.text(
        (image.width // 20, top + band // 6),
        text,
        fill=(180, 0, 0),
        font_size=max(10, round(band * 0.6)),
    )
    return image


def cut_turned(image: Picture, rng: Random) -> Picture:
    """Half the area, turned by 12 … 20 degrees on black, JPEG 15."""
    angle = rng.choice([-1, 1]) * rng.uniform(12, 20)
    return _jpeg(_cut(image, rng, 0.5).rotate(angle, Image.Resampling.BICUBIC, expand=True), 15)


def screenshot(image: Picture, rng: Random) -> Picture:
    """On a phone screen twice its height, with bars and lines of text, JPEG 30."""
    w, h = image.size
    page = Image.new("RGB", (round(w * 1.1), h * 2), (255, 255, 255))
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, page.width, h // 8), fill=(32, 98, 190))
    draw.text((w // 20, h // 30), "Gallery", fill=(255, 255, 255), font_size=max(10, h // 14))
    top = h // 8 + rng.randint(h // 20, h // 4)
    page.paste(image, (w // 20, top))
    for line in range(5):
        y = top + h + h // 20 + line * h // 11
        draw.rectangle(
            (w // 20, y, w // 20 + round(w * rng.uniform(0.3, 0.95)), y + h // 30),
            fill=(90, 90, 90),
        )
    return _jpeg(page, 30)


def sticker(image: Picture, rng: Random) -> Picture:
    """A caption over a fifth of it, a disc over a corner, a slight blur."""
    image = _caption(image, "MEGA SALE 50% OFF today", 0.2)
    size = round(min(image.size) * 0.38)
    x = rng.choice([0, image.width - size])
    ImageDraw.Draw(image).ellipse((x, 0, x + size, size), fill=(20, 150, 60))
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 150))


def mirrored(image: Picture, rng: Random) -> Picture:
    """Mirrored, six tenths of the area, strong colours, JPEG 20."""
    image = _cut(ImageOps.mirror(image), rng, 0.6)
    image = ImageEnhance.Brightness(image).enhance(rng.choice([0.6, 1.5]))
    return _jpeg(ImageEnhance.Color(ImageEnhance.Contrast(image).enhance(1.5)).enhance(1.8), 20)


def thumbnail(image: Picture, rng: Random) -> Picture:
    """On a coloured ground twice its area, then 96 pixels, JPEG 20."""
    w, h = round(image.width * 1.4), round(image.height * 1.4)
    page = Image.new("RGB", (w, h), (rng.randint(0, 255), rng.randint(0, 255), rng.randint(0, 255)))
    page.paste(image, (rng.randint(0, w - image.width), rng.randint(0, h - image.height)))
    page.thumbnail((96, 96))
    return _jpeg(page, 20)


def slanted(image: Picture, rng: Random) -> Picture:
    """Seen from the side, grey, with a caption."""
    w, h = image.size
    lean = rng.uniform(0.12, 0.2)
    corners = (0.0, lean * h, 0.0, h - lean * h * 0.5, float(w), float(h), float(w), 0.0)
    image = _caption(ImageOps.grayscale(image).convert("RGB"), "www.example.com", 0.12)
    return image.transform(image.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)


HARD: dict[str, Callable[[Picture, Random], Picture]] = {
    "half, turned, jpeg 15": cut_turned,
    "screenshot": screenshot,
    "caption and sticker": sticker,
    "mirrored cut, colours": mirrored,
    "padded thumbnail": thumbnail,
    "slanted grey caption": slanted,
}
