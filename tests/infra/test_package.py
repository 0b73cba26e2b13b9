from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.deploy import commands, next_steps
from tools.package import ROOT, Order, configured, copy_project


def test_nothing_is_shipped_but_code_models_and_configuration(tmp_path: Path) -> None:
    copy_project(tmp_path / "stage", Order())
    names = {path.relative_to(tmp_path / "stage").as_posix() for path in (tmp_path / "stage").rglob("*") if path.is_file()}
    assert {"app.py", "requirements.txt", ".chalice/config.json", "vendor/models/__init__.py", "chalicelib/errors.py"} <= names
    assert not [name for name in names if name.endswith(".pyc") or "/build/" in name or name.startswith("tests")]


def test_a_stage_that_is_not_described_is_made_like_prod() -> None:
    config = json.loads((ROOT / ".chalice/config.json").read_text())
    made = configured(config, Order(stage="trial", arch="arm64"))
    assert made["stages"]["trial"] == made["stages"]["prod"]
    assert made["lambda_architecture"] == "arm64"


def test_every_function_names_its_own_policy_file() -> None:
    functions = json.loads((ROOT / ".chalice/config.json").read_text())["stages"]["prod"]["lambda_functions"]
    policies = [function["iam_policy_file"] for function in functions.values()]
    assert len(set(policies)) == len(policies)
    assert {path.name for path in (ROOT / ".chalice").glob("policy-*.json")} == set(policies)


def test_the_pins_of_the_package_agree_with_the_runtime_requirements() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = [line for line in (ROOT / name).read_text().splitlines() if "==" in line]
        return dict(line.split("==") for line in lines)

    assert not pins("constraints.txt").keys() & pins("requirements.txt").keys()
    assert pins("constraints.txt")["chalice"] == pins("requirements-dev.txt")["chalice"]


def test_a_deployment_uploads_then_deploys_with_the_parameters_given() -> None:
    upload, deploy = commands(
        Path("build/p"), stack="shop", region="eu-central-1", bucket="artefacts", parameters=["AlarmEmail=a@b.example"]
    )
    assert upload[:5] == ["aws", "--region", "eu-central-1", "cloudformation", "package"]
    assert "--parameter-overrides" in deploy
    assert deploy[-1] == "AlarmEmail=a@b.example"
    assert "CAPABILITY_IAM" in deploy
    assert upload[upload.index("--output-template-file") + 1] == deploy[deploy.index("--template-file") + 1]


@pytest.mark.parametrize(
    ("outputs", "endpoint"),
    [
        ({"FunctionUrl": "https://abc.lambda-url.eu-central-1.on.aws/"}, "abc.lambda-url.eu-central-1.on.aws"),
        ({"FunctionUrl": "https://abc/", "Endpoint": "img.example.com", "DomainTarget": "d-1.example"}, "img.example.com"),
    ],
)
def test_after_a_deployment_the_endpoint_is_a_bare_host(outputs: dict[str, str], endpoint: str) -> None:
    said = next_steps({"StoreBucket": "store", "KeysSecret": "arn:secret", **outputs}, "eu-central-1")
    assert f"Endpoint for clients:  {endpoint}\n" in said
    assert "LOOKALIKE_STORE=s3://store" in said
