import pytest

from chalicelib.errors import (
    AlreadyExists,
    BadPicture,
    CollectionNotFound,
    Forbidden,
    LookalikeError,
    PictureFault,
    StoreUnavailable,
)
from cli.output import exit_code, visible


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadPicture(PictureFault.FORMAT, "x"), 2),
        (CollectionNotFound("x"), 3),
        (AlreadyExists("x"), 4),
        (Forbidden("x"), 5),
        (StoreUnavailable("x"), 7),
        (LookalikeError("x"), 1),
    ],
)
def test_exit_codes_follow_what_the_caller_must_do(error: LookalikeError, code: int) -> None:
    assert exit_code(error) == code


def test_text_that_steers_a_terminal_is_spelled_out() -> None:
    assert visible("a\x1b[31mred\x07") == "a\\u{1b}[31mred\\u{7}"
    assert visible("photo\u202egpj.exe") == "photo\\u{202e}gpj.exe"


def test_emoji_and_other_scripts_stay_as_they_are() -> None:
    text = "👩\u200d🎨 スニーカー кеды"
    assert visible(text) == text
