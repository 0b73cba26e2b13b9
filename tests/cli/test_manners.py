"""What the command says where somebody is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.contract.messages import AddPicture, CreateCollection
from chalicelib.errors import StoreUnavailable
from chalicelib.service import Service
from chalicelib.storage.files import FileStore
from chalicelib.usecases.add import add_picture
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.manage import create_collection
from cli.main import execute
from cli.serve import running
from demo.client import Client
from tests.command import Run, runner
from tests.gateway.client import picture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, with nothing set: where somebody stands who forgot to change folders."""
    import chalicelib.wiring

    monkeypatch.chdir(tmp_path)
    for name in ("LOOKALIKE_STORE", "LOOKALIKE_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    chalicelib.wiring.deployment.cache_clear()
    return tmp_path


def test_the_command_alone_is_a_short_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert len(said.out.splitlines()) <= 12
    assert max(map(len, said.out.splitlines())) <= 80
    for group in ("collections", "keys"):
        assert execute([group]) == 0
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["collections", "list"], 0),
        (["collections", "show", "demo"], 3),
        (["search", "photo.png", "-c", "demo"], 3),
        (["scrub"], 0),
        (["export", "-c", "demo"], 3),
        (["keys", "list"], 0),
    ],
)
def test_who_only_looks_makes_no_store_and_is_told_which_one_was_looked_at(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], command: list[str], code: int
) -> None:
    photo = elsewhere / "photo.png"
    photo.write_bytes(picture(1))
    assert execute(command) == code
    said = capsys.readouterr()
    assert [path.name for path in elsewhere.iterdir()] == ["photo.png"]
    if code:
        assert ".lookalike/data" in said.err
        assert len(said.err.splitlines()) == 1
        assert execute([*command, "--json", *(["-o", "x"] if "export" in command else [])]) == code
        assert json.loads(capsys.readouterr().out)["error"]["store"] == ".lookalike/data"


def test_a_folder_where_a_picture_should_be_is_said_to_be_one(run: Run, tmp_path: Path) -> None:
    for command in ("search", "add"):
        code, _, error = run(command, str(tmp_path), "-c", "any")
        assert code == 2 or "collection" in error
        assert "is a folder" in error
        assert "lookalike import" in error


def test_a_row_through_a_pipe_is_a_line(tmp_path: Path) -> None:
    """However long its names are."""
    script = (
        "from cli.output import out, row, table\n"
        "made = table('Product', 'Picture')\n"
        "row(made, 'p' * 300, 'n' * 300)\n"
        "out.print(made)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 2


def test_records_in_the_log_are_rows_to_scrub(
    told: object, run: Run, deployment: Deployment
) -> None:
    del told
    create_collection(CreateCollection("fresh", Service.GENERIC), deployment)
    add_picture(AddPicture("fresh", "p", "a.png", picture(1)), deployment)
    code, text, _ = run("scrub", "--json")
    assert code == 0
    assert json.loads(text)[0]["rows"] == 1


def test_a_measurement_of_nothing_is_one_document(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture(1))
    (tmp_path / "labels.csv").write_text("path,split\na.png,gallery\n", encoding="utf-8")
    code, text, _ = run("quality", str(tmp_path), "--json")
    assert code == 2
    assert json.loads(text)["error"]["kind"] == "MissingField"


def test_a_store_that_cannot_be_written_is_served(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli.serve import machine_key

    create_collection(CreateCollection("kept", Service.GENERIC), deployment)
    add_picture(AddPicture("kept", "p", "a.png", picture(1)), deployment)
    key = machine_key(deployment)

    def refuse(*_: object, **__: object) -> str:
        raise StoreUnavailable("the folder of the store cannot be written: Read-only file system")

    for method in ("create", "replace", "delete"):
        monkeypatch.setattr(FileStore, method, refuse)
    with running("127.0.0.1", 0, deployment) as server:
        answer = Client(f"127.0.0.1:{server.port}", *key).call("Detail", InstanceName="kept")
    assert answer["Instance"]["TotalCount"] == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_file_of_this_machine_is_named_from_where_one_stands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import chalicelib.wiring

    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "here" / "x", Path("/nowhere/far/away/x")):

        def fail(path: Path = path) -> Deployment:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(chalicelib.wiring, "deployment", fail)
        code, _, error = runner(capsys)("collections", "list")
        assert code == 7
        assert str(path.parent) not in error
        assert "x: Permission denied" in error
