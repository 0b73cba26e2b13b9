"""Pictures in terminals that can show them: kitty's and iTerm2's protocols, else two pixels a
character in 24-bit colour.
"""

from __future__ import annotations

import base64
import os
import zlib
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.style import Style
from rich.text import Text

from chalicelib.errors import BadPicture
from chalicelib.service import Service

if TYPE_CHECKING:
    from chalicelib.vision.picture import Picture

PIXELS = 192
"""Side of what the graphics protocols are sent."""
CELLS = 24
"""Columns a thumbnail takes; half as many rows."""


class Graphics(Enum):
    """How a terminal shows pictures."""

    KITTY = auto()
    ITERM = auto()
    BLOCKS = auto()


def graphics(
    environment: Mapping[str, str], *, terminal: bool, colours: str | None
) -> Graphics | None:
    """What the terminal of `environment` can show; None: no pictures. `colours` is rich's colour
    system.
    """
    if not terminal or "NO_COLOR" in environment or environment.get("TERM") == "dumb":
        return None
    if environment.get("TERM") == "xterm-kitty" or environment.get("TERM_PROGRAM") == "ghostty":
        return Graphics.KITTY
    if environment.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm", "vscode"):
        return Graphics.ITERM
    return Graphics.BLOCKS if colours == "truecolor" else None


def this_terminal(*, terminal: bool, colours: str | None) -> Graphics | None:
    """`graphics` of this process."""
    return graphics(os.environ, terminal=terminal, colours=colours)


def pixels(data: bytes, side: int) -> npt.NDArray[np.uint8]:
    """The picture scaled into a square, uint8 [side, side, 3]. Raises BadPicture."""
    return _decoded(data).letterbox(side=side)


def pairs(data: bytes, side: int) -> npt.NDArray[np.uint8]:
    """The picture scaled to fit a square, without margins: uint8 [an even number up to side, up to
    side, 3]. Raises BadPicture.
    """
    from chalicelib.vision.picture import margins

    picture = _decoded(data)
    left, top, across, down = margins(picture.width, picture.height, side)
    return picture.letterbox(side=side)[top : top + max(2, down - down % 2), left : left + across]


def _decoded(data: bytes) -> Picture:
    from chalicelib.vision.decode import Limits, decode

    return decode(data, limits=Limits.of(Service.GENERIC))


def drawn(path: Path, how: Graphics) -> str | Text | None:
    """What to print for the picture at `path`: an escape sequence, or text; None where there is no
    picture to show.
    """
    try:
        data = path.read_bytes()
        if how is Graphics.BLOCKS:
            return blocks(pairs(data, CELLS))
        return kitty(pixels(data, PIXELS)) if how is Graphics.KITTY else iterm(data)
    except (OSError, BadPicture):
        return None


def blocks(picture: npt.NDArray[np.uint8]) -> Text:
    """Upper half blocks: the upper pixel in the foreground, the lower one behind. `picture` is
    uint8 [2n, columns, 3].
    """
    text = Text()
    for top, bottom in zip(picture[::2], picture[1::2], strict=True):
        for upper, lower in zip(top.tolist(), bottom.tolist(), strict=True):
            text.append("▀", Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower)))
        text.append("\n")
    text.rstrip()
    return text


def kitty(picture: npt.NDArray[np.uint8]) -> str:
    """Kitty's graphics protocol (sw.kovidgoyal.net/kitty/graphics-protocol): compressed RGB in
    chunks of 4096 characters.
    """
    height, width, _ = picture.shape
    payload = base64.standard_b64encode(zlib.compress(picture.tobytes())).decode()
    chunks = [payload[at : at + 4096] for at in range(0, len(payload), 4096)]
    head = f"a=T,f=24,o=z,s={width},v={height},c={CELLS},r={CELLS // 2}"
    parts = []
    for number, chunk in enumerate(chunks):
        more = int(number < len(chunks) - 1)
        parts.append(f"\x1b_G{f'{head},' if number == 0 else ''}m={more};{chunk}\x1b\\")
    return "".join(parts)


def iterm(data: bytes) -> str:
    """iTerm2's inline images (iterm2.com/documentation-images.html): the file itself."""
    payload = base64.standard_b64encode(data).decode()
    size = f"size={len(data)};width={CELLS};height={CELLS // 2};preserveAspectRatio=1"
    return f"\x1b]1337;File=inline=1;{size}:{payload}\x07"
