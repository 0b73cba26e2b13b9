"""`lookalike import`, `rebuild`, `export`, `bind`: through the command line, with real worker
processes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

import chalicelib.wiring
import cli.workers
from chalicelib.config import Settings
from chalicelib.jobs.bindings import Binding, bindings
from chalicelib.service import Service
from chalicelib.usecases.deployment import Deployment
from tests.command import Run, runner
from tests.imports.shop import add, drawn
from tests.imports.tiny_deployment import build


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        store=str(tmp_path / "home" / "data"),
        secrets=str(tmp_path / "home" / "keys.json"),
        import_workers=2,
    )


@pytest.fixture
def deployment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    made = build(settings)
    made.catalog.create("shop", Service.PRODUCT, fingerprint="tiny-1", dimension=64, bits=64)
    monkeypatch.setattr(chalicelib.wiring, "deployment", lambda: made)
    monkeypatch.setattr(
        cli.workers, "ImportWorkers", partial(cli.workers.ImportWorkers, build=build)
    )
    return made


@pytest.fixture
def run(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures in sub-folders, one on top, and two other files."""
    made = tmp_path / "photos"
    for number, name in enumerate(("boots/front.jpg", "boots/side.JPG", "hat/1.jpg", "loose.jpg")):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_bytes(drawn(number))
    (made / "notes.txt").write_text("not a picture")
    (made / ".hidden.jpg").write_bytes(drawn(9))
    return made


def keys(deployment: Deployment) -> list[tuple[str, str]]:
    return sorted(
        (row.key.product_id, row.key.pic_name)
        for row in deployment.catalog.open("shop").snapshot().rows()
    )


def test_a_folder_without_increment_meta_is_shown_first_and_asked_about(
    run: Run, deployment: Deployment, folder: Path
) -> None:
    code, _, told = run("import", str(folder))
    assert code == 2
    assert "boots" in told
    assert "front.jpg" in told
    assert "1 other files are left out" in told
    assert "--yes" in told
    assert keys(deployment) == []

    code, said, told = run("import", str(folder), "--yes")
    assert (code, keys(deployment)) == (
        0,
        [
            ("boots", "boots/front.jpg"),
            ("boots", "boots/side.JPG"),
            ("hat", "hat/1.jpg"),
            ("loose", "loose.jpg"),
        ],
    ), told
    assert "4 added, 0 deleted, 0 failed" in said


def test_errors_of_a_folder_without_increment_meta_name_the_file(run: Run, folder: Path) -> None:
    (folder / "boots" / "broken.jpg").write_bytes(b"no picture")
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes(drawn(3))
    code, _, told = run("import", str(folder), "--yes")
    assert code == 1
    assert "boots/broken.jpg: UnsupportedPicFormat" in told
    assert "line " not in told
    assert "caf\\xe9.jpg: its name is not UTF-8" in told
    assert ".txt 1" in told


def test_errors_are_told_with_line_and_reason_and_by_the_exit_code(
    run: Run, deployment: Deployment, folder: Path
) -> None:
    lines = [json.dumps(add("b", "boots/front.jpg")), json.dumps(add("x", "gone.jpg")), "nonsense"]
    (folder / "increment.meta").write_text("\n".join(lines))
    code, said, told = run("import", str(folder))
    assert code == 1
    assert "line 2: PicNotExist" in told
    assert "line 3: BadRequest" in told
    assert "1 added, 0 deleted, 2 failed" in said

    code, said, _ = run("import", str(folder), "--json")
    value = json.loads(said)
    assert code == 1
    assert (value["status"], value["added"], value["failed"]) == ("SUCCESS", 1, 2)
    assert [(error["line"], error["code"]) for error in value["errors"]] == [
        (2, "PicNotExist"),
        (3, "BadRequest"),
    ]
    assert value["errors"][1]["input"] == "nonsense"


