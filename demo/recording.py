"""Draws a recording of the terminal as an animated SVG: real commands, their real output, no script
and no font to load.

    python -m demo.recording docs/media/terminal.svg

Each line appears when its time has come (CSS animation); a viewer without animation sees the last
picture.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from rich.color import Color, ColorType
from rich.console import Console
from rich.text import Text

COLUMNS: Final = 96
ROWS: Final = 31
CELL_W: Final = 8.4
CELL_H: Final = 19
SECONDS: Final = 20.0
TIMES: Final = 4
TYPING_S: Final = 0.035
_PAD: Final = 18
_INK: Final = "#e8e6e0"
_PAPER: Final = "#14171a"
_PROMPT: Final = "#58cdb3"


@dataclass(frozen=True, slots=True)
class Step:
    """One command and what it printed."""

    command: str
    output: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The screen from a moment on."""

    at_s: float
    lines: tuple[Text, ...]


def run(command: str, *, environment: dict[str, str]) -> Step:
    """Runs a command line as if in a terminal, a few times: the quickest is what a machine with
    nothing else to do shows.

    Raises CalledProcessError when it fails.
    """
    full = {
        **os.environ,
        **environment,
        "FORCE_COLOR": "1",
        "COLORTERM": "truecolor",
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
    }
    took: dict[float, str] = {}
    for _ in range(TIMES):
        began = time.perf_counter()
        done = subprocess.run(  # noqa: S603
            ["bash", "-c", command],  # noqa: S607
            env=full,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )  # our own commands
        took[time.perf_counter() - began] = done.stdout.rstrip("\n")
    return Step(command, took[min(took)])


def frames(steps: Sequence[Step]) -> Iterator[Frame]:
    """The screens, in time: letters typed a few at a time, output at once, the last rows kept in
    observation.
    """
    screen: list[Text] = []
    now = 0.4
    for step in steps:
        prompt = Text("$ ", style=_PROMPT)
        for typed in range(0, len(step.command) + 1, 3):
            yield Frame(now, _seen([*screen, prompt + Text(step.command[:typed])]))
            now += 3 * TYPING_S
        screen.append(prompt + Text(step.command))
        yield Frame(now, _seen(screen))
        now += 0.35
        screen.extend(Text.from_ansi(line) for line in step.output.split("\n"))
        screen.append(Text(""))
        yield Frame(now, _seen(screen))
        now += 2.6


def _seen(screen: Sequence[Text]) -> tuple[Text, ...]:
    return tuple(screen[-ROWS:])


def svg(shots: Sequence[Frame], *, seconds: float = SECONDS) -> str:
    """One group a frame, visible from its moment to the next one's; the whole repeats after
    `seconds`.
    """
    width, height = COLUMNS * CELL_W + 2 * _PAD, ROWS * CELL_H + 2 * _PAD
    total = max(seconds, shots[-1].at_s + 2)
    rules, groups = [], []
    for number, shot in enumerate(shots):
        begin = 100 * shot.at_s / total
        end = 100 * shots[number + 1].at_s / total if number + 1 < len(shots) else 100.0
        last = number + 1 == len(shots)
        after = "" if last else f"{end + 0.01:.2f}%,100%{{opacity:0}}"
        rules.append(
            f"@keyframes k{number}{{0%,{begin:.2f}%{{opacity:0}}"
            f"{begin + 0.01:.2f}%,{end:.2f}%{{opacity:1}}{after}}}"
        )
        rules.append(
            f"#f{number}{{animation:k{number} {total:.1f}s step-end infinite;opacity:{int(last)}}}"
        )
        lines = "".join(_line(line, row) for row, line in enumerate(shot.lines))
        groups.append(f'<g id="f{number}">{lines}</g>')
    font = "font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace"
    style = f"text{{{font};white-space:pre;fill:{_INK}}}{''.join(rules)}"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">'
        "<title>lookalike at work</title>"
        f"<style>{style}</style>"
        f'<rect width="100%" height="100%" rx="10" fill="{_PAPER}"/>{"".join(groups)}</svg>\n'
    )


def _line(line: Text, row: int) -> str:
    """One row: a text element whose runs each stand at their own column."""
    if not line.plain.strip():
        return ""
    y = _PAD + (row + 0.8) * CELL_H
    parts: list[str] = []
    pixels: list[str] = []
    column = 0
    for run_ in line.divide(
        sorted(
            {edge for span in line.spans for edge in (span.start, span.end) if 0 < edge < len(line)}
        )
    ):
        text = run_.plain
        if text.strip("▀") == "":
            pixels.append(_pixels(run_, column, row))
        elif text.strip():
            parts.append(
                f'<tspan x="{_PAD + column * CELL_W:.1f}"{_fill(run_)}>{escape(text)}</tspan>'
            )
        column += run_.cell_len
    words = f'<text y="{y:.1f}" xml:space="preserve">{"".join(parts)}</text>' if parts else ""
    return words + (f'<g shape-rendering="crispEdges">{"".join(pixels)}</g>' if pixels else "")


def _pixels(run_: Text, column: int, row: int) -> str:
    """Half blocks as what they stand for: an upper pixel in the ink's colour above a lower one in
    the paper's.
    """
    style = run_.get_style_at_offset(Console(), 0)
    x, width = _PAD + column * CELL_W, run_.cell_len * CELL_W
    return "".join(
        f'<path fill="{_hex(colour)}" d="M{x:.1f} {_PAD + (row + half) * CELL_H:.1f}'
        f'h{width:.1f}v{CELL_H / 2}h-{width:.1f}"/>'
        for half, colour in ((0, style.color), (0.5, style.bgcolor))
        if colour is not None
    )


def _fill(run_: Text) -> str:
    """The SVG attributes that draw a run as its style says."""
    style = run_.get_style_at_offset(Console(), 0)
    colour = _hex(style.color) if style.color else None
    attributes = [
        f' fill="{colour}"' if colour else "",
        ' font-weight="600"' if style.bold else "",
        ' opacity=".6"' if style.dim else "",
    ]
    return "".join(attributes)


def _hex(colour: Color) -> str | None:
    if colour.type is ColorType.DEFAULT:
        return None
    red, green, blue = colour.get_truecolor()
    return f"#{red:02x}{green:02x}{blue:02x}"


def main(target: Path) -> None:
    """Records the commands that README shows, over a store of its own."""
    import tempfile

    with tempfile.TemporaryDirectory() as home:
        path = f"{Path('.venv/bin').resolve()}:{os.environ['PATH']}"
        environment = {
            "LOOKALIKE_STORE": f"{home}/data",
            "LOOKALIKE_SECRETS": f"{home}/keys.json",
            "PATH": path,
        }
        demo = run("lookalike demo", environment=environment)
        from demo.pictures import query

        (Path(home) / "street.png").write_bytes(query().data)
        found = run(f"lookalike search {home}/street.png --count 3", environment=environment)
    shown = [
        Step("make demo", demo.output),
        Step("lookalike search street.png --count 3", found.output),
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(svg(list(frames(shown))), encoding="utf-8")
    sys.stdout.write(f"{target}: {target.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/media/terminal.svg"))
