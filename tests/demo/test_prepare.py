from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.errors import NotFound
from chalicelib.usecases.deployment import Deployment
from chalicelib.usecases.picture_urls import picture_urls
from cli.folders import propose
from demo import pictures
from demo.pictures import Planned
from demo.prepare import COLLECTION, prepare
from demo.samples import sample_path
from tests.gateway.client import memory_deployment, picture


@pytest.fixture
def deployment() -> Deployment:
    return memory_deployment()


def _planned(folder: Path | None) -> list[Planned]:
    return (
        pictures.plan()
        if folder is None
        else pictures.plan_of_folder(folder, propose(folder).pictures)
    )


def _prepare(deployment: Deployment, folder: Path | None, samples: Path) -> tuple[int, int]:
    steps: list[tuple[int, int]] = []
    done = prepare(
        deployment,
        _planned(folder),
        folder=folder,
        samples=samples,
        template="/samples/demo/{PicName}",
        step=lambda at, total: steps.append((at, total)),
    )
    assert steps[-1] == (done.total, done.total)
    return done.added, done.total


def test_the_first_start_adds_everything_and_the_second_nothing(
    deployment: Deployment, tmp_path: Path
) -> None:
    total = len(pictures.plan())
    assert _prepare(deployment, None, tmp_path) == (total, total)
    assert _prepare(deployment, None, tmp_path) == (0, total)
    assert len(deployment.catalog.open(COLLECTION).snapshot()) == total
    assert picture_urls(deployment) == {COLLECTION: "/samples/demo/{PicName}"}
    assert len(list((tmp_path / COLLECTION).iterdir())) == total


def test_a_start_that_was_cut_off_is_gone_on_with(deployment: Deployment, tmp_path: Path) -> None:
    def cut(at: int, total: int) -> None:
        del total
        if at == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(
            deployment,
            pictures.plan(),
            folder=None,
            samples=tmp_path,
            template="/x/{PicName}",
            step=cut,
        )
    total = len(pictures.plan())
    assert _prepare(deployment, None, tmp_path) == (total - 5, total)


def test_a_folder_of_one_s_own_is_linked_not_copied_and_bad_files_are_left_out(
    deployment: Deployment, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.png").write_bytes(picture(1))
    (own / "b.png").write_bytes(b"no picture")
    done = prepare(
        deployment,
        _planned(own),
        folder=own,
        samples=tmp_path / "samples",
        template="/samples/demo/{PicName}",
        step=lambda *_: None,
    )
    assert (done.added, done.total) == (1, 2)
    assert [name for name, _ in done.refused] == ["b.png"]
    assert sample_path(tmp_path / "samples", f"{COLLECTION}/a.png") == own / "a.png"
    assert [path.name for path in (tmp_path / "samples").rglob("*.png")] == []


def test_a_start_with_the_own_pictures_and_one_without_leave_the_own_folder_alone(
    deployment: Deployment, tmp_path: Path
) -> None:
    own, samples = tmp_path / "own", tmp_path / "samples"
    own.mkdir()
    (own / "a.png").write_bytes(picture(1))
    total = len(pictures.plan())
    assert _prepare(deployment, own, samples) == (1, 1)
    assert _prepare(deployment, None, samples) == (total, total)
    assert [path.name for path in own.iterdir()] == ["a.png"]
    assert sample_path(samples, f"{COLLECTION}/a.png") == own / "a.png"
    assert (
        sample_path(samples, f"{COLLECTION}/astronaut.png")
        == samples / COLLECTION / "astronaut.png"
    )


def test_other_models_mean_a_fresh_collection(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "a.png").write_bytes(picture(1))
    assert _prepare(deployment, own, tmp_path / "s") == (1, 1)
    monkeypatch.setattr(type(deployment.analyzer()), "fingerprint", "tiny-2")
    assert _prepare(deployment, own, tmp_path / "s") == (1, 1)
    assert deployment.catalog.open(COLLECTION).info.fingerprint == "tiny-2"


def test_an_absent_folder_is_refused(deployment: Deployment, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not a folder"):
        _prepare(deployment, tmp_path / "absent", tmp_path)