def test_a_bucket_of_this_machine_is_a_folder(
    run: Run, deployment: Deployment, settings: Settings, folder: Path
) -> None:
    code, _, told = run("import", "s3://pics/shop")
    assert code == 6
    assert "no bucket 'pics'" in told
    assert "AWS_REGION" in told
    bucket = Path(settings.store).parent / "buckets" / "pics"
    bucket.parent.mkdir()
    folder.rename(bucket)
    code, _, told = run("import", "s3://pics")
    assert code == 6
    assert "there is no increment.meta in s3://pics/" in told
    (bucket / "increment.meta").write_text(json.dumps(add("b", "boots/front.jpg")))
    assert run("import", "s3://pics")[0] == 0
    assert keys(deployment) == [("b", "boots/front.jpg")]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("import",), 2, "say what to import"),
        (("import", "/nonexistent"), 2, "there is no folder"),
        (("import", "s3://UPPER/x"), 2, "cannot be a bucket's name"),
        (("rebuild", "s3://pics/x"), 3, "is empty"),
        (("import", "--cancel"), 4, "no import of collection shop is unfinished"),
        (("export", "--json"), 2, "--output"),
        (("bind", "/photos"), 2, "s3://bucket/path"),
        (("bind", "s3://pics/x", "--external-id", "e"), 2, "--role"),
        (("bind", "s3://pics/x", "--role", "reader"), 6, "'reader' is not the ARN of a role"),
        (("unbind", "s3://pics/x"), 3, "not bound"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    found, said, told = run(*arguments)
    assert found == code
    assert words in " ".join((said + told).split())


def test_rebuild_and_export(run: Run, deployment: Deployment, folder: Path, tmp_path: Path) -> None:
    assert run("import", str(folder), "--yes")[0] == 0
    (folder / "increment.meta").write_text(json.dumps(add("hat", "hat/1.jpg", CategoryId=5)))
    assert run("rebuild", str(folder))[0] == 0
    assert keys(deployment) == [("hat", "hat/1.jpg")]
    line = {
        "OperationType": "ADD",
        "ProductId": "hat",
        "PicName": "hat/1.jpg",
        "CategoryId": 5,
        "Region": "0,112,0,112",
    }
    assert json.loads(run("export", "-o", str(tmp_path / "out"), "--json")[1]) == {
        "written": str(tmp_path / "out"),
        "records": 1,
    }
    assert json.loads((tmp_path / "out").read_text()) == line


def test_bindings_are_made_listed_and_removed(run: Run, deployment: Deployment) -> None:
    assert run("bind", "s3://pics/", "-c", "shop")[0] == 0
    arn = "arn:aws:iam::123456789012:role/reader"
    made = json.loads(run("bind", "s3://theirs/a/b/", "--role", arn, "--json")[1])
    assert made["path"] == "/a/b"
    assert len(made["external_id"]) == 32
    again = json.loads(run("bind", "s3://theirs/a/b", "--role", arn, "--json")[1])
    assert again["external_id"] == made["external_id"]
    assert [
        (each["bucket"], each["role"]) for each in json.loads(run("bindings", "--json")[1])
    ] == [("pics", None), ("theirs", arn)]
    assert "s3://theirs/a/b" in run("bindings")[1]  # a narrow terminal folds longer words
    assert run("unbind", "s3://theirs/a/b")[0] == 0
    assert bindings(deployment.store) == [Binding("pics", "/", "shop")]
    assert run("bind", "s3://pics/", "-c", "none")[0] == 3


PROGRAM = """
import signal, sys
from functools import partial
import chalicelib.wiring, cli.workers
from chalicelib.config import Settings
from tests.imports.tiny_deployment import build
from cli.main import execute

if __name__ == "__main__":
    # Tests in the background of a shell inherit that it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings = Settings(store=sys.argv[1], secrets=sys.argv[1] + ".json", import_workers=2)
    deployment = build(settings)
    chalicelib.wiring.deployment = lambda: deployment
    cli.workers.ImportWorkers = partial(cli.workers.ImportWorkers, build=build)
    sys.exit(execute(["import", sys.argv[2]]))
"""


@pytest.mark.timeout(1800)
def test_ctrl_c_stops_cleanly_and_the_same_command_goes_on(
    deployment: Deployment, settings: Settings, tmp_path: Path
) -> None:
    pictures = tmp_path / "many"
    pictures.mkdir()
    for number in range(300):
        (pictures / f"{number}.jpg").write_bytes(drawn(number))
    (pictures / "increment.meta").write_text(
        "\n".join(json.dumps(add("p", f"{number}.jpg")) for number in range(300))
    )
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2]), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, str(program), settings.store, str(pictures)]
    # slow enough that a busy machine, too, sends the signal long before the end
    with subprocess.Popen(
        command, env=environment | {"PACE_S": "0.1"}, stderr=subprocess.PIPE, text=True
    ) as first:
        while len(keys(deployment)) < 20 and first.poll() is None:
            time.sleep(0.05)
        first.send_signal(signal.SIGINT)
        _, told = first.communicate(timeout=600)
    assert first.returncode == 130, told
    assert "The same command goes on" in told
    (
        pictures / "increment.meta"
    ).unlink()  # what is gone on with was planned before; nothing is asked again
    before = len(keys(deployment))
    assert 20 <= before < 300
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Going on with job" in done.stderr
    assert "300 added, 0 deleted, 0 failed" in done.stdout
    assert len(keys(deployment)) == 300
