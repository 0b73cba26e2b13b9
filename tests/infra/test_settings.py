from __future__ import annotations

import ast
import itertools
from dataclasses import fields
from pathlib import Path

from chalicelib.config import Settings
from tests.infra.built import template
from tools.template import FUNCTION

ROOT = Path(__file__).parents[2]


def described() -> dict[str, str]:
    """The text under each field of Settings."""
    module = ast.parse((ROOT / "chalicelib/config.py").read_text())
    (body,) = (
        node.body
        for node in module.body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    )
    found = {}
    for field, text in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
        ):
            assert isinstance(text.value, ast.Constant)
            found[field.target.id] = " ".join(" ".join(str(text.value.value).split()).split())
    return found


def shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"`{value}`" if value != "" else "empty"


def test_settings_md_is_what_the_code_says() -> None:
    texts = described()
    rows = [
        f"| `LOOKALIKE_{f.name.upper()}` | {shown(f.default)} | {texts[f.name]} |"
        for f in fields(Settings)
    ]
    page = (ROOT / "docs/SETTINGS.md").read_text().splitlines()
    missing = [row for row in rows if row not in page]
    assert missing == [], "put these rows into docs/SETTINGS.md"
    stale = [line for line in page if line.startswith("| `LOOKALIKE_") and line not in rows]
    assert stale == [], "take these rows out of docs/SETTINGS.md"


def test_the_deployment_sets_only_settings_that_exist() -> None:
    known = {f"LOOKALIKE_{field.name.upper()}" for field in fields(Settings)}
    content = template()
    blocks = [content["Globals"]["Function"]["Environment"]["Variables"]]
    functions = (
        resource for resource in content["Resources"].values() if resource["Type"] == FUNCTION
    )
    blocks += [
        function["Properties"].get("Environment", {}).get("Variables", {}) for function in functions
    ]
    names = {name for block in blocks for name in block if name.startswith("LOOKALIKE_")}
    assert names <= known
    assert {
        "LOOKALIKE_STORE",
        "LOOKALIKE_SECRETS",
        "LOOKALIKE_QUEUE",
        "LOOKALIKE_SEARCH_FUNCTION",
    } <= names
