from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from chalicelib.usecases.deployment import Deployment
from tests.command import Run
from tests.gateway.client import picture


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Three things of two pictures each in the gallery, searched with a third, smaller, picture of
    each; one of them mislabelled.
    """
    folder = tmp_path / "labelled"
    folder.mkdir()
    rows = ["path,split,label,category,instance"]
    for thing in range(3):
        for copy, side in enumerate((240, 200, 160)):
            name = f"{thing}-{copy}.png"
            (folder / name).write_bytes(picture(thing, (side, side)))
            split = "query_small" if copy == 2 else "gallery"
            instance = "thing0" if (thing, copy) == (2, 2) else f"thing{thing}"
            rows.append(f"{name},{split},,0,{instance}")
    Image.new("RGB", (10, 10)).save(folder / "tiny.png")
    rows.append("tiny.png,gallery,,,thing0")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_measures_come_from_the_real_add_and_search_paths(
    run: Run, labelled: Path, deployment: Deployment
) -> None:
    code, text, _ = run("quality", str(labelled), "--json")
    report = json.loads(text)
    assert code == 0
    assert report["gallery"] == 7
    split = report["splits"]["query_small"]
    assert split["queries"] == 3
    assert split["r1"] == pytest.approx(2 / 3)
    assert split["r5"] == 1.0
    assert 2 / 3 < split["map"] < 1
    assert report["category_accuracy"] == 1.0
    assert report["misses"][0]["path"] == "2-2.png"
    assert report["misses"][0]["taken_for"] == "thing2"
    assert [row["path"] for row in report["refused"]] == ["tiny.png"]
    assert deployment.catalog.names() == []


def test_people_get_tables(run: Run, labelled: Path) -> None:
    code, text, error = run("quality", str(labelled))
    assert code == 0
    for word in ("R@1", "66.7%", "Category right: 100.0%", "Surest mistakes", "2-2.png"):
        assert word in text
    assert "tiny.png" in error


def test_a_folder_without_labels_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, error = run("quality", str(tmp_path))
    assert code == 2
    assert "labels.csv" in error
