"""The commands as people and scripts use them."""

from __future__ import annotations

import io
import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.picture_urls import picture_urls, set_picture_url
from cli.main import app
from cli.output import EXIT_CODES, visible
from tests.command import Run
from tests.gateway.client import picture

Told = Callable[..., Any]


@pytest.fixture
def photo(tmp_path: Path) -> Callable[[int], str]:
    def make(seed: int) -> str:
        path = tmp_path / f"photo{seed}.png"
        path.write_bytes(picture(seed))
        return str(path)

    return make


def _commands(group: Any = None, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every command by the words that call it."""
    root: Any = typer.main.get_command(app)
    found: dict[tuple[str, ...], Any] = {}
    for name, command in (group if group is not None else root).commands.items():
        found |= (
            _commands(command, (*path, name))
            if hasattr(command, "commands")
            else {(*path, name): command}
        )
    return found


@pytest.mark.parametrize("path", _commands(), ids=" ".join)
def test_every_command_has_help_an_example_and_json(path: tuple[str, ...]) -> None:
    command = _commands()[path]
    assert command.help
    assert f"lookalike {' '.join(path)}" in (command.epilog or "")
    assert "--json" in {option for parameter in command.params for option in parameter.opts}


def test_a_collection_is_made_listed_shown_and_dropped(told: Told, run: Run) -> None:
    assert told("collections", "create", "shoes", "--type", "product")["type"] == "product"
    assert [row["name"] for row in told("collections", "list")] == ["shoes"]
    shown = told("collections", "show", "shoes")
    assert (shown["records"], shown["dimension"]) == (0, 64)
    assert run("collections", "show", "shoes")[1].count("shoes") == 1
    assert told("collections", "drop", "shoes", "--yes") == {"dropped": "shoes", "records": 0}
    assert told("collections", "list") == []


def test_dropping_forgets_the_picture_url(told: Told, deployment: Deployment) -> None:
    told("collections", "create", "shoes")
    set_picture_url("shoes", "/x/{PicName}", deployment)
    told("collections", "drop", "shoes", "--yes")
    assert picture_urls(deployment) == {}


def test_errors_are_one_line_with_a_meaningful_exit_code(run: Run, told: Told) -> None:
    told("collections", "create", "shoes")
    code, text, error = run("collections", "create", "shoes")
    assert (code, text) == (4, "")
    assert error.startswith("error: ")
    assert "shoes" in error
    assert "Traceback" not in error
    code, text, _ = run("collections", "show", "absent", "--json")
    assert code == 3
    assert json.loads(text)["error"]["kind"] == "CollectionNotFound"
    assert run("collections", "create", "x", "--type", "sofa")[0] == 2
    assert run("collections", "create")[0] == 2
    assert "3 not found" in EXIT_CODES


def test_a_key_s_secret_is_shown_once_and_kept_from_others(
    told: Told, run: Run, deployment: Deployment
) -> None:
    made = told("keys", "create", "--name", "till", "--access", "read", "--collection", "shoes")
    listed = told("keys", "list")
    assert listed[0]["access_key_id"] == made["access_key_id"]
    assert listed[0]["collections"] == ["shoes"]
    assert made["access_key_secret"] not in run("keys", "list")[1] + json.dumps(listed)
    assert stat.S_IMODE(Path(deployment.settings.secrets).stat().st_mode) == 0o600


def test_a_key_is_rotated_retired_and_revoked(told: Told, run: Run) -> None:
    made = told("keys", "create")
    key_id = made["access_key_id"]
    assert told("keys", "rotate", key_id)["access_key_secret"] != made["access_key_secret"]
    assert told("keys", "list")[0]["rotating"] is True
    assert run("keys", "rotate", key_id)[0] == 4
    told("keys", "retire", key_id)
    assert told("keys", "list")[0]["rotating"] is False
    told("keys", "revoke", key_id)
    assert told("keys", "list") == []
    assert run("keys", "revoke", key_id)[0] == 3


def test_an_added_picture_is_found_as_identical(told: Told, photo: Callable[[int], str]) -> None:
    told("collections", "create", "shoes")
    added = told(
        "add", photo(1), "--product", "4711", "--set", "int_attr=42", "--set", "str_attr=red"
    )
    assert added["product_id"] == "4711"
    told("add", photo(2))
    found = told("search", photo(1), "--filter", "int_attr = 42")
    assert [row["product_id"] for row in found["results"]] == ["4711"]
    assert found["results"][0]["sort_expr_values"] == "7.33136443711219e+24;0"
    assert found["results"][0]["str_attr"] == "red"
    assert told("search", "--like", "4711", "photo1.png")["results"][0]["score"] == 1


def test_results_are_a_table_with_rank_product_category_and_both_scores(
    told: Told, run: Run, photo: Callable[[int], str]
) -> None:
    told("collections", "create", "shoes")
    told("add", photo(1), "--product", "4711")
    code, text, _ = run("search", photo(1))
    assert code == 0
    assert "1 candidate, " in text
    for word in ("Rank", "4711", "photo1.png", "Tops", "1.0000", "7.33136443711219e+24;0"):
        assert word in text


def test_several_pictures_are_added_and_a_bad_one_does_not_stop_the_rest(
    told: Told, run: Run, photo: Callable[[int], str], tmp_path: Path
) -> None:
    told("collections", "create", "shoes")
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    code, text, _ = run("add", photo(1), str(bad), photo(2), "--json")
    rows = json.loads(text)
    assert code == 1
    assert ["error" in row for row in rows] == [False, True, False]
    assert rows[1]["error"]["kind"] == "BadPicture"
    assert told("collections", "show", "shoes")["records"] == 2
    assert "Added 2 of 3" in run("add", photo(1), str(bad), photo(2))[1]


@pytest.mark.parametrize(
    "name", ["[red]x[/red]", "[/]", "photo\u202egpj.exe", ":smile:", "<script>" + "W" * 300]
)
def test_hostile_names_are_text_in_every_answer(
    told: Told, run: Run, photo: Callable[[int], str], name: str
) -> None:
    told("collections", "create", "shoes")
    shown = visible(name)
    for arguments in (
        ("add", photo(1), "--product", name, "--name", name),
        ("search", photo(1)),
        ("search", "--like", name, name),
        ("export",),
    ):
        code, text, error = run(*arguments)
        assert (code, error) == (0, "")
        assert "\x1b" not in text
        assert (
            shown[:40] in text.replace("\n", "")
            or json.dumps(name, ensure_ascii=False)[1:-1] in text
        )
    code, _, error = run("search", "--like", name, "absent")
    assert code == 3
    assert "\u202e" not in error


def test_a_picture_comes_from_standard_input_too(
    told: Told, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("collections", "create", "shoes")

    def feed() -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(picture(3))))

    feed()
    told("add", "-", "--product", "p", "--name", "n")
    feed()
    assert told("search", "-")["results"][0]["pic_name"] == "n"
    assert run("add", "-")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("search", "absent.png"), "absent.png"),
        (("search",), "--like"),
        (("search", "{photo}", "--filter", "int_attr =="), "error"),
        (("search", "{photo}", "--count", "101"), "100"),
        (("search", "{photo}", "--region", "1,2,3"), "x1,x2,y1,y2"),
        (("add", "{photo}", "--set", "colour=red"), "NAME=VALUE"),
        (("add", "{photo}", "--set", "int_attr=red"), "whole number"),
        (("add", "{photo}", "--category", "5000"), "category_id is 5000; choose one of"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(
    told: Told, run: Run, photo: Callable[[int], str], arguments: tuple[str, ...], word: str
) -> None:
    told("collections", "create", "shoes")
    code, _, error = run(*(argument.format(photo=photo(1)) for argument in arguments))
    assert code == 2
    assert word in error
    assert told("collections", "show", "shoes")["records"] == 0


def test_the_collection_must_be_named_where_there_are_several(
    told: Told, run: Run, photo: Callable[[int], str]
) -> None:
    assert "collections create" in run("search", photo(1))[2]
    told("collections", "create", "a")
    told("collections", "create", "b")
    code, _, error = run("search", photo(1))
    assert code == 2
    assert "a, b" in error


def test_a_setting_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.setenv("LOOKALIKE_THREADS", "many")
    code, _, error = run("collections", "list")
    assert code == 2
    assert "LOOKALIKE_THREADS" in error


def test_hostile_names_do_not_steer_the_terminal(
    told: Told, run: Run, photo: Callable[[int], str]
) -> None:
    told("collections", "create", "shoes")
    told("add", photo(1), "--product", "a\u202eb", "--name", "[red]x[/red]")
    _, text, _ = run("search", photo(1))
    assert "\\u{202e}" in text
    assert "\u202e" not in text
    assert "[red]x[/red]" in text


def test_nothing_is_coloured_or_drawn_into_a_pipe(
    told: Told, run: Run, photo: Callable[[int], str]
) -> None:
    told("collections", "create", "shoes")
    told("add", photo(1))
    assert "\x1b" not in run("search", photo(1))[1]


def test_what_the_machine_refuses_is_one_line_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "home" / "keys.json.lock").mkdir(parents=True)
    code, _, error = run("keys", "create")
    assert code == 7
    assert error.startswith("error: ")
    assert "keys.json" in error
    assert len(error.splitlines()) == 1


def test_a_port_that_is_none_is_one_line(run: Run) -> None:
    for port in ("80000", "-1", "http"):
        code, _, error = run("serve", "--port", port)
        assert code == 2
        assert error.startswith("error: ")
        assert len(error.splitlines()) == 1
