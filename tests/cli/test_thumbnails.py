import base64
import io
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chalicelib.contract.messages import AddPicture, CreateCollection, SearchByPicture
from chalicelib.service import Service
from chalicelib.usecases.add import add_picture
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.manage import create_collection
from chalicelib.usecases.picture_urls import set_picture_url
from chalicelib.usecases.search import search_by_picture
from cli.search import show_pictures
from cli.thumbnails import CELLS, Graphics, blocks, drawn, graphics, iterm, kitty, pairs
from demo.samples import samples_folder, template
from tests.gateway.client import picture


@pytest.mark.parametrize(
    ("environment", "colours", "expected"),
    [
        ({"TERM": "xterm-kitty"}, "truecolor", Graphics.KITTY),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "256", Graphics.ITERM),
        ({"TERM": "xterm-256color"}, "truecolor", Graphics.BLOCKS),
        ({"TERM": "xterm-256color"}, "256", None),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, "truecolor", None),
        ({"TERM": "dumb"}, "truecolor", None),
    ],
)
def test_the_terminal_decides_how_pictures_are_shown(
    environment: dict[str, str], colours: str, expected: Graphics | None
) -> None:
    assert graphics(environment, terminal=True, colours=colours) is expected


def test_nothing_is_drawn_into_a_pipe() -> None:
    assert graphics({"TERM": "xterm-kitty"}, terminal=False, colours="truecolor") is None


def test_blocks_put_the_upper_pixel_before_the_lower() -> None:
    text = blocks(np.array([[[255, 0, 0]], [[0, 0, 255]]], dtype=np.uint8))
    assert text.plain == "▀"
    assert str(text.spans[0].style) == "#ff0000 on #0000ff"


def test_kitty_gets_every_pixel_in_chunks_of_4096() -> None:
    noise = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    chunks = [
        part.removeprefix("_G").split(";")
        for part in kitty(noise).replace("\x1b\\", "").split("\x1b")[1:]
    ]
    assert chunks[0][0].startswith("a=T,f=24,o=z,s=64,v=64,")
    assert [head.rsplit("m=", 1)[1] for head, _ in chunks] == ["1"] * (len(chunks) - 1) + ["0"]
    assert all(len(payload) <= 4096 for _, payload in chunks)
    assert (
        zlib.decompress(base64.b64decode("".join(payload for _, payload in chunks)))
        == noise.tobytes()
    )


def test_iterm_gets_the_file_itself() -> None:
    assert base64.b64decode(iterm(b"file").rsplit(":", 1)[1].rstrip("\x07")) == b"file"


def test_a_picture_becomes_lines_and_what_is_none_becomes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    buffer = io.BytesIO()
    Image.new("RGB", (200, 100), "red").save(buffer, "PNG")
    file.write_bytes(buffer.getvalue())
    text = drawn(file, Graphics.BLOCKS)
    assert text is not None
    assert not isinstance(text, str)
    assert [len(line) for line in text.plain.splitlines()] == [CELLS] * (CELLS // 4)
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert drawn(tmp_path / "b.png", Graphics.BLOCKS) is None
    assert drawn(tmp_path / "absent.png", Graphics.KITTY) is None


def test_results_whose_samples_are_here_are_drawn_under_their_table(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    create_collection(CreateCollection("demo", Service.GENERIC), deployment)
    add_picture(AddPicture("demo", "with", "a.png", picture(1)), deployment)
    add_picture(AddPicture("demo", "without", "b.png", picture(2)), deployment)
    folder = samples_folder(deployment.settings)
    assert folder is not None
    (folder / "demo").mkdir(parents=True)
    (folder / "demo" / "a.png").write_bytes(picture(1))
    set_picture_url("demo", template("demo"), deployment)
    found = search_by_picture(SearchByPicture("demo", picture(1)), deployment)
    capsys.readouterr()
    show_pictures("demo", found, Graphics.BLOCKS, deployment, start=0)
    said = capsys.readouterr().out
    assert said.count("▀") == blocks(pairs(picture(1), CELLS)).plain.count("▀") > 0
    assert "1  with" in said
    assert "without" not in said
