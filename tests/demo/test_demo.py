"""`make demo` without make: real server, real models, real pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def _demo(home: Path, *arguments: str, **environment: str) -> str:
    command = [sys.executable, "-c", "from cli.main import run; run()", "demo", *arguments]
    full = {
        **os.environ,
        "LOOKALIKE_STORE": str(home / "data"),
        "LOOKALIKE_SECRETS": str(home / "keys.json"),
        **environment,
    }
    done = subprocess.run(
        command, cwd=ROOT, env=full, capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_demo_finds_the_other_view_of_a_thing_and_ends(tmp_path: Path) -> None:
    first: dict[str, Any] = json.loads(_demo(tmp_path, "--json"))
    assert first["added"] == first["pictures"] >= 40
    best = first["results"][0]
    assert (best["rank"], best["product"], best["picture"]) == (
        1,
        "motorcycle",
        "motorcycle_left.png",
    )
    assert 0 < float(best["score"]) <= 1
    assert best["sort_expr_values"].count(";") == 1
    assert first["ms"] > 0
    title, heads, *rows = _demo(tmp_path, COLUMNS="80").splitlines()
    assert " ms" in title
    assert heads.split() == ["Rank", "Product", "Picture", "Category", "Score", "SortExprValues"]
    assert [row.split()[0] for row in rows] == [
        "1",
        "2",
        "3",
        "4",
        "5",
    ]  # none is folded in the narrowest of usual terminals
    assert "motorcycle_left.png" in rows[0]


def test_the_demo_takes_a_folder_of_one_s_own(tmp_path: Path) -> None:
    from tests.gateway.client import picture

    (tmp_path / "own" / "shoe").mkdir(parents=True)
    for number in range(3):
        (tmp_path / "own" / "shoe" / f"{number}.png").write_bytes(picture(number))
    told = json.loads(_demo(tmp_path, "--json", PICTURES=str(tmp_path / "own")))
    assert told["added"] == 3
    assert told["results"][0]["sort_expr_values"] == "7.33136443711219e+24;0"
